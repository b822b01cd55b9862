/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_HANG_H
#define _FL_HANG_H

#include <linux/types.h>

struct fl_settings;
struct fl_thread;
struct fl_watch;
struct task_struct;

/**
 * struct fl_tally - the threads of a watch in one pass
 * @threads: that were seen
 * @waiting: of those, waiting for another thread, and nothing else since the last pass
 * @held: one of its main process is stopped, traced or frozen
 * @blind: there are threads that were not seen
 * @lost: ns that a thread of its main process waited for a CPU or for memory
 */
struct fl_tally {
	u32 threads;
	u32 waiting;
	bool held;
	bool blind;
	u64 lost;
};

/**
 * struct fl_pulse - a watch's signs of life, and what is said about them
 * @beats: signs of life; @beat_ns: the last one, or when they began to be expected
 * @device_ms: what the application set itself by /dev/faultline; 0: nothing
 * @seen: @beats in the last pass
 * @age: ns since then that count
 * @age_lost: ns that do not
 * @missed: its HANG record is out
 * @locked: ns for which all threads have been waiting, with work due
 * @deadlock: its HANG record is out
 * @tally: of the pass that runs
 *
 * Under fl_process_lock; from @seen on written by the scan alone.
 */
struct fl_pulse {
	u32 beats;
	u32 device_ms;
	u64 beat_ns;
	u32 seen;
	u64 age;
	u64 age_lost;
	bool missed;
	bool deadlock;
	u64 locked;
	struct fl_tally tally;
};

/* A threshold of the watch is set, or a heartbeat is expected. */
bool fl_hang_wanted(const struct fl_settings *settings, const struct fl_pulse *pulse);

/* The shortest of them, in ms; 0: none is set. */
u32 fl_hang_shortest(const struct fl_settings *settings, const struct fl_pulse *pulse);

/* ms within which a sign of life has to come; 0: none is expected. */
u32 fl_hang_heartbeat_ms(const struct fl_settings *settings, const struct fl_pulse *pulse);

/**
 * fl_hang_thread() - judge a thread, and say so
 * @task: it; under rcu_read_lock()
 * @elapsed: ns that count since the last pass
 * @lost: ns that do not
 * @tally: it is added to that
 *
 * Of the scan's thread alone.
 */
void fl_hang_thread(struct task_struct *task, u32 watch, const struct fl_settings *settings,
		    u32 pass, u64 elapsed, u64 lost, struct fl_tally *tally);

/* Its thread has ended: that is the end of its hangs. */
void fl_hang_thread_gone(struct fl_thread *thread);

/* Judge the watch after all of its threads were seen. Under rcu_read_lock(). */
void fl_hang_watch(struct fl_watch *watch, u64 elapsed, u64 lost);

#endif /* _FL_HANG_H */
