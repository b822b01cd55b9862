// SPDX-License-Identifier: GPL-2.0-only
/* What the highly reliable means (34) tell of an application that runs use. */
#include <errno.h>

#include "supervisord/script/event_list.h"
#include "supervisord/script/run_private.h"
#include "supervisord/script/switching.h"

/* What becomes of the step that was under way, its script says (drive.h). */
void run_interrupted(struct app *app)
{
	for (struct run *run = app->gateway->runs ? app->gateway->runs->first : NULL; run;
	     run = run->next)
		if (!run->ended && run->drive && run_uses(run, app->name))
			drive_interrupted(run->drive, app);
}

void run_faulted(struct app *app, bool goes_on)
{
	for (struct run *run = app->gateway->runs ? app->gateway->runs->first : NULL; run;
	     run = run->next) {
		if (run->ended || !run_uses(run, app->name))
			continue;
		run->faults++;
		if (run->drive && goes_on)
			drive_unanswered(run->drive, app);
		else if (run->drive)
			drive_interrupted(run->drive, app);
	}
}

void run_restored(struct app *app)
{
	struct run *next;

	for (struct run *run = app->gateway->runs ? app->gateway->runs->first : NULL; run;
	     run = next) {
		next = run->next;
		if (run->drive && !run->ended && !run->n_waiting && run_uses(run, app->name))
			drive_restored(run->drive);
	}
}

/* Gives a run the list that is in force now. */
static void list_exchange(struct run *run)
{
	struct error err = { 0 };
	int before = run->n_apps;

	if (run->n_lists == RUN_LISTS_MAX) {
		error_set(&err, -ELOOP, "%s: its list of events was exchanged %d times, no more is taken",
			  run->service, RUN_LISTS_MAX);
		run_end(run, &err);
		return;
	}
	run->lists[run->n_lists++] = run->events;
	run->events = switching_current(run->gateway);
	if (run->drive)
		drive_exchange(run->drive, run->events);
	if (run_applications_find(run, &err))
		run_end(run, &err);
	else
		run_applications_request(run, before);
}

int run_switch(struct app *app)
{
	struct run *next;
	int n = 0;

	for (struct run *run = app->gateway->runs ? app->gateway->runs->first : NULL; run;
	     run = next) {
		next = run->next;
		if (run->ended || !run_uses(run, app->name))
			continue;
		n++;
		run_request_drop(run, app);
		list_exchange(run);
	}
	return n;
}

void run_not_restored(struct app *app, const char *why)
{
	struct run *next;

	for (struct run *run = app->gateway->runs ? app->gateway->runs->first : NULL; run;
	     run = next) {
		struct error err = { 0 };

		next = run->next;
		if (run->ended || !run_uses(run, app->name))
			continue;
		error_set(&err, -EIO, "%s: %s", app->name, why);
		run_end(run, &err);
	}
}
