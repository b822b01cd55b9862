/* SPDX-License-Identifier: GPL-2.0-only */
/* How watched threads get on: the maps of progress.bpf.c, as the supervisor's side reads and writes them. */
#ifndef BPF_PROGRESS_H
#define BPF_PROGRESS_H

#include <linux/types.h>

#define PROGRESS_THREADS_MAX	4096
#define PROGRESS_STACK_DEPTH	16

/* What a thread is at. */
enum progress_what {
	PROGRESS_RUNS,		/* on a CPU */
	PROGRESS_QUEUED,	/* it could run, and waits for a CPU */
	PROGRESS_SLEEPS,
};

/* struct progress_thread::flags, of the sleep */
#define PROGRESS_FUTEX		(1U << 0)	/* waits for another thread, without a time limit */
#define PROGRESS_IOWAIT		(1U << 1)	/* for a device */
#define PROGRESS_RECLAIM	(1U << 2)	/* for memory, like everybody then */
#define PROGRESS_VFORK		(1U << 3)	/* for the program that it starts */

/**
 * struct progress_thread - a watched thread; the key is its tid
 * @task: its task_struct
 * @since: when it began to do so, by the clock of these programs
 * @exec: its CPU time when it last slept
 * @delay: ns that it waited for a CPU, in all
 * @off: ns that it slept, in all
 * @argument: first argument of the system call
 * @ip: where it is in user space
 * @stack: where it sleeps in the kernel; of sleeps that nothing disturbs alone
 * @state: task_struct::__state when it began to sleep
 * @told: bits of enum faultline_hang that a record told of
 */
struct progress_thread {
	__u64 task;
	__u64 since;
	__u64 exec;
	__u64 delay;
	__u64 off;
	__u64 argument;
	__u64 ip;
	__u64 stack[PROGRESS_STACK_DEPTH];
	__u32 depth;
	__u32 watch;
	__s32 tgid;
	__s32 syscall;
	__u32 what;
	__u32 state;
	__u32 flags;
	__u32 told;
};

/**
 * struct progress_watch - the threads of a watch, counted anew at each look; the key is its id
 * @look: at which look
 * @threads: those that were seen
 * @waiting: those of them that wait for another thread
 * @since: when the last of them began to
 * @tgid: of one of them, as is @tid
 * @work: when work became due; 0: none is
 * @told: as in struct progress_thread
 */
struct progress_watch {
	__u64 look;
	__u64 since;
	__u64 work;
	__u32 threads;
	__u32 waiting;
	__s32 tgid;
	__s32 tid;
	__u32 told;
	__u32 reserved;
};

/**
 * struct progress_shared - memory that the programs and the supervisor share
 * @period: ns between two looks
 * @lost: ns that nobody could look, since the machine stood still; they count for nobody
 * @last: when the last look was
 * @looks: how many there were
 * @room: when a look last found a CPU without work
 * @missed: threads that found the table full
 * @supervisor: its process id, while it lives: who else could tell of heartbeats?
 */
struct progress_shared {
	__u64 period;
	__u64 lost;
	__u64 last;
	__u64 looks;
	__u64 room;
	__u64 missed;
	__s32 supervisor;
	__u32 reserved;
};

#endif /* BPF_PROGRESS_H */
