// SPDX-License-Identifier: GPL-2.0-only
/* Countermeasures on services: switch to another implementation, run a repair service. */
#include <stdio.h>

#include "supervisord/reliability/restoration.h"
#include "supervisord/remote/management.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/run.h"
#include "supervisord/script/switching.h"

#define REPAIR_TIMEOUT_S 60

void restoration_switch(struct fault *fault)
{
	const char *list = restoration_text(fault, "list");
	struct app *app = fault->app;
	struct error err = { 0 };
	int runs;

	if (switching_set(app->gateway, list, &err)) {
		restoration_failed(fault, "%s", err.text);
		return;
	}
	management_let_go(app);
	runs = run_switch(app);
	/* What the new list does not use stays ended; what it uses is started by who needs it. */
	app_halt(app);
	restoration_done(fault, "list of events %s is in force, %d %s with it", list, runs,
			 runs == 1 ? "run goes on" : "runs go on");
}

/* The repair service is over, in one way or the other: its run does not come back. */
static void repair_over(struct fault *fault)
{
	ev_timer_stop(fault->app->gateway->loop, &fault->backoff);
	if (fault->repair)
		run_forget(fault->repair);
	fault->repair = NULL;
}

static void repair_ended(void *user, json_t *result, const struct error *err)
{
	struct fault *fault = user;
	const char *service = restoration_text(fault, "service");
	struct error why = { 0 };

	fault->repair = NULL;
	repair_over(fault);
	if (err) {
		error_set(&why, err->code, "repair service %s: %s", service, err->text);
		restoration_not_done(fault, &why);
	} else if (management_restart(fault->app, false, &why)) {
		restoration_failed(fault, "%s", why.text);
	} else {
		restoration_done(fault, "repair service %s is finished, %s runs again, process %d",
				 service, fault->app->name, fault->app->process->pid);
	}
}

static void repair_overdue(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct fault *fault = timer->data;

	repair_over(fault);
	restoration_failed(fault, "repair service %s is not finished in time",
			   restoration_text(fault, "service"));
}

static void repair_progress(void *user, const struct event *event, double ms, const char *text)
{
}

static const struct run_observer repair_observer = {
	.bound = true,
	.progress = repair_progress,
	.ended = repair_ended,
};

void restoration_run(struct fault *fault)
{
	struct gateway *gateway = fault->app->gateway;
	struct run *run;

	management_let_go(fault->app);
	ev_timer_init(&fault->backoff, repair_overdue,
		      restoration_parameter(fault, "timeout", REPAIR_TIMEOUT_S), 0.);
	fault->backoff.data = fault;
	ev_timer_start(gateway->loop, &fault->backoff);
	run = run_start(gateway, restoration_text(fault, "service"), &repair_observer, fault);
	if (!run)
		return;		/* it has ended, and told so */
	fault->repair = run;
	if (!run_needs(run, fault->app))
		return;
	repair_over(fault);
	restoration_failed(fault, "repair service %s needs %s itself",
			   restoration_text(fault, "service"), fault->app->name);
}
