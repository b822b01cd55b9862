// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/text.h"
#include "supervisord/remote/management.h"
#include "supervisord/script/event_list.h"
#include "supervisord/script/run_private.h"
#include "supervisord/settings.h"

#define RUNS_MAX 32

static void run_free(struct run *run)
{
	drive_free(run->drive);
	if (run->fetching)
		script_forget(run->fetching);
	definition_free(run->definition);
	event_list_put(run->events);
	while (run->n_lists)
		event_list_put(run->lists[--run->n_lists]);
	program_free(run->program);
	free(run);
}

/* A repair service is asked for anew by the fault that it is for. */
void run_keep(const struct run *run, int text)
{
	if (run->ended || (run->observer && run->observer->bound))
		return;
	run_kept_put(run->gateway, &(struct run_kept){
		.service = run->service, .begun_ns = run->begun_ns, .faults = run->faults,
		.order = run->observer && run->observer->order ? run->observer->order(run->user) : NULL,
		.drive = run->drive ? drive_save(run->drive) : NULL, .text = text });
}

bool run_uses(const struct run *run, const char *application)
{
	for (int i = 0; i < run->n_apps; i++)
		if (!strcmp(run->apps[i]->name, application))
			return true;
	return false;
}

const char *run_application(const struct run *run)
{
	return run->n_apps ? run->apps[0]->name : NULL;
}

static void run_report(const struct run *run,
		       void (*tell)(void *user, json_t *result, const struct error *err))
{
	json_t *result;

	if (run->err.code) {
		tell(run->user, NULL, &run->err);
		return;
	}
	result = json_pack("{s:s, s:s, s:I, s:f, s:i}", "service", run->service, "state",
			   "finished", "steps",
			   (json_int_t)drive_done(run->drive),
			   "duration_ms", run->duration_ms, "faults", run->faults);
	tell(run->user, result, NULL);
	json_decref(result);
}

static void gone_free(struct run_list *runs)
{
	while (runs->gone) {
		struct run *run = runs->gone;

		runs->gone = run->next_gone;
		run_free(run);
	}
}

static void gone_sweep(struct ev_loop *loop, ev_timer *sweep, int events)
{
	gone_free(sweep->data);
}

/* A run that is over is reported and forgotten once none of its applications is stopping. */
static void run_settle(struct run *run)
{
	struct run_list *runs = run->gateway->runs;

	for (int i = 0; i < run->n_apps; i++)
		if (run->apps[i]->state == APP_STOPPING)
			return;
	for (struct run **p = &runs->first; *p; p = &(*p)->next)
		if (*p == run) {
			*p = run->next;
			break;
		}
	runs->n--;
	run->next_gone = runs->gone;
	runs->gone = run;
	ev_timer_start(run->gateway->loop, &runs->sweep);
	if (run->observer)
		run_report(run, run->observer->ended);
}

/* The processing has been finished (S17): its applications are let go (S18, S19). */
void run_end(struct run *run, const struct error *err)
{
	if (run->ended)
		return;
	run->ended = true;
	if (run->fetching)
		script_forget(steal_pointer(&run->fetching));
	if (run->drive)
		drive_stop(run->drive);
	run->duration_ms = (clock_now() - run->begun_ns) / 1e6;
	for (int i = 0; i < run->n_apps; i++)
		if (run->requests[i])
			request_cancel(run->apps[i], run->requests[i]);
	if (!err) {
		collection_add(run->gateway, &(struct event){
			.part = "script", .name = "script.finished",
			.application = run_application(run) },
			"%s is finished: %zu event%s in %.1f ms, %d fault%s", run->service,
			drive_done(run->drive), text_s(drive_done(run->drive)), run->duration_ms,
			run->faults, text_s(run->faults));
	} else {
		run->err = *err;
		collection_add(run->gateway, &(struct event){
			.part = "script", .name = "script.failed",
			.application = run_application(run) },
			"%s failed: %s", run->service, err->text);
	}
	if (run->observer && run->observer->over) {
		run_report(run, run->observer->over);
		run->observer = NULL;
	}
	run_kept_drop(run->gateway, run->begun_ns);
	for (int i = 0; i < run->n_apps; i++)
		management_release(run->apps[i]);
	run_settle(run);
}

void run_settled(struct app *app)
{
	struct run *next;

	for (struct run *run = app->gateway->runs ? app->gateway->runs->first : NULL; run;
	     run = next) {
		next = run->next;
		if (run->ended && run_uses(run, app->name))
			run_settle(run);
	}
}

void run_show(struct gateway *gateway, const struct event *event, uint64_t time_ns,
	      const char *text)
{
	for (struct run *run = gateway->runs ? gateway->runs->first : NULL; run;
	     run = run->next)
		if (run->observer && run_uses(run, event->application))
			run->observer->progress(run->user, event,
				((int64_t)time_ns - (int64_t)run->begun_ns) / 1e6, text);
}

struct definition *run_definition(const struct gateway *gateway, const char *service,
				  struct error *err)
{
	__cleanup_free char *path =
		alloc_format("%s/definitions/%s.dtd",
			     gateway->settings->configuration_folder, service);

	if (!gateway->settings->scripts)
		error_set(err, -ENOTSUP, "service %s: this gateway runs no scripts; its profile in gateway.xml says so",
			  service);
	else if (!name_valid(service))
		error_set(err, -EINVAL, "\"%s\" is not the name of a service", service);
	else if (access(path, R_OK))
		error_set(err, -ENOENT,
			  "service %s is not known here: its definition %s is missing",
			  service, path);
	else
		return definition_load(path, err);
	return NULL;
}

bool run_alive(const struct gateway *gateway, const struct run *run)
{
	for (const struct run *r = gateway->runs->first; r; r = r->next)
		if (r == run)
			return true;
	return false;
}

struct run *run_new(struct gateway *gateway, const char *service, uint64_t begun_ns)
{
	struct run *run = alloc_zero(1, sizeof(*run));

	if (!gateway->runs) {
		gateway->runs = alloc_zero(1, sizeof(*gateway->runs));
		ev_timer_init(&gateway->runs->sweep, gone_sweep, 0., 0.);
		gateway->runs->sweep.data = gateway->runs;
	}
	run->gateway = gateway;
	run->begun_ns = begun_ns;
	snprintf(run->service, sizeof(run->service), "%s", service);
	run->next = gateway->runs->first;
	gateway->runs->first = run;
	gateway->runs->n++;
	return run;
}

struct run *run_start(struct gateway *gateway, const char *service,
		      const struct run_observer *observer, void *user)
{
	struct run *run = run_new(gateway, service, clock_now());
	struct error err = { 0 };

	run->observer = observer;
	run->user = user;
	if (gateway->runs->n > RUNS_MAX)
		error_set(&err, -EBUSY, "%d runs are under way, more are not taken; try later",
			  RUNS_MAX);
	else
		run_prepare(run, &err);
	if (err.code) {
		run_end(run, &err);
		return run_alive(gateway, run) ? run : NULL;
	}
	collection_add(gateway, &(struct event){
		.part = "script", .name = "service.requested",
		.application = run_application(run) },
		"service %s is requested", service);
	run_keep(run, -1);
	return run_applications_request(run, 0);
}

void run_forget(struct run *run)
{
	run->observer = NULL;
}

void run_list_close(struct gateway *gateway)
{
	struct run_list *runs = steal_pointer(&gateway->runs);

	if (!runs)
		return;
	while (runs->first) {
		struct run *run = runs->first;

		runs->first = run->next;
		run_free(run);
	}
	gone_free(runs);
	ev_timer_stop(gateway->loop, &runs->sweep);
	free(runs);
}

bool run_active(const struct gateway *gateway, const char *service)
{
	for (const struct run *run = gateway->runs ? gateway->runs->first : NULL; run;
	     run = run->next)
		if (!run->ended && !strcmp(run->service, service))
			return true;
	return false;
}

int run_count(const struct gateway *gateway)
{
	return gateway->runs ? gateway->runs->n : 0;
}

static json_t *run_describe_one(const struct run *run)
{
	json_t *names = json_array(), *json;

	for (int i = 0; i < run->n_apps; i++)
		json_array_append_new(names, json_string(run->apps[i]->name));
	json = run->drive && !run->ended ? drive_describe(run->drive, NULL) : json_null();
	if (json_is_null(json))
		json = json_object();
	json_object_del(json, "arguments");
	json_object_set_new(json, "service", json_string(run->service));
	json_object_set_new(json, "state", json_string(run->ended ? "ending" :
						       run->drive ? "running" : "starting"));
	json_object_set_new(json, "seconds", json_real((clock_now() - run->begun_ns) / 1e9));
	json_object_set_new(json, "faults", json_integer(run->faults));
	json_object_set_new(json, "applications", names);
	return json;
}

json_t *run_list_describe(const struct gateway *gateway)
{
	json_t *array = json_array();

	for (const struct run *run = gateway->runs ? gateway->runs->first : NULL; run; run = run->next)
		json_array_append_new(array, run_describe_one(run));
	return array;
}

int run_stop(struct gateway *gateway, const char *service)
{
	struct error err = { 0 };
	struct run *next;
	int n = 0;

	error_set(&err, -ECANCELED, "it was stopped (faultctl stop)");
	for (struct run *run = gateway->runs ? gateway->runs->first : NULL; run; run = next) {
		next = run->next;
		if (run->ended || strcmp(run->service, service))
			continue;
		run_end(run, &err);
		n++;
	}
	return n;
}

bool run_needs(const struct run *run, const struct app *app)
{
	return run_uses(run, app->name);
}

json_t *run_describe(const struct gateway *gateway, const struct app *app)
{
	for (const struct run *run = gateway->runs ? gateway->runs->first : NULL; run;
	     run = run->next)
		if (!run->ended && run->drive && run_uses(run, app->name))
			return drive_describe(run->drive, app);
	return json_null();
}
