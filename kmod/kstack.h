/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_KSTACK_H
#define _FL_KSTACK_H

#include <linux/types.h>

struct fl_blocks;
struct task_struct;

#define FL_KSTACK_MAX	24

/**
 * struct fl_kstack - the kernel stack of a thread that does not run
 * @count: of @frames, the innermost first; 0 where the kernel does not show it
 */
struct fl_kstack {
	unsigned int count;
	unsigned long frames[FL_KSTACK_MAX];
};

/* Under rcu_read_lock(). */
void fl_kstack_take(struct fl_kstack *stack, struct task_struct *task);

/* The function that it sleeps in, or "". */
void fl_kstack_wchan(const struct fl_kstack *stack, char *name, size_t size);

/* As FAULTLINE_BLOCK_KSTACK, as many frames as fit. */
void fl_kstack_add(const struct fl_kstack *stack, pid_t tid, struct fl_blocks *blocks);

#endif /* _FL_KSTACK_H */
