/* SPDX-License-Identifier: GPL-2.0-only */
/* The range of operation of watches: the maps of range.bpf.c, as the supervisor's side reads and writes them. */
#ifndef BPF_RANGE_H
#define BPF_RANGE_H

#include <linux/types.h>

/* A path, its zero byte included; the longest key that the kernel's tries take leaves no more. */
#define RANGE_NAME_SIZE		248
#define RANGE_RULES_MAX		16384
#define RANGE_ADDRESSES_MAX	4096
#define RANGE_LEARNT_MAX	4096
#define RANGE_TOLD_MAX		1024
/* Records that are being made at a time; and how many of them one looks at for a free place. */
#define RANGE_DESKS		32
#define RANGE_DESK_TRIES	4

enum range_mode {
	RANGE_OFF,
	RANGE_LEARN,	/* note what is used */
	RANGE_REPORT,	/* a record of what is outside, once for each thing and watch */
	RANGE_REFUSE,	/* and it fails */
};

/* What is done with a file. */
#define RANGE_READ	(1U << 0)
#define RANGE_WRITE	(1U << 1)
#define RANGE_EXECUTE	(1U << 2)

/* Kinds of what is learnt. */
enum range_kind {
	RANGE_KIND_FILE,	/* name: path */
	RANGE_KIND_UNIX,	/* name: the address as the process has it; "@" begins one without a file */
	RANGE_KIND_FAMILY,	/* number: address family of a socket */
	RANGE_KIND_ADDRESS,	/* address */
	RANGE_KIND_CAPABILITY,	/* number */
};

enum range_operation {
	RANGE_CONNECT,	/* or send to, without a connection */
	RANGE_BIND,
};

/**
 * struct range_setting - of a watch; the key is its id
 * @mode: enum range_mode
 * @set: whose rules they are: the same for each process that an application has in time
 * @families: bits of address families that sockets may have
 * @capabilities: bits
 */
struct range_setting {
	__u32 mode;
	__u32 set;
	__u64 families;
	__u64 capabilities;
};

/** struct range_address - an address of the internet; a part that is 0 is any */
struct range_address {
	__u16 family;
	__u16 port;		/* network order */
	__u16 operation;	/* enum range_operation */
	__u16 reserved;
	__u8 address[16];
};

struct range_address_key {
	__u32 set;
	struct range_address address;
};

/**
 * struct range_key - a name, in three kinds of tables
 * @lead: rules: bits of what follows that count; else an enum range_kind
 * @set: rules: the set, with RANGE_SET_UNIX for names of sockets; learnt: the
 *	set; told: the watch
 */
struct range_key {
	__u32 lead;
	__u32 set;
	union {
		char name[RANGE_NAME_SIZE];
		struct range_address address;
		__u32 number;
	};
};

#define RANGE_SET_UNIX	0x80000000U
/* Bits of range_key::lead for a path: with its zero byte, one file; without, all that begins so. */
#define RANGE_BITS(bytes)	(32 + 8 * (bytes))

/**
 * struct range_learnt - what was done with it
 * @access: of files
 * @pid: a process that did it
 */
struct range_learnt {
	__u32 access;
	__s32 pid;
};

/**
 * struct range_shared - memory that the programs and the supervisor share
 * @outside: what was outside of a range, each time
 * @refused: of these, what failed for it
 * @unlearnt: what found the table full
 */
struct range_shared {
	__u64 outside;
	__u64 refused;
	__u64 unlearnt;
	__u64 one;
};

#endif /* BPF_RANGE_H */
