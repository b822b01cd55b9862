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
#define FAULTLINE_RECORD_MAX		32256	/* bytes of a record, all included */
#define FAULTLINE_STACK_MAX		16384	/* bytes of user stack in a capture */
#define FAULTLINE_MAPS_MAX		8192	/* bytes of the list of mappings */
#define FAULTLINE_BUILD_ID_MAX		20	/* bytes of a mapping's build id */
#define FAULTLINE_THREADS_MAX		64	/* other threads that are listed */
#define FAULTLINE_AUXV_MAX		64	/* 64-bit words of the auxiliary vector */

/**
 * enum faultline_record_type - what happened
 * @FAULTLINE_RECORD_FATAL: a signal whose action in force is to end the
 *	process was delivered; emitted before the process is gone
 * @FAULTLINE_RECORD_EXIT: the last thread of a watched process has ended
 * @FAULTLINE_RECORD_HANG: a watched process does not get on; @code is an enum
 *	faultline_hang, @tid the thread where it is one thread's matter; it goes
 *	on, and the evidence is in a block
 * @FAULTLINE_RECORD_HANG_OVER: what a HANG record told is over by itself; @code
 *	likewise
 * @FAULTLINE_RECORD_LIMIT: a limit was reached and the process goes on; @code is
 *	an enum faultline_limit, the figures are in a block
 * @FAULTLINE_RECORD_HELD: the thread @tid waits, with its fatal signal before
 *	it, until it is released or its time is over; FATAL follows then
 * @FAULTLINE_RECORD_RANGE: something outside the range of the watch; @code is an
 *	enum faultline_range, @errno_ what the process was refused with, or 0; a
 *	block has its name or address, @error_code the number of a capability
 */
enum faultline_record_type {
	FAULTLINE_RECORD_UNSPEC,
	FAULTLINE_RECORD_FATAL,
	FAULTLINE_RECORD_EXIT,
	FAULTLINE_RECORD_HANG,
	FAULTLINE_RECORD_HANG_OVER,
	FAULTLINE_RECORD_LIMIT,
	FAULTLINE_RECORD_HELD,
	FAULTLINE_RECORD_RANGE,
};

/**
 * enum faultline_hang - in which way a process does not get on
 * @FAULTLINE_HANG_DSTATE: a thread is in an uninterruptible sleep for too long
 * @FAULTLINE_HANG_STARVED: a thread is runnable, and gets no CPU
 * @FAULTLINE_HANG_SPIN: a thread uses a CPU without pause and gets nowhere
 * @FAULTLINE_HANG_DEADLOCK: work is due, and every thread waits for another
 * @FAULTLINE_HANG_HEARTBEAT: the heartbeat did not come in time
 */
enum faultline_hang {
	FAULTLINE_HANG_UNSPEC,
	FAULTLINE_HANG_DSTATE,
	FAULTLINE_HANG_STARVED,
	FAULTLINE_HANG_SPIN,
	FAULTLINE_HANG_DEADLOCK,
	FAULTLINE_HANG_HEARTBEAT,
};

/**
 * enum faultline_limit - what ran short
 * @FAULTLINE_LIMIT_MEMORY: bytes of memory
 * @FAULTLINE_LIMIT_PROCESSES: processes or threads
 * @FAULTLINE_LIMIT_FILES: open files
 * @FAULTLINE_LIMIT_CPU: CPU time, in ns
 * @FAULTLINE_LIMIT_FILESIZE: bytes of a file
 * @FAULTLINE_LIMIT_STACK: bytes of stack
 * @FAULTLINE_LIMIT_SPACE: room on a file system, or of a quota
 */
enum faultline_limit {
	FAULTLINE_LIMIT_UNSPEC,
	FAULTLINE_LIMIT_MEMORY,
	FAULTLINE_LIMIT_PROCESSES,
	FAULTLINE_LIMIT_FILES,
	FAULTLINE_LIMIT_CPU,
	FAULTLINE_LIMIT_FILESIZE,
	FAULTLINE_LIMIT_STACK,
	FAULTLINE_LIMIT_SPACE,
};

/* What is outside of a watch's range. */
enum faultline_range {
	FAULTLINE_RANGE_UNSPEC,
	FAULTLINE_RANGE_FILE,
	FAULTLINE_RANGE_EXEC,
	FAULTLINE_RANGE_NET,
	FAULTLINE_RANGE_CAPABILITY,
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
#define FAULTLINE_F_BLOCKS	(1U << 8)	/* after both, struct faultline_block up to the record's end */

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
 * @stack_addr: user address of the first byte of @stack: the stack pointer, or,
 *	where that is below the stack because it is used up, the stack's begin
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
#define FAULTLINE_MAPS_PARTIAL	(1U << 0)	/* mappings were left out for want of room, or of time */

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
#define FAULTLINE_MAP_PROGRAM	(1U << 6)	/* of the file that was executed */
#define FAULTLINE_MAP_GROWS	(1U << 7)	/* a stack, which grows down as it is used */

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
 * struct faultline_block - further evidence, behind capture and mappings
 * @len: bytes of the block, this header included; a multiple of 8
 * @type: enum faultline_block_type; a reader steps over those it does not know
 * @flags: the type's own
 */
struct faultline_block {
	__u32	len;
	__u16	type;
	__u16	flags;
};

/**
 * enum faultline_block_type - which structure begins with the block
 * @FAULTLINE_BLOCK_ADDRESS: struct faultline_address, what was at the fault address
 * @FAULTLINE_BLOCK_SYSCALL: struct faultline_syscall, where the thread was in one
 * @FAULTLINE_BLOCK_THREADS: struct faultline_threads, where the other threads were
 * @FAULTLINE_BLOCK_FPREGS: struct faultline_fpregs, floating point registers
 * @FAULTLINE_BLOCK_HANG: why it is a hang
 * @FAULTLINE_BLOCK_KSTACK: kernel stack of the thread
 * @FAULTLINE_BLOCK_LIMIT: struct faultline_usage, what was used, and how much there may be
 * @FAULTLINE_BLOCK_PATH: struct faultline_path, of the file, or another object's name
 * @FAULTLINE_BLOCK_AUXV: struct faultline_auxv, what the kernel told the program at its start
 * @FAULTLINE_BLOCK_NETWORK: struct faultline_network, an address
 * @FAULTLINE_BLOCK_MEMORY: struct faultline_memory, what the process used
 */
enum faultline_block_type {
	FAULTLINE_BLOCK_UNSPEC,
	FAULTLINE_BLOCK_ADDRESS,
	FAULTLINE_BLOCK_SYSCALL,
	FAULTLINE_BLOCK_THREADS,
	FAULTLINE_BLOCK_FPREGS,
	FAULTLINE_BLOCK_HANG,
	FAULTLINE_BLOCK_KSTACK,
	FAULTLINE_BLOCK_LIMIT,
	FAULTLINE_BLOCK_PATH,
	FAULTLINE_BLOCK_AUXV,
	FAULTLINE_BLOCK_NETWORK,
	FAULTLINE_BLOCK_MEMORY,
};

/**
 * enum faultline_address_what - why an address could not be used
 * @FAULTLINE_ADDRESS_NULL: it is in the first 64 KiB: a null pointer, or next to one
 * @FAULTLINE_ADDRESS_UNMAPPED: no mapping has it
 * @FAULTLINE_ADDRESS_PROTECTION: a mapping has it, which does not grant the access
 * @FAULTLINE_ADDRESS_STACK: the thread's stack is used up: it may not grow so far,
 *	or the address is in the guard page below it
 * @FAULTLINE_ADDRESS_BEYOND: a mapping has it, and the file behind it ends before it
 *	or cannot be read
 * @FAULTLINE_ADDRESS_KERNEL: it is not the process's part of the address space
 * @FAULTLINE_ADDRESS_NONE: the processor does not tell which it was: on x86 one that
 *	is not canonical, or an instruction that is privileged
 */
enum faultline_address_what {
	FAULTLINE_ADDRESS_UNSPEC,
	FAULTLINE_ADDRESS_NULL,
	FAULTLINE_ADDRESS_UNMAPPED,
	FAULTLINE_ADDRESS_PROTECTION,
	FAULTLINE_ADDRESS_STACK,
	FAULTLINE_ADDRESS_BEYOND,
	FAULTLINE_ADDRESS_KERNEL,
	FAULTLINE_ADDRESS_NONE,
};

/**
 * struct faultline_address - what was at the address of a SIGSEGV or SIGBUS
 * @address: the fault address
 * @what: enum faultline_address_what
 * @access: FAULTLINE_MAP_READ, _WRITE or _EXEC: what was tried; 0 where unknown
 * @below_start: of the mapping that has the address, or the next one below it
 * @below_end: its end; 0: there is none
 * @above_start: of the next mapping above
 * @above_end: its end; 0: there is none
 * @below_flags: FAULTLINE_MAP_*
 * @above_flags: likewise
 */
struct faultline_address {
	struct faultline_block block;
	__u64	address;
	__u32	what;
	__u32	access;
	__u64	below_start;
	__u64	below_end;
	__u64	above_start;
	__u64	above_end;
	__u32	below_flags;
	__u32	above_flags;
};

/**
 * struct faultline_syscall - the system call in which the thread was
 * @nr: number
 * @args: arguments
 *
 * A thread that faults in user space is in none, and has no such block: the
 * kernel does not keep which one was the last.
 */
struct faultline_syscall {
	struct faultline_block block;
	__s64	nr;
	__u64	args[6];
};

/* struct faultline_thread::flags */
#define FAULTLINE_THREAD_STALE	(1U << 0)	/* it ran: @pc and @sp are of its last entry into the kernel */
#define FAULTLINE_THREAD_KERNEL	(1U << 1)	/* it has no user side: @pc and @sp are 0 */

/**
 * struct faultline_thread - where another thread was
 * @tid: in the initial pid namespace
 * @state: as in /proc/PID/stat: 'R', 'S', 'D', 'T', 't', 'X', 'Z', 'P', 'I'
 * @flags: FAULTLINE_THREAD_*
 * @reserved: 0
 * @syscall: in which it is; -1: in none
 * @pc: in user space
 * @sp: in user space
 * @comm: name, ended by a zero byte
 */
struct faultline_thread {
	__s32	tid;
	__u8	state;
	__u8	flags;
	__u16	reserved;
	__s64	syscall;
	__u64	pc;
	__u64	sp;
	char	comm[FAULTLINE_COMM_LEN];
};

/**
 * struct faultline_threads - the process's other threads, which were not stopped
 * @total: how many there were
 * @count: how many are listed: FAULTLINE_THREADS_MAX, or fewer for want of room
 */
struct faultline_threads {
	struct faultline_block block;
	__u32	total;
	__u32	count;
	struct faultline_thread threads[];
};

/**
 * struct faultline_fpregs - floating point registers
 * @regs: x86-64: what FXSAVE writes, struct user_fpregs_struct; the upper halves
 *	of AVX registers are not in it
 */
struct faultline_fpregs {
	struct faultline_block block;
	__u8	regs[512];
};

/**
 * struct faultline_auxv - the auxiliary vector, Elf64_auxv_t up to the end of the
 *	block, AT_NULL left out
 */
struct faultline_auxv {
	struct faultline_block block;
	__u64	words[];
};

/* struct faultline_memory::block.flags */
#define FAULTLINE_MEMORY_ENDED	(1U << 0)	/* it was given up already: @resident_peak alone is known */

/**
 * struct faultline_memory - FAULTLINE_BLOCK_MEMORY, of the process at its end, in
 *	bytes; in FATAL, and in the EXIT of a watch's main process without one
 * @size: of its address space
 * @size_peak: the most that was
 * @resident: in memory: @anon + @file + @shmem
 * @resident_peak: the most that was; with FAULTLINE_MEMORY_ENDED of all that the
 *	process was, before it executed this program as well (getrusage(2)), or 0
 * @anon: without a file
 * @file: of files
 * @shmem: shared
 * @swap: swapped out
 * @stack: of the address space, its stack
 *
 * As exact as the kernel's own counters: /proc/PID/status has the same.
 */
struct faultline_memory {
	struct faultline_block block;
	__u64	size;
	__u64	size_peak;
	__u64	resident;
	__u64	resident_peak;
	__u64	anon;
	__u64	file;
	__u64	shmem;
	__u64	swap;
	__u64	stack;
};

/**
 * enum faultline_scope - whose limit was reached
 * @FAULTLINE_SCOPE_SOFT: the watch's own, a setting of it: a warning
 * @FAULTLINE_SCOPE_PROCESS: a resource limit of the process (setrlimit(2))
 * @FAULTLINE_SCOPE_USER: of all processes of its user
 * @FAULTLINE_SCOPE_CGROUP: of its cgroup or one above
 * @FAULTLINE_SCOPE_FILESYSTEM: of the file system, or a quota on it
 * @FAULTLINE_SCOPE_SYSTEM: of the machine
 */
enum faultline_scope {
	FAULTLINE_SCOPE_UNSPEC,
	FAULTLINE_SCOPE_SOFT,
	FAULTLINE_SCOPE_PROCESS,
	FAULTLINE_SCOPE_USER,
	FAULTLINE_SCOPE_CGROUP,
	FAULTLINE_SCOPE_FILESYSTEM,
	FAULTLINE_SCOPE_SYSTEM,
};

/**
 * struct faultline_usage - a limit that was reached
 * @used: how much was in use, in the unit of enum faultline_limit; 0 where unknown
 * @limit: how much there may be; 0 where unknown
 * @scope: enum faultline_scope; UNSPEC where unknown
 * @times: how often it was reached since the record before that told so, this
 *	time included: a watch has one record a second of each limit
 */
struct faultline_usage {
	struct faultline_block block;
	__u64	used;
	__u64	limit;
	__u32	scope;
	__u32	times;
};

#define FAULTLINE_WCHAN_LEN	32

/* struct faultline_hang_block::flags of its head */
#define FAULTLINE_HANG_F_RUNNING	(1U << 0)	/* the thread had a CPU */
#define FAULTLINE_HANG_F_IOWAIT		(1U << 1)	/* it waited for a block device */
#define FAULTLINE_HANG_F_MEMSTALL	(1U << 2)	/* it waited for memory (PSI) */

/**
 * struct faultline_hang_block - FAULTLINE_BLOCK_HANG, in HANG and HANG_OVER
 * @block: its head
 * @duration_ns: for how long, in time that counts (see @lost_ns); SPIN: of CPU time
 * @threshold_ns: the threshold in force
 * @lost_ns: time that passed and does not count: the machine or the scan stood
 *	still or, for a heartbeat, its process waited for a CPU or for memory
 * @cpu_ns: CPU time of the thread in that time; DEADLOCK and HEARTBEAT: 0, as
 *	are the following, up to @samples
 * @user_ns: of that in user space, counted in ticks
 * @system_ns: in the kernel, likewise
 * @waited_ns: runnable without a CPU
 * @slept: how often it gave up the CPU by itself
 * @preempted: how often the CPU was taken from it
 * @bytes: that it read and wrote by system calls
 * @ip_low: SPIN: lowest user address that it was seen at
 * @ip_high: SPIN: highest
 * @samples: SPIN: how often it was looked at
 * @same: SPIN: how often all its user registers were as the time before
 * @state: letter of the thread's state, as ps(1) has it
 * @syscall: number of the system call that it sleeps in, else -1
 * @cpu: the CPU it runs or waits on
 * @rivals: STARVED: runnable threads of higher priority on that CPU
 * @equals: STARVED: runnable threads of ordinary priority on it
 * @threads: DEADLOCK: threads that wait, all that the watch has
 * @wchan: function of the kernel that it sleeps in, ended by a zero byte; empty
 *	where it is not known
 */
struct faultline_hang_block {
	struct faultline_block block;
	__u64	duration_ns;
	__u64	threshold_ns;
	__u64	lost_ns;
	__u64	cpu_ns;
	__u64	user_ns;
	__u64	system_ns;
	__u64	waited_ns;
	__u64	slept;
	__u64	preempted;
	__u64	bytes;
	__u64	ip_low;
	__u64	ip_high;
	__u32	samples;
	__u32	same;
	__u32	state;
	__s32	syscall;
	__u32	cpu;
	__u32	rivals;
	__u32	equals;
	__u32	threads;
	char	wchan[FAULTLINE_WCHAN_LEN];
};

/**
 * struct faultline_kstack_block - FAULTLINE_BLOCK_KSTACK, of a thread that does
 *	not run
 * @block: its head
 * @tid: the thread
 * @count: how many names follow
 * @names: names of functions, the innermost first, each ended by a zero byte
 */
struct faultline_kstack_block {
	struct faultline_block block;
	__s32	tid;
	__u32	count;
	char	names[];
};

/* struct faultline_path::block.flags: what is done with the file; 0 for other names */
#define FAULTLINE_PATH_READ	(1U << 0)
#define FAULTLINE_PATH_WRITE	(1U << 1)
#define FAULTLINE_PATH_EXECUTE	(1U << 2)

/**
 * struct faultline_path - FAULTLINE_BLOCK_PATH
 * @path: ended by a zero byte; empty where it is too long for the detector. The
 *	name of a socket of AF_UNIX as the process gave it; "@" begins one
 *	without a file.
 */
struct faultline_path {
	struct faultline_block block;
	char	path[];
};

/**
 * enum faultline_network_operation - what is done with an address
 * @FAULTLINE_NETWORK_CONNECT: connect to it, or send to it
 * @FAULTLINE_NETWORK_BIND: make it one's own
 * @FAULTLINE_NETWORK_SOCKET: make a socket of the family; there is no address yet
 */
enum faultline_network_operation {
	FAULTLINE_NETWORK_CONNECT,
	FAULTLINE_NETWORK_BIND,
	FAULTLINE_NETWORK_SOCKET,
};

/**
 * struct faultline_network - FAULTLINE_BLOCK_NETWORK
 * @family: AF_*
 * @port: in network order
 * @operation: enum faultline_network_operation
 * @address: of AF_INET the first four bytes
 */
struct faultline_network {
	struct faultline_block block;
	__u16	family;
	__u16	port;
	__u16	operation;
	__u16	reserved;
	__u8	address[16];
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
 * @FAULTLINE_CMD_STATS_GET: answers FAULTLINE_A_STATS, and FAULTLINE_A_COUNT and
 *	FAULTLINE_A_COST, of which there are several
 * @FAULTLINE_CMD_WATCH_CHANGE: of FAULTLINE_A_WATCH, those of its
 *	FAULTLINE_A_SETTINGS that are given; the others stay
 * @FAULTLINE_CMD_HEARTBEAT: FAULTLINE_A_WATCH has given a sign of life
 * @FAULTLINE_CMD_RELEASE: let the held threads of FAULTLINE_A_WATCH go on
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
	FAULTLINE_CMD_WATCH_CHANGE,
	FAULTLINE_CMD_HEARTBEAT,
	FAULTLINE_CMD_RELEASE,

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
 * @FAULTLINE_A_SETTINGS: nest of FAULTLINE_WATCH_A_*
 * @FAULTLINE_A_COUNT: nest of FAULTLINE_COUNT_A_*, one for each kind of record
 *	that there was
 * @FAULTLINE_A_COST: nest of FAULTLINE_COST_A_*, one for each place in the module
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
	FAULTLINE_A_SETTINGS,
	FAULTLINE_A_PAD,
	FAULTLINE_A_COUNT,
	FAULTLINE_A_COST,

	__FAULTLINE_A_MAX,
	FAULTLINE_A_MAX = __FAULTLINE_A_MAX - 1
};

/**
 * enum faultline_watch_attr - settings of a watch, of WATCH_SET and WATCH_CHANGE;
 *	in answers to WATCH_GET all of them. A time is at most a day.
 * @FAULTLINE_WATCH_A_CAPTURE: u32, 0: records without captures; 1 (default): with
 * @FAULTLINE_WATCH_A_HOLD_MS: u32, how long a thread waits with its fatal signal
 *	before it, at most; 0 (default): not at all
 * @FAULTLINE_WATCH_A_HEARTBEAT_MS: u32, a sign of life comes within that time,
 *	from the setting of this on; 0 (default): none is expected
 * @FAULTLINE_WATCH_A_DSTATE_MS: u32, threshold of FAULTLINE_HANG_DSTATE; 0
 *	(default): no such verdict
 * @FAULTLINE_WATCH_A_STARVED_MS: u32, likewise
 * @FAULTLINE_WATCH_A_SPIN_MS: u32, likewise
 * @FAULTLINE_WATCH_A_DEADLOCK_MS: u32, likewise
 * @FAULTLINE_WATCH_A_WORK: u32, 1 while work is due (a processing is requested),
 *	0 (default) where waiting is as it should be
 * @FAULTLINE_WATCH_A_SOFT_MEMORY: u64, bytes resident in all processes of the
 *	watch from which on a LIMIT record warns; 0 (default): none
 * @FAULTLINE_WATCH_A_SOFT_PROCESSES: u64, threads, likewise
 * @FAULTLINE_WATCH_A_SOFT_FILES: u64, open files of one process, likewise
 * @FAULTLINE_WATCH_A_SOFT_CPU: u64, ns of CPU time in all, likewise
 */
enum faultline_watch_attr {
	FAULTLINE_WATCH_A_UNSPEC,
	FAULTLINE_WATCH_A_CAPTURE,
	FAULTLINE_WATCH_A_HOLD_MS,
	FAULTLINE_WATCH_A_HEARTBEAT_MS,
	FAULTLINE_WATCH_A_DSTATE_MS,
	FAULTLINE_WATCH_A_STARVED_MS,
	FAULTLINE_WATCH_A_SPIN_MS,
	FAULTLINE_WATCH_A_DEADLOCK_MS,
	FAULTLINE_WATCH_A_WORK,
	FAULTLINE_WATCH_A_SOFT_MEMORY,
	FAULTLINE_WATCH_A_SOFT_PROCESSES,
	FAULTLINE_WATCH_A_SOFT_FILES,
	FAULTLINE_WATCH_A_SOFT_CPU,
	FAULTLINE_WATCH_A_PAD,

	__FAULTLINE_WATCH_A_MAX,
	FAULTLINE_WATCH_A_MAX = __FAULTLINE_WATCH_A_MAX - 1
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
 * @FAULTLINE_STATS_A_BLOCKS: buffers of blocks taken
 * @FAULTLINE_STATS_A_BLOCKS_MISSED: records that went out without their blocks
 *	because no buffer was free
 * @FAULTLINE_STATS_A_LIMIT_PASSES: passes over the watches with soft limits
 * @FAULTLINE_STATS_A_LIMIT_NS: time that they took
 * @FAULTLINE_STATS_A_REFUSED: records of BPF programs that were not taken; they
 *	are not among those emitted
 * @FAULTLINE_STATS_A_SWITCHED_OFF: records that were not made because their
 *	detector is switched off; likewise
 * @FAULTLINE_STATS_A_THREADS: threads that are looked at for hangs
 * @FAULTLINE_STATS_A_THREADS_MISSED: threads that are not, in the last pass,
 *	because the table was full
 * @FAULTLINE_STATS_A_SCANS: passes over the threads
 * @FAULTLINE_STATS_A_SCAN_NS: time that they took
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
	FAULTLINE_STATS_A_BLOCKS,
	FAULTLINE_STATS_A_BLOCKS_MISSED,
	FAULTLINE_STATS_A_LIMIT_PASSES,
	FAULTLINE_STATS_A_LIMIT_NS,
	FAULTLINE_STATS_A_REFUSED,
	FAULTLINE_STATS_A_SWITCHED_OFF,
	FAULTLINE_STATS_A_THREADS,
	FAULTLINE_STATS_A_THREADS_MISSED,
	FAULTLINE_STATS_A_SCANS,
	FAULTLINE_STATS_A_SCAN_NS,
	FAULTLINE_STATS_A_PAD,

	__FAULTLINE_STATS_A_MAX,
	FAULTLINE_STATS_A_MAX = __FAULTLINE_STATS_A_MAX - 1
};

/**
 * enum faultline_count_attr - records that detectors made, lost ones included
 * @FAULTLINE_COUNT_A_TYPE: u32, enum faultline_record_type
 * @FAULTLINE_COUNT_A_KIND: u32, signal number (FATAL, HELD), code (HANG, HANG_OVER,
 *	LIMIT, RANGE), 0 (EXIT)
 * @FAULTLINE_COUNT_A_RECORDS: u64
 */
enum faultline_count_attr {
	FAULTLINE_COUNT_A_UNSPEC,
	FAULTLINE_COUNT_A_TYPE,
	FAULTLINE_COUNT_A_KIND,
	FAULTLINE_COUNT_A_RECORDS,
	FAULTLINE_COUNT_A_PAD,

	__FAULTLINE_COUNT_A_MAX,
	FAULTLINE_COUNT_A_MAX = __FAULTLINE_COUNT_A_MAX - 1
};

/**
 * enum faultline_cost_attr - what a place in the module has cost, as long as
 *	the module's parameter "measure" was on
 * @FAULTLINE_COST_A_PLACE: string, a tracepoint, or "capture" or "faultline_emit"
 * @FAULTLINE_COST_A_CALLS: u64, how often it was measured
 * @FAULTLINE_COST_A_NS: u64, time in it
 * @FAULTLINE_COST_A_WORST_NS: u64, longest time
 */
enum faultline_cost_attr {
	FAULTLINE_COST_A_UNSPEC,
	FAULTLINE_COST_A_PLACE,
	FAULTLINE_COST_A_CALLS,
	FAULTLINE_COST_A_NS,
	FAULTLINE_COST_A_WORST_NS,
	FAULTLINE_COST_A_PAD,

	__FAULTLINE_COST_A_MAX,
	FAULTLINE_COST_A_MAX = __FAULTLINE_COST_A_MAX - 1
};

#endif /* _UAPI_LINUX_FAULTLINE_H */
