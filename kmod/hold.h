/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_HOLD_H
#define _FL_HOLD_H

#include <linux/list.h>
#include <linux/types.h>

struct task_struct;

/**
 * struct fl_hold - a thread that waits with its fatal signal before it; on its stack
 * @node: in the list of those held
 * @watch: its watch's id
 * @task: the thread
 * @released: it is to go on
 */
struct fl_hold {
	struct list_head node;
	u32 watch;
	struct task_struct *task;
	bool released;
};

/**
 * fl_hold_begin() - the current thread is held from now on, and can be released
 * Return: false where too many are, or the module is about to go.
 */
bool fl_hold_begin(struct fl_hold *hold, u32 watch);

/* A thread of @watch is held. Any context, also with fl_process_lock held. */
bool fl_hold_any(u32 watch);

/**
 * fl_hold_wait() - wait, for @ms at most, and be held no longer
 *
 * In the context of a task work. It ends before its time when the thread is
 * released or killed, and when a debugger attaches: its stop takes over.
 */
void fl_hold_wait(struct fl_hold *hold, u32 ms);

/* Let the held threads of @watch go on. Any context. */
void fl_hold_release(u32 watch);

/* Let all go on, and hold none any more. */
void fl_hold_close(void);

#endif /* _FL_HOLD_H */
