// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/restoration.h"

#include <stdio.h>
#include <string.h>

#include "supervisord/remote/management.h"
#include "supervisord/runtime/process.h"

/* struct action - one kind of countermeasure; @carry_out ends in fault_end() */
struct action {
	const char *name;
	bool restarts;		/* attempts, window and back-off count for it */
	void (*carry_out)(struct fault *fault, const char *name);
};

static json_int_t parameter(const struct fault *fault, const char *name,
			    json_int_t otherwise)
{
	json_t *value = json_object_get(fault->countermeasure, name);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static void carry_out_none(struct fault *fault, const char *name)
{
	struct app *app = fault->app;

	/* Nothing is done: what still runs goes on, what is dead stays so. */
	if (app->process && !app->process->dying && app->process->channel) {
		app->state = APP_RUNNING;
		fault_end(fault, true, name, "the process goes on");
		return;
	}
	management_halt(app);
	fault_end(fault, false, name, "the application stays ended, as was decided");
}

static void carry_out_restart(struct fault *fault, const char *name)
{
	struct app *app = fault->app;
	struct error err = { 0 };
	char detail[128];

	if (management_restart(app, !strcmp(name, "restart-clean"), &err)) {
		management_halt(app);
		fault_end(fault, false, name, err.text);
		return;
	}
	snprintf(detail, sizeof(detail), "%s runs again, process %d", app->name,
		 app->process->pid);
	fault_end(fault, true, name, detail);
}

static void carry_out_stop(struct fault *fault, const char *name)
{
	management_halt(fault->app);
	fault_end(fault, false, name, "the application is stopped, as was decided");
}

static const struct action actions[] = {
	{ "none", false, carry_out_none },
	{ "restart", true, carry_out_restart },
	{ "restart-clean", true, carry_out_restart },
	{ "stop", false, carry_out_stop },
};

static const struct action *action_find(const char *name)
{
	for (size_t i = 0; name && i < sizeof(actions) / sizeof(*actions); i++)
		if (!strcmp(actions[i].name, name))
			return &actions[i];
	return NULL;
}

/* Restarts of the application within the countermeasure's window. */
static int restarts_within(const struct app *app, uint64_t window_ns)
{
	uint64_t now = clock_now();
	int n = 0;

	for (int i = 0; i < APP_RESTART_HISTORY; i++)
		if (app->restart_ns[i] && now - app->restart_ns[i] < window_ns)
			n++;
	return n;
}

static void backoff_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct fault *fault = timer->data;
	const char *name = json_string_value(json_object_get(fault->countermeasure, "action"));

	action_find(name)->carry_out(fault, name);
}

/* The first restart in a window is made at once; each further one waits twice as long. */
static void restart_later(struct fault *fault, const struct action *action, int restarts)
{
	double wait_s = parameter(fault, "backoff_ms", 0) / 1e3;

	if (!restarts || wait_s <= 0) {
		action->carry_out(fault, action->name);
		return;
	}
	for (int i = 1; i < restarts && wait_s < 60; i++)
		wait_s *= 2;
	ev_timer_init(&fault->backoff, backoff_over, wait_s < 60 ? wait_s : 60, 0.);
	fault->backoff.data = fault;
	ev_timer_start(fault->app->gateway->loop, &fault->backoff);
}

/* What follows when the countermeasure has been tried as often as it may be. */
static void exhausted(struct fault *fault, int restarts)
{
	const char *then = json_string_value(json_object_get(fault->countermeasure, "then"));
	const struct action *action = action_find(then);
	char detail[128];

	if (action && !action->restarts) {
		action->carry_out(fault, action->name);
		return;
	}
	management_halt(fault->app);
	snprintf(detail, sizeof(detail),
		 "stopped: %d restarts within the window did not help", restarts);
	fault_end(fault, false, "stop", detail);
}

void restoration_start(struct fault *fault)
{
	const char *name = json_string_value(json_object_get(fault->countermeasure, "action"));
	const struct action *action = action_find(name);
	json_int_t attempts = parameter(fault, "attempts", 3);
	json_int_t window_s = parameter(fault, "window_s", 60);
	int restarts;

	if (!action) {
		char detail[128];

		snprintf(detail, sizeof(detail),
			 "stopped: this gateway cannot carry out \"%.40s\"", name);
		management_halt(fault->app);
		fault_end(fault, false, "stop", detail);
		return;
	}
	restarts = restarts_within(fault->app, window_s > 0 ? window_s * 1000000000ULL : 0);
	if (attempts > APP_RESTART_HISTORY)
		attempts = APP_RESTART_HISTORY;
	if (action->restarts && restarts >= attempts)
		exhausted(fault, restarts);
	else if (action->restarts)
		restart_later(fault, action, restarts);
	else
		action->carry_out(fault, name);
}
