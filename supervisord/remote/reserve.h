/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process in reserve: the next process of an application, made while the present one runs well, as far as a process can
 * be made beforehand (runtime/child.h). It waits in faultline-gate and has executed nothing of the application, so that it
 * costs little; when the application is started again, it executes at once. What it was made for and what is started then
 * are compared: one that was made for anything else is not taken, and ended.
 */
#ifndef SUPERVISORD_RESERVE_H
#define SUPERVISORD_RESERVE_H

#include <stdbool.h>
#include <sys/types.h>

#include "supervisord/remote/application.h"

struct child;
struct process_setup;
struct reserve;

/** reserve_wish - the application runs: one is to be made in a while, where it is of use and there is none */
void reserve_wish(struct app *app);

/**
 * reserve_release - where one waits, let it execute at once
 *
 * Whoever wants it so starts the application next, or has it dropped. What it was made for is compared only then, which
 * takes less time than the application needs to be at work: one that should not have been released is ended before it is.
 */
void reserve_release(struct app *app);

/**
 * reserve_take - the child that waits, or was released just now, for process_setup.waiting
 * @child: set; the caller's from now on
 *
 * Return: false where none waits, or it was made for another setup.
 */
bool reserve_take(struct app *app, const struct process_setup *setup, struct child *child);

/** reserve_pid - the process that waits, or 0 */
pid_t reserve_pid(const struct app *app);

/** reserve_drop - the one that waits is ended, and none is to be made before the next reserve_wish() */
void reserve_drop(struct app *app);

#endif /* SUPERVISORD_RESERVE_H */
