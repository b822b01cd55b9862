/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The child that an application's process begins as: in its group, under its watch, with its pipes, its socket and its
 * user, it waits at a gate, and executes the application once that is opened.
 */
#ifndef SUPERVISORD_CHILD_H
#define SUPERVISORD_CHILD_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

struct cgroup;
struct notify;
struct process_setup;

/**
 * struct child - one that has not executed yet
 * @pidfd: -1, like the pipes' ends below, once it is handed on
 * @cookie: of its watch; never used twice
 * @watch: the source's number of it; 0 where nothing watches
 * @released: it has executed
 * @cgroup: NULL where the gateway has none
 * @in: its standard input, to write; likewise @out and @err to read
 * @go: the gate: whoever closes it without a word ends the child
 * @failed: a struct error comes from there, or its end when it has executed
 */
struct child {
	pid_t pid;
	int pidfd;
	uint64_t cookie;
	uint32_t watch;
	bool released;
	struct cgroup *cgroup;
	struct notify *notify;
	int in;
	int out;
	int err;
	int go;
	int failed;
};

/**
 * child_make - fork it and have it watched; it goes to the gate by itself, and nobody waits for that
 *
 * Return: 0, or negative errno with @err set: there is none.
 */
int child_make(struct child *child, struct ev_loop *loop, const struct process_setup *setup,
	       struct error *err);

/**
 * child_release - open the gate, and wait until it has executed, 2 s at most
 *
 * Return: 0, or negative errno with @err set: child_abort() is to follow.
 */
int child_release(struct child *child, struct error *err);

/** child_close - what has not been handed on of its descriptors */
void child_close(struct child *child);

/** child_abort - it is killed and reaped, and nothing is left of it */
void child_abort(struct child *child);

#endif /* SUPERVISORD_CHILD_H */
