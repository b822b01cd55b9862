/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of the probes, as the supervisor's side reads and writes them. */
#ifndef BPF_PROBES_H
#define BPF_PROBES_H

#include <linux/faultline.h>

#define PROBES_PROCESSES_MAX	4096
#define PROBES_WATCHES_MAX	1024
#define PROBES_STACK_MAX	4096	/* bytes of user stack, of the FAULTLINE_STACK_MAX */
#define PROBES_MAPS_MAX		6144	/* bytes of mappings, of the FAULTLINE_MAPS_MAX */
/* A FATAL record with all that can come with it. */
#define PROBES_FATAL_MAX	(sizeof(struct faultline_record) + sizeof(struct faultline_capture) + \
				 PROBES_STACK_MAX + PROBES_MAPS_MAX + sizeof(struct faultline_memory))
#define PROBES_RING_SIZE	(512 * 1024)
#define PROBES_FILTER_SIZE	4096	/* a power of two; one page */
/* Powers of two above FAULTLINE_RECORD_RANGE, and of signals: the last one has the place of 0. */
#define PROBES_TYPES		8
#define PROBES_KINDS		64

/**
 * struct probes_cause - the signal that ends a process, as it was sent
 * @signo: 0 while there is none
 * @flags: FAULTLINE_F_SENT, FAULTLINE_F_KERNEL
 * @tid: the thread that it was sent to; 0: to the process
 *
 * The others are as in struct faultline_record.
 */
struct probes_cause {
	__s32 signo;
	__s32 code;
	__s32 errno_;
	__u32 flags;
	__s32 sender_tgid;
	__u32 sender_uid;
	__s32 tid;
	__u32 reserved;
	__u64 fault_addr;
};

/**
 * struct probes_process - a watched process; the key is its tgid
 * @flags: FAULTLINE_F_MAIN
 * @reported: its FATAL record is out, or was lost and counted
 * @cause: what will end it once it is delivered
 */
struct probes_process {
	__u64 cookie;
	__u32 watch;
	__u32 flags;
	__u32 reported;
	__u32 reserved;
	struct probes_cause cause;
};

/**
 * struct probes_watch - a watch; the key is its id
 * @processes: live processes
 */
struct probes_watch {
	__u32 processes;
	__u32 reserved;
};

/**
 * struct probes_settings - the settings of a watch; the key is its id
 * @value: by enum faultline_watch_attr
 *
 * Apart from the watch, as only the supervisor writes them.
 */
struct probes_settings {
	__u64 value[FAULTLINE_WATCH_A_PAD];
};

/**
 * struct probes_counters - what the probes did, for each CPU
 * @written: records that went into the ring
 * @lost_full: records that did not, because the ring was full
 * @captures: captures taken
 * @captures_missed: FATAL records that went out bare, to leave the rest of the
 *	ring to records alone
 * @unwatched: processes that could not be watched because the table was full
 * @suppressed: limits that were reached less than a second after the last record of them
 * @records: of those written and those lost, how many of each type and kind, PROBES_RECORD():
 *	a signal (FATAL) or code (HANG, HANG_OVER, LIMIT, RANGE); 0 (EXIT)
 *
 * emitted = written + lost_full, which is the sum of @records.
 */
struct probes_counters {
	__u64 written;
	__u64 lost_full;
	__u64 captures;
	__u64 captures_missed;
	__u64 unwatched;
	__u64 suppressed;
	__u64 records[PROBES_TYPES * PROBES_KINDS];
};

#define PROBES_RECORD(type, kind) ((type) * PROBES_KINDS + ((kind) & (PROBES_KINDS - 1)))

/**
 * struct probes_reader - how far the reader of the ring has come
 * @position: of the newest record with a number, in the ring
 * @seq: its number; 0: none has one yet
 * @acked: newest number that was acknowledged, or forgotten
 * @forgotten: records that a supervisor had taken, and died before it acknowledged them
 */
struct probes_reader {
	__u64 position;
	__u64 seq;
	__u64 acked;
	__u64 forgotten;
};

/**
 * struct probes_shared - memory that the programs and the supervisor share
 * @filter: how many watched processes have this tgid, modulo the size, one byte
 *	for each. Where it is 0 nobody is watched, and one load has told so; it
 *	is raised before a process enters the table, and lowered after it has
 *	left. At the page's beginning, for the sake of caches; changed in words,
 *	as there are no atomic operations on bytes.
 * @core_pipe: core_pattern hands core dumps to a program
 * @watch: newest id given to a watch
 * @reader: the supervisor's own, as is the following; the one that counts is at @current,
 *	the other one may be half written
 */
struct probes_shared {
	__u64 filter[PROBES_FILTER_SIZE / 8];
	__u32 core_pipe;
	__u32 watch;
	struct probes_reader reader[2];
	__u32 current;
	__u32 reserved;
};

/* The count of a tgid; its word; what is one more of it in that word (a little-endian machine). */
#define PROBES_FILTER(shared, tgid) \
	(&((const volatile __u8 *)(shared)->filter)[(__u32)(tgid) & (PROBES_FILTER_SIZE - 1)])
#define PROBES_FILTER_WORD(shared, tgid) \
	(&(shared)->filter[((__u32)(tgid) & (PROBES_FILTER_SIZE - 1)) / 8])
#define PROBES_FILTER_ONE(tgid) (1ULL << ((tgid) & 7) * 8)
/* More of one tgid, modulo the size, are not watched: their count would run over. */
#define PROBES_FILTER_MAX 250

#endif /* BPF_PROBES_H */
