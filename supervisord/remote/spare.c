// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/spare.h"

#include <sched.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/ranges.h"
#include "supervisord/remote/management.h"
#include "supervisord/runtime/process.h"

/* The application itself goes first; a spare that fails is tried again later and later. */
#define WAIT_FIRST_S 0.2
#define WAIT_MAX_S 300.

struct spare {
	struct app *app;
	struct process *process;
	ev_timer start;
	double wait_s;
};

static void start_later(struct spare *spare)
{
	spare->start.repeat = spare->wait_s;
	ev_timer_again(spare->app->gateway->loop, &spare->start);
}

static void spare_failed(struct spare *spare, const char *why)
{
	struct app *app = spare->app;

	spare->wait_s = spare->wait_s * 2 < WAIT_MAX_S ? spare->wait_s * 2 : WAIT_MAX_S;
	collection_add(app->gateway, &(struct event){
		.part = "runtime", .name = "standby.failed", .application = app->name },
		"no process of %s stands by: %s; the next one is started in %g s", app->name,
		why, spare->wait_s);
	start_later(spare);
}

static void told_event(void *user, const char *method, json_t *params)
{
	const struct spare *spare = user;

	log_debug("%s: the process that stands by reports %s, which is not its part", spare->app->name,
		  method);
}

static void told_ready(void *user)
{
	struct spare *spare = user;

	spare->wait_s = WAIT_FIRST_S;
}

static void told_overdue(void *user)
{
	struct spare *spare = user;

	process_disown(steal_pointer(&spare->process));
	spare_failed(spare, "it did not say READY=1 in time");
}

static void told_no_heartbeat(void *user, int interval_ms)
{
	struct spare *spare = user;

	process_disown(steal_pointer(&spare->process));
	spare_failed(spare, "its heart does not beat");
}

static void ended(void *user, int status)
{
	struct spare *spare = user;

	process_free(steal_pointer(&spare->process));
	spare_failed(spare, "it has ended");
}

static void told_watched(void *user, uint32_t watch)
{
	struct spare *spare = user;

	ranges_begin(spare->app, watch);
}

static const struct process_handler handler = {
	.event = told_event,
	.ready = told_ready,
	.start_overdue = told_overdue,
	.heartbeat_missed = told_no_heartbeat,
	.watched = told_watched,
	.exited = ended,
};

static void start_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct spare *spare = timer->data;
	struct app *app = spare->app;
	struct error err = { 0 };

	ev_timer_stop(loop, timer);
	if (management_launch(app, &handler, spare, true, &spare->process, &err)) {
		spare_failed(spare, err.text);
		return;
	}
	collection_add(app->gateway, &(struct event){
		.part = "runtime", .name = "standby.started", .application = app->name,
		.data = json_pack("{s:i}", "pid", spare->process->pid) },
		"process %d of %s stands by", spare->process->pid, app->name);
}

static struct spare *spare_get(struct app *app)
{
	struct spare *spare = app->spare;

	if (spare)
		return spare;
	spare = alloc_zero(1, sizeof(*spare));
	spare->app = app;
	spare->wait_s = WAIT_FIRST_S;
	ev_init(&spare->start, start_due);
	spare->start.data = spare;
	app->spare = spare;
	return spare;
}

void spare_wish(struct app *app)
{
	struct spare *spare;

	if (!app->data || !app->data->standby)
		return;
	spare = spare_get(app);
	if (!spare->process && !ev_is_active(&spare->start))
		start_later(spare);
}

struct process *spare_process(const struct app *app)
{
	return app->spare ? app->spare->process : NULL;
}

/* One that can take the place; or NULL. */
static struct process *spare_able(const struct app *app)
{
	struct process *process = spare_process(app);
	bool able = process && !process->dying && !process->gone && process->channel &&
		    process_ready(process);

	return able ? process : NULL;
}

void spare_activate(struct app *app)
{
	struct process *process = spare_able(app);

	if (!process || !process->standby)
		return;
	process_activate(process);
	/* It may have been woken on this CPU, and would wait for the next tick of the clock there. */
	sched_yield();
}

struct process *spare_take(struct app *app)
{
	struct process *process = spare_able(app);

	if (!process)
		return NULL;
	spare_activate(app);
	app->spare->process = NULL;
	return process;
}

void spare_drop(struct app *app)
{
	struct spare *spare = steal_pointer(&app->spare);

	if (!spare)
		return;
	ev_timer_stop(app->gateway->loop, &spare->start);
	if (spare->process)
		process_disown(spare->process);
	free(spare);
}

void spare_end(struct app *app)
{
	struct process *process = spare_process(app);

	if (process) {
		app->spare->process = NULL;
		process_kill(process);
		process_free(process);
	}
	spare_drop(app);
}

int spare_adopt(struct app *app, const json_t *data, int *fds, int n, struct error *err)
{
	struct spare *spare = spare_get(app);

	ev_timer_stop(app->gateway->loop, &spare->start);
	return management_take(app, &handler, spare, &spare->process, data, fds, n, err);
}

void spare_leave(struct app *app)
{
	struct spare *spare = steal_pointer(&app->spare);

	if (!spare)
		return;
	ev_timer_stop(app->gateway->loop, &spare->start);
	if (spare->process)
		process_leave(spare->process);
	free(spare);
}
