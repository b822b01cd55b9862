// SPDX-License-Identifier: GPL-2.0-only
/* Countermeasures on what is installed: reinstall, rollback. */
#include "supervisord/reliability/restoration.h"
#include "supervisord/remote/download.h"
#include "supervisord/remote/management.h"
#include "supervisord/runtime/process.h"

static void installed_start(struct fault *fault, const char *how)
{
	struct app *app = fault->app;
	struct error err = { 0 };

	if (management_restart(app, false, &err))
		restoration_failed(fault, "%s", err.text);
	else
		restoration_done(fault, "%s %s is %s and runs, process %d", app->name,
				 app_version(app), how, app->process->pid);
}

static void reinstalled(struct app *app, const struct error *err)
{
	app->state = APP_RESTORING;
	if (err)
		restoration_not_done(app->fault, err);
	else
		installed_start(app->fault, "installed anew");
}

/* What is installed stays until what is downloaded can take its place. */
void restoration_reinstall(struct fault *fault)
{
	management_let_go(fault->app);
	download_start(fault->app, reinstalled);
}

void restoration_rollback(struct fault *fault)
{
	struct error err = { 0 };

	management_let_go(fault->app);
	if (app_rollback(fault->app, &err))
		restoration_failed(fault, "%s", err.text);
	else
		installed_start(fault, "installed again");
}
