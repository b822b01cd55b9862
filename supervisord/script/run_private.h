/* SPDX-License-Identifier: GPL-2.0-only */
/* A run as its own parts see it: its life (run.c), its applications, its script, its faults, and after a restart (run_*.c). */
#ifndef SUPERVISORD_RUN_PRIVATE_H
#define SUPERVISORD_RUN_PRIVATE_H

#include "lib/script/definition.h"
#include "lib/script/program.h"
#include "supervisord/remote/request.h"
#include "supervisord/script/drive.h"
#include "supervisord/script/run.h"
#include "supervisord/script/run_kept.h"
#include "supervisord/script/script.h"

#define RUN_APPLICATIONS_MAX 16
/* How often its list of events can be exchanged. */
#define RUN_LISTS_MAX 16

/**
 * struct run_list - the gateway's runs
 * @gone: those that are over, until @sweep: the end of one can be the end of others, and whoever goes through the list
 *	must find its next one
 */
struct run_list {
	struct run *first;
	int n;
	struct run *gone;
	ev_timer sweep;
};

/**
 * struct run - a run
 * @definition: 331; @events: 332 as it was when the run began, or was exchanged by a
 *	countermeasure; @program: 12, compiled
 * @lists: lists that @events was before; a step under way may still use the last one
 * @apps: applications that it uses, and the requests to start them
 * @drive: 334; NULL until the script is there
 * @fetching: the script is on its way
 * @resumed: it was begun by a supervisor before this one
 * @ended: it is over; what it used is being ended as well
 * @err: why it failed; its code is 0 when the script was finished
 */
struct run {
	struct run *next, *next_gone;
	struct gateway *gateway;
	const struct run_observer *observer;
	void *user;
	char service[NAME_MAX_LEN + 1];
	uint64_t begun_ns;
	struct definition *definition;
	struct event_list *events;
	struct event_list *lists[RUN_LISTS_MAX];
	int n_lists;
	struct program *program;
	struct app *apps[RUN_APPLICATIONS_MAX];
	struct request *requests[RUN_APPLICATIONS_MAX];
	int n_apps;
	int n_waiting;
	struct drive *drive;
	struct script_fetch *fetching;
	bool resumed;
	bool ended;
	int faults;
	double duration_ms;
	struct error err;
};

/** run_new - the newest of the gateway's runs */
struct run *run_new(struct gateway *gateway, const char *service, uint64_t begun_ns);
/** run_end - it is over: its applications are let go. It is gone afterwards, unless they are still ending */
void run_end(struct run *run, const struct error *err);
/** run_alive - is it still there? What was called may have ended it. */
bool run_alive(const struct gateway *gateway, const struct run *run);
/** run_keep - for the next supervisor; @text as run_kept_put() takes it */
void run_keep(const struct run *run, int text);
bool run_uses(const struct run *run, const char *application);
/** run_application - the one that what concerns no application is recorded for; may be NULL */
const char *run_application(const struct run *run);

/** run_prepare - its definition, its list of events, and which applications follow from them */
int run_prepare(struct run *run, struct error *err);
/** run_applications_find - those that the list names and that it does not have yet */
int run_applications_find(struct run *run, struct error *err);
/**
 * run_applications_request - asks for its applications from number @first on
 * Return: the run; NULL when it has ended with that.
 */
struct run *run_applications_request(struct run *run, int first);
/** run_request_drop - it no longer waits for this application */
void run_request_drop(struct run *run, const struct app *app);

/** run_script_begin - S16: the script is read from the center once its applications run */
void run_script_begin(struct run *run);
/** run_script_check - every event has its place, and every processing its application: the range of operation */
int run_script_check(const struct run *run, const char *name, struct error *err);
/** run_script_setup - how it is driven */
struct drive_setup run_script_setup(struct run *run);

#endif /* SUPERVISORD_RUN_PRIVATE_H */
