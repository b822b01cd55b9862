/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run of a service: from the request to the end of its script (E1 S2 to S8,
 * figure 4, figure 8). Its applications are made to run, its script is fetched
 * and interpreted (333), and the event drive means (334) takes one event after
 * the other to the processing that the list of events (332) names.
 */
#ifndef SUPERVISORD_RUN_H
#define SUPERVISORD_RUN_H

#include <jansson.h>

#include "supervisord/reliability/collection.h"

struct definition;
struct run;

/**
 * struct run_observer - who asked for a run
 * @bound: the run is nothing without its observer: the next supervisor does not go on with it
 * @order: the id of the center's request that it is for, by which the next supervisor finds
 *	whom to tell (orders.h). May be NULL
 * @over: instead of @ended, and earlier: the script has ended, its applications are still
 *	being ended, and the keeper forgets the run when this returns. May be NULL
 * @progress: one line of what happens; @event has its part and data, both borrowed
 * @ended: @err is NULL when the script was finished; @result is borrowed and
 *	NULL otherwise. Transient applications are deleted by then, and the run
 *	is gone afterwards.
 */
struct run_observer {
	bool bound;
	const char *(*order)(void *user);
	void (*over)(void *user, json_t *result, const struct error *err);
	void (*progress)(void *user, const struct event *event, double ms, const char *text);
	void (*ended)(void *user, json_t *result, const struct error *err);
};

/**
 * run_start - run a service
 *
 * @observer may be called before this returns.
 *
 * Return: the run, valid until @ended; NULL when that was called already.
 */
struct run *run_start(struct gateway *gateway, const char *service,
		      const struct run_observer *observer, void *user);

/** run_forget - the observer is gone; the run goes on */
void run_forget(struct run *run);

/** run_list_resume - go on with the runs of a supervisor that has died, once its faults are known */
void run_list_resume(struct gateway *gateway);

/** run_list_close - end all runs without a word */
void run_list_close(struct gateway *gateway);

/** run_definition - the gateway's definition of @service, to be freed; NULL with @err set */
struct definition *run_definition(const struct gateway *gateway, const char *service,
				  struct error *err);

/** run_active - is a run of @service under way? */
bool run_active(const struct gateway *gateway, const char *service);

/** run_count - number of runs */
int run_count(const struct gateway *gateway);

/**
 * run_list_describe - what is under way, the newest first; new reference
 *
 * Array of {service, state, seconds, faults, applications, event, line, step, steps}: the state is "starting" until its
 * script is there, "running", or "ending"; the last four are there while it is "running".
 */
json_t *run_list_describe(const struct gateway *gateway);

/**
 * run_stop - end the runs of @service that are under way, as failed
 *
 * No further event is given; what was requested is not waited for. Return: how many there were.
 */
int run_stop(struct gateway *gateway, const char *service);

/** run_show - show an event to the runs that use its application */
void run_show(struct gateway *gateway, const struct event *event, uint64_t time_ns,
	      const char *text);

/* What the highly reliable means (34) tell of an application that runs may wait for. */
/** run_faulted - it has a fault; @goes_on: its process is there, and may answer what it was asked */
void run_faulted(struct app *app, bool goes_on);
/** run_interrupted - its process is given up: what it was asked it will not answer */
void run_interrupted(struct app *app);
void run_restored(struct app *app);
void run_not_restored(struct app *app, const char *why);
/**
 * run_switch - the list of events was exchanged for the sake of an application
 *
 * The runs that use it go on by the new list: what that needs is started, and
 * the step that was under way is taken by it.
 *
 * Return: how many there are.
 */
int run_switch(struct app *app);

/** run_needs - does this run need the application? */
bool run_needs(const struct run *run, const struct app *app);

/** run_settled - a process that was asked to end has ended: runs that are over may be reported */
void run_settled(struct app *app);

/** run_describe - where the script of a run with this application stands; NULL when none has it */
json_t *run_describe(const struct gateway *gateway, const struct app *app);

#endif /* SUPERVISORD_RUN_H */
