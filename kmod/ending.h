/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_ENDING_H
#define _FL_ENDING_H

#include <linux/signal_types.h>

struct task_struct;

/**
 * fl_ending_signal() - the current process ends by @signo: record it, once
 * @signo: what ends it
 * @info: what was delivered to the current thread; NULL where another thread
 *	or nobody took the signal
 *
 * With siglock held.
 */
void fl_ending_signal(int signo, const struct kernel_siginfo *info);

/* The OOM killer has chosen @task's process: what it uses goes with its FATAL record. */
void fl_ending_victim(struct task_struct *task);

/* The current thread ends; with @dead it was one of the last. */
void fl_ending_exit(bool dead);

#endif /* _FL_ENDING_H */
