/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_TWORK_H
#define _FL_TWORK_H

#include <linux/types.h>

struct task_struct;

int fl_twork_init(unsigned int count);

/**
 * fl_twork_queue() - have @task call fl_candidate_capture(@candidate)
 *
 * It does so before it takes its next signal or returns to user space, with its
 * mm and registers in place. Any context; the caller holds @task's siglock.
 * Return: false where no work is free or the task is exiting.
 */
bool fl_twork_queue(struct task_struct *task, u32 candidate);

/* No task will run code of this module any more; nothing queues any more. */
void fl_twork_retire(void);
void fl_twork_exit(void);

#endif /* _FL_TWORK_H */
