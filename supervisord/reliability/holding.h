/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Holding: an application's next fatal fault is held in the kernel, for a while,
 * with all as it was, so that somebody can look at it with a debugger. What is
 * to be done about the fault waits until it is let go on.
 */
#ifndef SUPERVISORD_HOLDING_H
#define SUPERVISORD_HOLDING_H

#include <jansson.h>
#include <linux/faultline.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

struct app;
struct gateway;
struct process;

#define HOLDING_SECONDS 600
#define HOLDING_SECONDS_MAX 86400

/**
 * struct holding - of an application
 * @seconds: how long a fault is held; 0: none is
 * @once: the next one only
 * @held: one is: the thread @tid of the process @pid, with @signo before it, until @until_ns at most
 */
struct holding {
	unsigned int seconds;
	bool once;
	bool held;
	int pid;
	int tid;
	int signo;
	uint64_t until_ns;
};

/**
 * holding_set - hold faults of @app from now on, or no more with 0 @seconds
 *
 * Processes that run have it at once, others when they start. A fault that is
 * held goes on being so. Return: 0, or a negative errno: -EOPNOTSUPP where the
 * kernel's source holds none.
 */
int holding_set(struct app *app, unsigned int seconds, bool once, struct error *err);

/** holding_apply - tell the kernel what holds for a process of @app that has been started */
void holding_apply(struct app *app, const struct process *process);

/** holding_release - let the held fault go on; -ENOENT where none is held */
int holding_release(struct app *app, struct error *err);

/** holding_record - a record of @app's process came: it may be held, or held no more */
void holding_record(struct app *app, const struct faultline_record *record);

/** holding_list - the method holds (docs/protocol.md) */
json_t *holding_list(const struct gateway *gateway);

#endif /* SUPERVISORD_HOLDING_H */
