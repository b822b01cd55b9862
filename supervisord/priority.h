/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The supervisor's place in the queue for a CPU. It is woken while the process
 * that faulted still runs; at an equal priority it would wait until that one has
 * taken its memory apart.
 */
#ifndef SUPERVISORD_PRIORITY_H
#define SUPERVISORD_PRIORITY_H

#include <ev.h>

/**
 * priority_raise - be run soon after waking: nice -10, and where the kernel lets
 * one choose (6.12), the shortest slice
 *
 * Still in the normal class, so that an application with a realtime priority
 * comes first, and none is starved. What is forked has the usual priority again.
 *
 * Return: 0, or -EPERM without CAP_SYS_NICE.
 */
int priority_raise(void);

/**
 * priority_yield - until the loop's next turn, take no CPU from what is about to be started (SCHED_BATCH)
 *
 * The supervisor is woken when an application has executed; where no other CPU is free it would write down what has
 * happened before the application's first instruction. What is forked meanwhile would be of that class too.
 */
void priority_yield(struct ev_loop *loop);

#endif /* SUPERVISORD_PRIORITY_H */
