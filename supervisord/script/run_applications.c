// SPDX-License-Identifier: GPL-2.0-only
/* The applications of a run: which they are, and that they run before its script begins (S11 to S15). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "supervisord/remote/management.h"
#include "supervisord/script/run_private.h"
#include "supervisord/script/switching.h"

/* All run: the script begins, or goes on when its list of events was exchanged. */
static void applications_ready(struct run *run)
{
	struct error err = { 0 };

	if (!run->drive)
		run_script_begin(run);
	else if (run_script_check(run, run->service, &err))
		run_end(run, &err);
	else
		drive_restored(run->drive);
}

static void application_ready(void *user, struct app *app, const struct error *err)
{
	struct run *run = user;

	for (int i = 0; i < run->n_apps; i++)
		if (run->apps[i] == app)
			run->requests[i] = NULL;
	run->n_waiting--;
	if (err)
		run_end(run, err);
	else if (!run->n_waiting)
		applications_ready(run);
}

static void application_add(struct run *run, const char *name)
{
	if (run_uses(run, name))
		return;
	run->apps[run->n_apps] = app_get(run->gateway, name);
	management_use(run->apps[run->n_apps++]);
}

int run_applications_find(struct run *run, struct error *err)
{
	const char *const *events;
	size_t n = definition_events(run->definition, &events);

	for (size_t i = 0; i < n; i++) {
		const struct event_list_entry *entry = event_list_find(run->events, events[i]);

		if (!entry || !entry->application)
			continue;
		if (run->n_apps == RUN_APPLICATIONS_MAX && !run_uses(run, entry->application))
			return error_set(err, -E2BIG, "%s: it needs more than %d applications",
					 run->service, RUN_APPLICATIONS_MAX);
		application_add(run, entry->application);
	}
	return 0;
}

int run_prepare(struct run *run, struct error *err)
{
	run->definition = run_definition(run->gateway, run->service, err);
	if (!run->definition)
		return -EINVAL;
	run->events = switching_current(run->gateway);
	return run_applications_find(run, err);
}

struct run *run_applications_request(struct run *run, int first)
{
	struct gateway *gateway = run->gateway;
	int n = run->n_apps;

	/* One more than there are, so that the last one is not served before all are asked. */
	run->n_waiting += n - first + 1;
	for (int i = first; i < n; i++) {
		struct request *request = request_start(run->apps[i], application_ready, run);

		if (!run_alive(gateway, run))
			return NULL;
		if (run->ended)
			return run;
		run->requests[i] = request;
	}
	if (!--run->n_waiting)
		applications_ready(run);
	return run_alive(gateway, run) ? run : NULL;
}

void run_request_drop(struct run *run, const struct app *app)
{
	for (int i = 0; i < run->n_apps; i++)
		if (run->apps[i] == app && run->requests[i]) {
			request_cancel(run->apps[i], run->requests[i]);
			run->requests[i] = NULL;
			run->n_waiting--;
		}
}
