/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_THREAD_H
#define _FL_THREAD_H

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/types.h>

/**
 * struct fl_sample - a thread at one moment; the sums are those since its begin
 * @cpu: CPU time, in ns
 * @user: of that in user space
 * @system: of that in the kernel
 * @waited: runnable without a CPU, in ns
 * @slept: voluntary context switches
 * @preempted: others
 * @bytes: read and written
 * @busy: ns in which the CPU that it runs or waits on was not idle, since boot
 * @where: that CPU
 * @state: task_struct::__state
 * @running: it has a CPU
 * @iowait: it waits for a block device
 * @memstall: it waits for memory
 */
struct fl_sample {
	u64 cpu;
	u64 user;
	u64 system;
	u64 waited;
	u64 slept;
	u64 preempted;
	u64 bytes;
	u64 busy;
	unsigned int where;
	unsigned int state;
	bool running;
	bool iowait;
	bool memstall;
};

/* What a thread may suffer from; FAULTLINE_HANG_DSTATE and the two after it. */
enum fl_symptom_kind {
	FL_SYMPTOM_DSTATE,
	FL_SYMPTOM_STARVED,
	FL_SYMPTOM_SPIN,
	FL_SYMPTOMS
};

/**
 * struct fl_symptom - from when on a thread has it
 * @present: it has; else the others say nothing
 * @told: its HANG record is out
 * @counted: for how long, in ns that count
 * @lost: ns that do not
 * @retry: @counted at which a verdict is tried again
 * @outranked: passes one after the other that found others of higher priority
 * @outranked_at: @counted in the first of those
 * @begin: the thread when it began
 */
struct fl_symptom {
	bool present;
	bool told;
	u64 counted;
	u64 lost;
	u64 retry;
	unsigned int outranked;
	u64 outranked_at;
	struct fl_sample begin;
};

/**
 * struct fl_loop - where in user space a thread was seen that does not sleep
 * @low: lowest instruction pointer
 * @high: highest
 * @hash: of all registers, the last time
 * @samples: how often
 * @same: how often with the registers of the time before
 */
struct fl_loop {
	u64 low;
	u64 high;
	u32 hash;
	u32 samples;
	u32 same;
};

/**
 * struct fl_thread - what the scan remembers of a thread
 * @node: in the hash table
 * @place: among the free or the used
 * @start: tells it from one that had its id before
 * @pass: in which it was seen last
 */
struct fl_thread {
	struct hlist_node node;
	struct list_head place;
	pid_t tid;
	pid_t tgid;
	u32 watch;
	u32 pass;
	u64 start;
	char comm[TASK_COMM_LEN];
	struct fl_sample last;
	struct fl_symptom symptoms[FL_SYMPTOMS];
	struct fl_loop loop;
};

/* All of these are the scan's own, and called from its thread alone. */
int fl_thread_init(unsigned int max);
void fl_thread_exit(void);

/* Under rcu_read_lock(). */
void fl_sample_take(struct fl_sample *sample, struct task_struct *task);

/**
 * fl_thread_see() - the entry of @task, which is seen in @pass
 * @sample: of it
 *
 * Return: a new one has @sample as its last; NULL where the table is full.
 */
struct fl_thread *fl_thread_see(struct task_struct *task, u32 watch, u32 pass,
				const struct fl_sample *sample);

/* Forget those that @pass has not seen; they are shown to @gone first. */
void fl_thread_sweep(u32 pass, void (*gone)(struct fl_thread *thread));

/* Add to the picture of where it loops. Under rcu_read_lock(). */
void fl_thread_look(struct fl_thread *thread, struct task_struct *task);

/* From any context. */
unsigned int fl_thread_count(void);

#endif /* _FL_THREAD_H */
