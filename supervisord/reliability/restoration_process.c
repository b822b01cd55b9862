// SPDX-License-Identifier: GPL-2.0-only
/* Countermeasures on the process: none, restart, restart-clean, stop, signal, limits. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "supervisord/reliability/policy.h"
#include "supervisord/reliability/restoration.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/management.h"
#include "supervisord/runtime/process.h"

/* Does its process live, so that it can go on? */
static bool process_lives(const struct app *app)
{
	return app->process && !app->process->dying && !app->process->gone &&
	       app->process->channel;
}

void restoration_none(struct fault *fault)
{
	struct app *app = fault->app;
	json_t *entry = policy_choose(app->gateway, fault, NULL);
	bool covered = entry || !policy_version(app->gateway);

	json_decref(entry);
	/* Nothing is done: what still runs goes on, what is dead stays so. */
	if (process_lives(app)) {
		app->state = APP_RUNNING;
		restoration_done(fault, "the process goes on");
		return;
	}
	restoration_halted(fault, covered ? "the application stays ended, as was decided" :
			   "no entry of the list of countermeasures covers it: the application stays ended");
}

static void restart(struct fault *fault, bool clean)
{
	struct app *app = fault->app;
	struct error err = { 0 };

	if (!fault->early && management_restart(app, clean, &err))
		restoration_failed(fault, "%s", err.text);
	else
		restoration_done(fault, "%s runs again, process %d", app->name,
				 app->process->pid);
}

void restoration_restart(struct fault *fault)
{
	restart(fault, false);
}

void restoration_restart_clean(struct fault *fault)
{
	restart(fault, true);
}

void restoration_stop(struct fault *fault)
{
	restoration_halted(fault, "the application is stopped, as was decided");
}

void restoration_signal(struct fault *fault)
{
	struct app *app = fault->app;
	const char *name = restoration_text(fault, "signal");

	if (!process_lives(app)) {
		restoration_failed(fault, "%s has no process to signal", app->name);
		return;
	}
	if (kill(app->process->pid, action_signal_number(name)) < 0) {
		restoration_failed(fault, "signal %s to process %d: %s", name,
				   app->process->pid, strerror(errno));
		return;
	}
	app->state = APP_RUNNING;
	restoration_done(fault, "process %d got signal %s and goes on", app->process->pid, name);
}

void restoration_limits(struct fault *fault)
{
	struct app_limits *limits = &fault->app->limits;
	json_t *kept;

	limits->memory_mib = restoration_parameter(fault, "memory", limits->memory_mib);
	limits->files = restoration_parameter(fault, "files", limits->files);
	limits->processes = restoration_parameter(fault, "processes", limits->processes);
	kept = json_pack("{s:i, s:i, s:i}", "memory", limits->memory_mib, "files",
			 limits->files, "processes", limits->processes);
	store_setting_put(fault->app->gateway->store, "limits", fault->app->name, kept);
	json_decref(kept);
	/* Those that wait have the limits of before. */
	management_drop_waiting(fault->app);
	restart(fault, false);
}
