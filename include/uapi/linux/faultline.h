/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Faultline: the one binary form of a kernel event, and the generic netlink
 * family that carries it.
 *
 * The record is written by the kernel module and by the eBPF probes and read
 * by the supervisor; kmod/faultline.yaml describes the same family for the
 * kernel's ynl tools. Integers are in host byte order, structures have no
 * padding, and a reader accepts a longer record than it knows: fields are only
 * ever appended, and @len says where the next record begins.
 */
#ifndef _UAPI_LINUX_FAULTLINE_H
#define _UAPI_LINUX_FAULTLINE_H

#include <linux/types.h>

#define FAULTLINE_GENL_NAME		"faultline"
#define FAULTLINE_GENL_VERSION		1
#define FAULTLINE_GENL_MCGRP_EVENTS	"events"

#define FAULTLINE_COMM_LEN		16
#define FAULTLINE_REGS_MAX		40	/* 64-bit words; x86-64 uses 27, arm64 34 */
#define FAULTLINE_STACK_MAX		4096	/* bytes of user stack in a capture */
#define FAULTLINE_MAPS_MAX		8192	/* bytes of the list of mappings */
#define FAULTLINE_BUILD_ID_MAX		20	/* bytes of a mapping's build id */

/**
 * enum faultline_record_type - what happened
 * @FAULTLINE_RECORD_FATAL: a signal whose action in force is to end the
 *	process was delivered; emitted before the process is gone
 * @FAULTLINE_RECORD_EXIT: the last thread of a watched process has ended
 */
enum faultline_record_type {
	FAULTLINE_RECORD_UNSPEC,
	FAULTLINE_RECORD_FATAL,
	FAULTLINE_RECORD_EXIT,
};

/* struct faultline_record::flags */
#define FAULTLINE_F_CAPTURE	(1U << 0)	/* a struct faultline_capture follows */
#define FAULTLINE_F_COREDUMP	(1U << 1)	/* the kernel dumps core for this end */
#define FAULTLINE_F_SENT	(1U << 2)	/* another process sent the signal: sender_* are set */
#define FAULTLINE_F_MAIN	(1U << 3)	/* the process that the watch was set on */
#define FAULTLINE_F_LAST	(1U << 4)	/* no process of the watch is left; the watch is gone */
#define FAULTLINE_F_KERNEL	(1U << 5)	/* the kernel sent the signal */
#define FAULTLINE_F_OOM		(1U << 6)	/* SIGKILL: memory ran out, and this process was to free its own */
#define FAULTLINE_F_MAPS	(1U << 7)	/* after the capture, a struct faultline_maps */

/**
 * struct faultline_record - the fixed part of every kernel event
 * @len: bytes of the whole record, capture included; a multiple of 8
 * @type: enum faultline_record_type
 * @flags: FAULTLINE_F_*
 * @seq: global sequence number, from 1, without gaps for one load of the source
 * @cookie: the watch, in the supervisor's own words
 * @time_ns: CLOCK_BOOTTIME when it happened
 * @watch: the watch's id, from 1, never used twice for one load of the source
 * @tgid: process, in the initial pid namespace
 * @tid: thread
 * @ptgid: parent process
 * @uid: real user id, in the initial user namespace
 * @signo: signal number (FATAL; EXIT: the signal that ended it, or 0)
 * @code: si_code (FATAL); exit status 0-255 (EXIT)
 * @sender_tgid: process that sent the signal, with FAULTLINE_F_SENT
 * @sender_uid: its real user id
 * @errno_: si_errno
 * @trapno: architecture's trap number where it is known, else 0
 * @fault_addr: si_addr of SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGTRAP, else 0
 * @error_code: architecture's fault error code where it is known, else 0
 * @comm: name of the thread, ended by a zero byte
 */
struct faultline_record {
	__u32	len;
	__u16	type;
	__u16	flags;
	__u64	seq;
	__u64	cookie;
	__u64	time_ns;
	__u32	watch;
	__s32	tgid;
	__s32	tid;
	__s32	ptgid;
	__u32	uid;
	__s32	signo;
	__s32	code;
	__s32	sender_tgid;
	__u32	sender_uid;
	__s32	errno_;
	__u32	trapno;
	__u32	reserved;
	__u64	fault_addr;
	__u64	error_code;
	char	comm[FAULTLINE_COMM_LEN];
};

/* struct faultline_capture::arch, the ELF machine numbers */
#define FAULTLINE_ARCH_X86_64	62	/* EM_X86_64 */
#define FAULTLINE_ARCH_AARCH64	183	/* EM_AARCH64 */

/**
 * struct faultline_capture - a thread's state at the moment of its fault
 * @arch: FAULTLINE_ARCH_*
 * @nregs: words of @regs that are set, in the order of the architecture's
 *	struct user_regs_struct (x86-64) or struct user_pt_regs (arm64)
 * @stack_addr: user address of the first byte of @stack (the stack pointer)
 * @stack_len: bytes of @stack; may be 0 where the stack could not be read
 * @cost_ns: time that taking the capture cost the faulting thread
 * @regs: general registers
 * @stack: top of the user stack, growing addresses, padded to 8 bytes
 */
struct faultline_capture {
	__u16	arch;
	__u16	nregs;
	__u32	stack_len;
	__u64	stack_addr;
	__u64	cost_ns;
	__u64	regs[FAULTLINE_REGS_MAX];
	__u8	stack[];
};

/* struct faultline_maps::flags */
#define FAULTLINE_MAPS_PARTIAL	(1U << 0)	/* mappings were left out for want of room */

/**
 * struct faultline_maps - the process's mappings when its capture was taken
 * @len: bytes of the block, this header included; a multiple of 8
 * @count: how many struct faultline_map follow
 * @flags: FAULTLINE_MAPS_*; a partial list has the mappings of files first of
 *	all, and those that hold the program counter and the stack pointer
 *
 * It begins at the first multiple of 8 after the stack of the capture.
 */
struct faultline_maps {
	__u32	len;
	__u16	count;
	__u16	flags;
};

/* struct faultline_map::flags */
#define FAULTLINE_MAP_READ	(1U << 0)
#define FAULTLINE_MAP_WRITE	(1U << 1)
#define FAULTLINE_MAP_EXEC	(1U << 2)
#define FAULTLINE_MAP_SHARED	(1U << 3)
#define FAULTLINE_MAP_FILE	(1U << 4)	/* @offset and the name are a file's */
#define FAULTLINE_MAP_SAME	(1U << 5)	/* the file of the mapping before it; no name */

/**
 * struct faultline_map - one mapping, in rising addresses
 * @start: first address
 * @end: first address behind it
 * @offset: of @start in the file, in bytes
 * @flags: FAULTLINE_MAP_*
 * @name_len: bytes of the name: a file's path as the process sees it, or what
 *	the kernel calls a mapping without file ("[stack]"), or 0
 * @build_id_len: bytes of the file's build id; 0 where it has none or its notes
 *	were not in memory
 * @reserved: 0
 * @data: the build id, then the name, which ends without a zero byte; padded to
 *	8 bytes, where the next mapping begins
 */
struct faultline_map {
	__u64	start;
	__u64	end;
	__u64	offset;
	__u32	flags;
	__u16	name_len;
	__u8	build_id_len;
	__u8	reserved;
	__u8	data[];
};

/**
 * enum faultline_cmd - commands of the family; all need CAP_NET_ADMIN
 * @FAULTLINE_CMD_WATCH_SET: begin to watch process FAULTLINE_A_PID under
 *	FAULTLINE_A_COOKIE; answers FAULTLINE_A_WATCH. Processes that it forks
 *	from then on belong to the watch. A process has one watch: -EEXIST.
 * @FAULTLINE_CMD_WATCH_GET: dump of the watches: FAULTLINE_A_WATCH,
 *	FAULTLINE_A_COOKIE, FAULTLINE_A_PID (the main process, 0 once it has
 *	ended) and FAULTLINE_A_PROCESSES
 * @FAULTLINE_CMD_WATCH_DEL: stop watching FAULTLINE_A_WATCH; its processes go on
 * @FAULTLINE_CMD_EVENT: notification on the multicast group: one or more
 *	FAULTLINE_A_RECORD in rising sequence
 * @FAULTLINE_CMD_EVENT_GET: dump of the records that are kept, from
 *	FAULTLINE_A_SINCE on (exclusive; 0 or absent: all)
 * @FAULTLINE_CMD_EVENT_ACK: every record up to FAULTLINE_A_SEQ, inclusive, is
 *	safe with the supervisor and need not be kept
 * @FAULTLINE_CMD_STATS_GET: answers FAULTLINE_A_STATS
 */
enum faultline_cmd {
	FAULTLINE_CMD_UNSPEC,
	FAULTLINE_CMD_WATCH_SET,
	FAULTLINE_CMD_WATCH_GET,
	FAULTLINE_CMD_WATCH_DEL,
	FAULTLINE_CMD_EVENT,
	FAULTLINE_CMD_EVENT_GET,
	FAULTLINE_CMD_EVENT_ACK,
	FAULTLINE_CMD_STATS_GET,

	__FAULTLINE_CMD_MAX,
	FAULTLINE_CMD_MAX = __FAULTLINE_CMD_MAX - 1
};

/**
 * enum faultline_attr - attributes of the family
 * @FAULTLINE_A_PID: u32, process id in the caller's pid namespace
 * @FAULTLINE_A_COOKIE: u64
 * @FAULTLINE_A_WATCH: u32
 * @FAULTLINE_A_PROCESSES: u32, live processes of the watch
 * @FAULTLINE_A_RECORD: binary, struct faultline_record, its capture and mappings
 * @FAULTLINE_A_SINCE: u64, sequence number
 * @FAULTLINE_A_SEQ: u64, sequence number
 * @FAULTLINE_A_STATS: nest of FAULTLINE_STATS_A_*
 */
enum faultline_attr {
	FAULTLINE_A_UNSPEC,
	FAULTLINE_A_PID,
	FAULTLINE_A_COOKIE,
	FAULTLINE_A_WATCH,
	FAULTLINE_A_PROCESSES,
	FAULTLINE_A_RECORD,
	FAULTLINE_A_SINCE,
	FAULTLINE_A_SEQ,
	FAULTLINE_A_STATS,
	FAULTLINE_A_PAD,

	__FAULTLINE_A_MAX,
	FAULTLINE_A_MAX = __FAULTLINE_A_MAX - 1
};

/**
 * enum faultline_stats_attr - the ledger and the costs, all u64
 * @FAULTLINE_STATS_A_EMITTED: records that a detector made
 * @FAULTLINE_STATS_A_DELIVERED: records that the supervisor acknowledged
 * @FAULTLINE_STATS_A_PENDING: records waiting in a slot or for acknowledgement
 * @FAULTLINE_STATS_A_LOST_NO_SLOT: lost because the burst room was full
 * @FAULTLINE_STATS_A_SEQ: newest sequence number given
 * @FAULTLINE_STATS_A_ACKED: newest sequence number acknowledged
 * @FAULTLINE_STATS_A_CAPTURES: captures taken
 * @FAULTLINE_STATS_A_CAPTURES_MISSED: records that went out without a capture
 *	because no capture buffer was free
 * @FAULTLINE_STATS_A_WATCHES: watches in force
 * @FAULTLINE_STATS_A_PROCESSES: processes watched
 * @FAULTLINE_STATS_A_UNWATCHED: processes that could not be watched because
 *	the table was full
 *
 * At every moment emitted = delivered + pending + the sum of LOST_*.
 */
enum faultline_stats_attr {
	FAULTLINE_STATS_A_UNSPEC,
	FAULTLINE_STATS_A_EMITTED,
	FAULTLINE_STATS_A_DELIVERED,
	FAULTLINE_STATS_A_PENDING,
	FAULTLINE_STATS_A_LOST_NO_SLOT,
	FAULTLINE_STATS_A_SEQ,
	FAULTLINE_STATS_A_ACKED,
	FAULTLINE_STATS_A_CAPTURES,
	FAULTLINE_STATS_A_CAPTURES_MISSED,
	FAULTLINE_STATS_A_WATCHES,
	FAULTLINE_STATS_A_PROCESSES,
	FAULTLINE_STATS_A_UNWATCHED,
	FAULTLINE_STATS_A_PAD,

	__FAULTLINE_STATS_A_MAX,
	FAULTLINE_STATS_A_MAX = __FAULTLINE_STATS_A_MAX - 1
};

#endif /* _UAPI_LINUX_FAULTLINE_H */
