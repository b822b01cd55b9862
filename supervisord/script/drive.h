/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event drive means (334): takes one event of a script after the other to the
 * processing that the list of events (332) names (S4, S23, S24), as its machines say.
 */
#ifndef SUPERVISORD_DRIVE_H
#define SUPERVISORD_DRIVE_H

#include <jansson.h>

#include "lib/script/program.h"
#include "supervisord/remote/application.h"
#include "supervisord/script/event_list.h"

struct drive;

/**
 * struct drive_setup - what is driven; everything is borrowed
 * @application: what events that drive nothing are recorded for; may be NULL
 * @ended: the script is finished, or failed with @err
 * @moved: its place has changed: drive_save() tells it
 */
struct drive_setup {
	struct gateway *gateway;
	const char *service;
	const char *application;
	const struct program *program;
	const struct event_list *events;
	void (*ended)(void *user, const struct error *err);
	void (*moved)(void *user);
	void *user;
};

/** drive_start - begin; @ended is not called before this returns */
struct drive *drive_start(const struct drive_setup *setup);
/** drive_save - its place, and what it waits for; new reference */
json_t *drive_save(const struct drive *drive);
/**
 * drive_resume - go on where @state, of drive_save(), says
 *
 * A request that is open is answered to this one. What was under way in an
 * application that has a fault, or has gone, is for drive_interrupted() and
 * drive_restored(), which come as always. Until its applications run it waits
 * for drive_restored().
 *
 * Return: NULL where the state does not fit the program.
 */
struct drive *drive_resume(const struct drive_setup *setup, const json_t *state);
/** drive_stop - give no further event; an open request stays open, its answer concerns nobody */
void drive_stop(struct drive *drive);
/** drive_free - likewise, and forget it; NULL is allowed */
void drive_free(struct drive *drive);

/** drive_interrupted - a fault of @app: the step that is under way there will not be answered */
void drive_interrupted(struct drive *drive, const struct app *app);
/** drive_unanswered - likewise, but an answer that may still come is waited for: the process of @app goes on */
void drive_unanswered(struct drive *drive, const struct app *app);
/** drive_restored - the application that had the fault runs again */
void drive_restored(struct drive *drive);

/** drive_exchange - go on by another list of events, once a step that is under way was answered */
void drive_exchange(struct drive *drive, const struct event_list *events);

/** drive_done - how many events were given */
size_t drive_done(const struct drive *drive);

/**
 * drive_describe - where it stands with an application
 *
 * That is the step that is under way there, or was when it had its fault, else the
 * step of the script itself; that alone where @app is NULL.
 *
 * Return: {service, event, line, step, steps, branch, arguments}, the branch only of a
 * step in one; null when it is finished.
 */
json_t *drive_describe(const struct drive *drive, const struct app *app);

#endif /* SUPERVISORD_DRIVE_H */
