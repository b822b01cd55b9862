/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A warm spare: a second process of an application that has initialised itself as
 * far as it can and waits. When the first one has a fault it takes its place at
 * once, and the next spare is started.
 */
#ifndef SUPERVISORD_SPARE_H
#define SUPERVISORD_SPARE_H

#include <jansson.h>

#include "lib/error.h"
#include "supervisord/remote/application.h"

struct spare;

/** spare_wish - the application runs: one is to stand by from now on, where its data say so */
void spare_wish(struct app *app);

/** spare_activate - the process that stands by, if one does, is told "activate"; spare_take() is to follow at once */
void spare_activate(struct app *app);

/**
 * spare_take - the process that stands by is told "activate", if it was not yet, and is the application's own
 *
 * Return: it, with the spare's handler, which is to be replaced; NULL where none stands by.
 */
struct process *spare_take(struct app *app);

/** spare_process - the process that stands by, or NULL */
struct process *spare_process(const struct app *app);

/** spare_drop - none is to stand by any more; NULL-safe in all respects */
void spare_drop(struct app *app);

/** spare_end - likewise, and wait until it is gone: the supervisor stops */
void spare_end(struct app *app);

/** spare_adopt - one that a supervisor before this one has left: see process_adopt() */
int spare_adopt(struct app *app, const json_t *data, int *fds, int n, struct error *err);
/** spare_leave - it goes on, for the next supervisor */
void spare_leave(struct app *app);

#endif /* SUPERVISORD_SPARE_H */
