/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Application management means (325): starts, stops and deletes an application
 * by its application data, and is told of everything that its process does.
 */
#ifndef SUPERVISORD_MANAGEMENT_H
#define SUPERVISORD_MANAGEMENT_H

#include <jansson.h>

#include "lib/error.h"
#include "supervisord/remote/application.h"

struct process_handler;

/**
 * management_launch - a process by its application data and its limits
 * @standby: it is to wait until it is activated
 */
int management_launch(struct app *app, const struct process_handler *handler, void *user,
		      bool standby, struct process **process, struct error *err);

/** management_take - likewise, one that a supervisor before this one has left: see process_adopt() */
int management_take(struct app *app, const struct process_handler *handler, void *user,
		    struct process **process, const json_t *data, int *fds, int n,
		    struct error *err);

/**
 * management_start - start its process (S15), or have the one that stands by do its work
 * Return: 0, or negative errno with @err set.
 */
int management_start(struct app *app, struct error *err);

/**
 * management_adopt - a process that a supervisor before this one has started is its process
 * @data: with @fds, what that one had the keeper keep: see process_adopt()
 */
int management_adopt(struct app *app, const json_t *data, int *fds, int n, struct error *err);

/** management_leave - all processes go on, for the next supervisor to take over */
void management_leave(struct gateway *gateway);

/**
 * management_restart - put a new process in the place of one that had a fault
 * @clean: with an empty state folder
 *
 * Does not wait for the old process: it is dying, or is killed now.
 */
int management_restart(struct app *app, bool clean, struct error *err);

/** management_drop_waiting - the processes that wait to take the place of its own are ended */
void management_drop_waiting(struct app *app);

/** management_let_go - likewise, and its process, if there is one, no longer concerns it: it is dying, or is killed now */
void management_let_go(struct app *app);

/** management_halt - a fault is not restored: nothing of it runs any more */
void management_halt(struct app *app);

/** management_use - a run needs the application from now on */
void management_use(struct app *app);

/**
 * management_release - a run needs it no more (S17): the last one ends a
 * transient application, which is deleted (S19); a resident one stays (S18)
 */
void management_release(struct app *app);

#endif /* SUPERVISORD_MANAGEMENT_H */
