// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/management.h"

#include <errno.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/ranges.h"
#include "supervisord/reliability/restoration.h"
#include "supervisord/remote/launch.h"
#include "supervisord/remote/preparation.h"
#include "supervisord/remote/request.h"
#include "supervisord/remote/reserve.h"
#include "supervisord/remote/spare.h"
#include "supervisord/runtime/child.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/run.h"
#include "supervisord/settings.h"

static void app_event(void *user, const char *method, json_t *params)
{
	collection_notification(user, method, params);
}

/* A transient application is deleted once it is idle and its process is gone (S19). */
static void transient_delete(struct app *app)
{
	struct error err = { 0 };

	if (app->data->resident || app->users)
		return;
	if (app_remove(app, &err))
		log_error("%s", err.text);
	collection_add(app->gateway, &(struct event){
		.part = "remote", .name = "application.deleted", .application = app->name },
		"%s is transient: deleted", app->name);
}

static void app_stopped(struct app *app)
{
	app->state = APP_STANDBY;
	transient_delete(app);
	run_settled(app);
	request_advance(app);
}

static void app_exited(void *user, int status)
{
	struct app *app = user;
	struct process *process = app->process;

	if (process->stopping) {
		process_free(steal_pointer(&app->process));
		app_stopped(app);
		return;
	}
	preparation_distrust(app);
	/* The fault detector looks at the process, and may have replaced it afterwards. */
	collection_exit(app, process, status);
	if (app->process == process) {
		run_interrupted(app);
		app->process = NULL;
	}
	process_free(process);
	if (app->fault)
		restoration_process_gone(app->fault);
}

/* It runs: what its next start will need can be seen to. */
static void app_settled(struct app *app)
{
	spare_wish(app);
	preparation_wish(app);
	reserve_wish(app);
}

static void app_ready(void *user)
{
	struct app *app = user;

	if (app->state != APP_STARTING)
		return;
	app->state = APP_RUNNING;
	app_settled(app);
	collection_add(app->gateway, &(struct event){
		.part = "runtime", .name = "application.ready", .application = app->name },
		"%s is ready, %.1f ms after its start", app->name,
		(clock_now() - app->process->started_ns) / 1e6);
	run_restored(app);
	request_advance(app);
}

static void app_start_overdue(void *user)
{
	collection_start_overdue(user);
}

static void app_heartbeat_missed(void *user, int interval_ms)
{
	collection_heartbeat(user, interval_ms);
}

static void app_watched(void *user, uint32_t watch)
{
	ranges_begin(user, watch);
}

static const struct process_handler process_handler = {
	.event = app_event,
	.ready = app_ready,
	.start_overdue = app_start_overdue,
	.heartbeat_missed = app_heartbeat_missed,
	.watched = app_watched,
	.exited = app_exited,
};

int management_launch(struct app *app, const struct process_handler *handler, void *user,
		      bool standby, struct process **process, struct error *err)
{
	__cleanup_launch struct launch launch = { 0 };
	struct child waiting;
	int ret = launch_make(&launch, app, err);

	if (ret)
		return ret;
	launch.setup.standby = standby;
	launch.setup.handler = handler;
	launch.setup.user = user;
	if (reserve_take(app, &launch.setup, &waiting))
		launch.setup.waiting = &waiting;
	ret = process_start(process, app->gateway->loop, &launch.setup, err);
	if (!ret)
		holding_apply(app, *process);
	return ret;
}

int management_take(struct app *app, const struct process_handler *handler, void *user,
		    struct process **process, const json_t *data, int *fds, int n,
		    struct error *err)
{
	struct gateway *gateway = app->gateway;
	struct process_setup setup = {
		.application = app->data,
		.uid = app->uid,
		.isolation = gateway->isolation,
		.logs = gateway->logs,
		.keeper = gateway->keeper,
		.standby = json_is_true(json_object_get(data, "standby")),
		.handler = handler,
		.user = user,
	};

	return process_adopt(process, gateway->loop, &setup, data, fds, n, err);
}

/* Its process runs, or is there and has yet to say so. */
static void app_running(struct app *app)
{
	app->state = process_ready(app->process) ? APP_RUNNING : APP_STARTING;
	app_halt_end(app);
	if (app->state == APP_RUNNING)
		app_settled(app);
}

int management_start(struct app *app, struct error *err)
{
	struct gateway *gateway = app->gateway;
	int ret;

	app->process = spare_take(app);
	if (app->process) {
		app->process->handler = &process_handler;
		app->process->user = app;
		app_running(app);
		collection_add(gateway, &(struct event){
			.part = "runtime", .name = "standby.activated", .application = app->name,
			.data = json_pack("{s:i}", "pid", app->process->pid) },
			"process %d of %s, which stood by, does its work now", app->process->pid,
			app->name);
		return 0;
	}
	ret = management_launch(app, &process_handler, app, false, &app->process, err);
	if (ret)
		return ret;
	app_running(app);
	/* Before it is needed: the first fault is not to wait for the disk. */
	attempts_load(&app->attempts, gateway->store, app->name);
	collection_add(gateway, &(struct event){
		.part = "runtime", .name = "application.started", .application = app->name,
		.data = json_pack("{s:i, s:s, s:i}", "pid", app->process->pid,
				  "version", app->data->version, "uid", app->uid) },
		"%s %s started, process %d, watched by %s", app->name, app->data->version,
		app->process->pid,
		gateway->source_ops ? gateway->source_ops->name : "nobody");
	return 0;
}

int management_adopt(struct app *app, const json_t *data, int *fds, int n, struct error *err)
{
	int ret = management_take(app, &process_handler, app, &app->process, data, fds, n, err);

	if (ret)
		return ret;
	app_running(app);
	collection_add(app->gateway, &(struct event){
		.part = "runtime", .name = "application.taken-over", .application = app->name,
		.data = json_pack("{s:i, s:s}", "pid", app->process->pid,
				  "version", app->data->version) },
		"%s %s runs as process %d, and is taken over", app->name, app->data->version,
		app->process->pid);
	return 0;
}

void management_leave(struct gateway *gateway)
{
	for (struct app *app = app_list_first(gateway); app; app = app->next) {
		spare_leave(app);
		reserve_drop(app);
		if (app->process)
			process_leave(steal_pointer(&app->process));
	}
}

/* Empties the state folder; the folder itself keeps its owner. */
static int state_clean(struct app *app, struct error *err)
{
	__cleanup_free char *folder = app_state_folder(app);
	int ret = folder_remove(folder, err);

	if (!ret && (mkdir(folder, 0700) < 0 || chown(folder, app->uid, app->uid) < 0))
		ret = error_set(err, -errno, "%s: %m", folder);
	return ret;
}

static void process_let_go(struct app *app)
{
	if (!app->process)
		return;
	run_interrupted(app);
	process_disown(steal_pointer(&app->process));
}

void management_drop_waiting(struct app *app)
{
	spare_drop(app);
	reserve_drop(app);
}

void management_let_go(struct app *app)
{
	management_drop_waiting(app);
	process_let_go(app);
}

int management_restart(struct app *app, bool clean, struct error *err)
{
	int ret;

	/* Those that wait are in the folder that goes. */
	if (clean)
		management_drop_waiting(app);
	process_let_go(app);
	ret = clean ? state_clean(app, err) : 0;
	if (!ret)
		ret = management_start(app, err);
	if (ret)
		return ret;
	app->restarts++;
	request_advance(app);
	return 0;
}

void management_halt(struct app *app)
{
	management_let_go(app);
	app_halt(app);
	/* What waited for the restoration begins anew, once. */
	request_advance(app);
}

void management_use(struct app *app)
{
	app->users++;
}

void management_release(struct app *app)
{
	if (--app->users || !app->data || app->data->resident)
		return;
	if (app->process && (app->state == APP_RUNNING || app->state == APP_STARTING)) {
		app->state = APP_STOPPING;
		management_drop_waiting(app);
		process_stop(app->process);
	} else if (app->state == APP_STANDBY || app->state == APP_HALTED) {
		transient_delete(app);
	}
}
