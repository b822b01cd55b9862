// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/script/definition.h"
#include "lib/script/interpretation.h"
#include "supervisord/remote/center.h"
#include "supervisord/remote/management.h"
#include "supervisord/remote/request.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/event_list.h"
#include "supervisord/script/plan.h"
#include "supervisord/settings.h"

#define RUNS_MAX 32
#define RUN_APPLICATIONS_MAX 16

struct run_list {
	struct run *first;
	int n;
};

/**
 * struct run - a run
 * @definition: 331; @events: 332 as it was when the run began; @program: 12, compiled
 * @apps: applications that it uses, and the requests to start them
 * @step: next or current event
 * @calling: the processing of @step has been requested and not answered
 * @ended: it is over; what it used is being ended as well
 * @err: why it failed; its code is 0 when the script was finished
 * @serial: number of the request, so that an answer to an older one is known
 */
struct run {
	struct run *next;
	struct gateway *gateway;
	const struct run_observer *observer;
	void *user;
	char service[NAME_MAX_LEN + 1];
	uint64_t begun_ns;
	struct definition *definition;
	struct event_list *events;
	struct program *program;
	struct app *apps[RUN_APPLICATIONS_MAX];
	struct request *requests[RUN_APPLICATIONS_MAX];
	int n_apps;
	int n_waiting;
	size_t step;
	bool calling;
	bool ended;
	unsigned int serial;
	int faults;
	double duration_ms;
	struct error err;
	ev_timer next_step;
};

/* struct call - a request to an application that is open; the run may be gone before its answer */
struct call {
	struct gateway *gateway;
	struct run *run;
	unsigned int serial;
	uint64_t begun_ns;
};

static void run_advance(struct run *run);

static void run_free(struct run *run)
{
	ev_timer_stop(run->gateway->loop, &run->next_step);
	definition_free(run->definition);
	event_list_put(run->events);
	program_free(run->program);
	free(run);
}

static bool run_uses(const struct run *run, const char *application)
{
	for (int i = 0; i < run->n_apps; i++)
		if (!strcmp(run->apps[i]->name, application))
			return true;
	return false;
}

static const char *run_application(const struct run *run)
{
	return run->n_apps ? run->apps[0]->name : NULL;
}

static void run_report(const struct run *run)
{
	json_t *result;

	if (run->err.code) {
		run->observer->ended(run->user, NULL, &run->err);
		return;
	}
	result = json_pack("{s:s, s:s, s:I, s:f, s:i}", "service", run->service, "state",
			   "finished", "steps", (json_int_t)run->program->n, "duration_ms",
			   run->duration_ms, "faults", run->faults);
	run->observer->ended(run->user, result, NULL);
	json_decref(result);
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
	if (run->observer)
		run_report(run);
	run_free(run);
}

/* The processing has been finished (S17): its applications are let go (S18, S19). */
static void run_end(struct run *run, const struct error *err)
{
	if (run->ended)
		return;
	run->ended = true;
	run->calling = false;
	ev_timer_stop(run->gateway->loop, &run->next_step);
	run->duration_ms = (clock_now() - run->begun_ns) / 1e6;
	for (int i = 0; i < run->n_apps; i++)
		if (run->requests[i])
			request_cancel(run->apps[i], run->requests[i]);
	if (!err) {
		collection_add(run->gateway, &(struct event){
			.part = "script", .name = "script.finished",
			.application = run_application(run) },
			"%s is finished: %zu events in %.1f ms, %d %s", run->service,
			run->program->n, run->duration_ms, run->faults,
			run->faults == 1 ? "fault" : "faults");
	} else {
		run->err = *err;
		collection_add(run->gateway, &(struct event){
			.part = "script", .name = "script.failed",
			.application = run_application(run) },
			"%s failed: %s", run->service, err->text);
	}
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

/* What a step drives; its application and processing were checked before the run began. */
static const struct event_list_entry *step_entry(const struct run *run, size_t step)
{
	return event_list_find(run->events, run->program->steps[step].event);
}

static void step_show(const struct run *run, const struct program_step *step,
		      const struct event_list_entry *entry, const char *application)
{
	json_t *params = program_step_params(step);
	char *text = json_dumps(params, JSON_COMPACT | JSON_REAL_PRECISION(15));

	collection_add(run->gateway, &(struct event){
		.part = "script", .name = "script.event", .application = application,
		.data = json_pack("{s:s, s:s, s:i, s:I, s:O}", "service", run->service,
				  "event", step->event, "line", (int)step->line, "step",
				  (json_int_t)run->step, "arguments", params) },
		"%s%s%s%s%s", step->event, json_object_size(params) ? " " : "",
		json_object_size(params) ? text : "",
		entry->processing ? " -> " : "", entry->processing ? entry->processing : "");
	json_decref(params);
	free(text);
}

/* The run of a call's answer, when it still waits for it. */
static struct run *call_run(const struct call *call)
{
	for (struct run *run = call->gateway->runs ? call->gateway->runs->first : NULL; run;
	     run = run->next)
		if (run == call->run && run->calling && run->serial == call->serial)
			return run;
	return NULL;
}

static void step_refused(struct run *run, const struct event_list_entry *entry, json_t *error)
{
	struct error err = { 0 };

	error_set(&err, -EREMOTEIO, "%s line %u: %s answered %s with an error: %s",
		  run->service, run->program->steps[run->step].line, entry->application,
		  entry->processing, json_string_value(json_object_get(error, "message")));
	run_end(run, &err);
}

static void step_answered(void *user, int code, json_t *result, json_t *error)
{
	struct call *call = user;
	struct run *run = call_run(call);
	const struct event_list_entry *entry;
	char *text;

	if (!run) {
		free(call);
		return;
	}
	entry = step_entry(run, run->step);
	if (code == -ETIMEDOUT) {
		collection_deadline(app_get(run->gateway, entry->application),
				    entry->processing);
	} else if (!code && error) {
		step_refused(run, entry, error);
	} else if (!code) {
		text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY |
				  JSON_REAL_PRECISION(15));
		collection_add(run->gateway, &(struct event){
			.part = "application", .name = "processing.answered",
			.application = entry->application,
			.data = json_pack("{s:s, s:O}", "processing", entry->processing,
					  "result", result) },
			"%s answered %s in %.1f ms", entry->processing, text ? text : "",
			(clock_now() - call->begun_ns) / 1e6);
		free(text);
		run->calling = false;
		run->step++;
		run_advance(run);
	}
	/* A channel that broke (-EPIPE) is followed by the fault that broke it. */
	free(call);
}

/* Requests the processing of an event from its application (S4, S24). */
static void step_request(struct run *run, struct app *app, const char *processing)
{
	const struct program_step *step = &run->program->steps[run->step];
	struct call *call = alloc_zero(1, sizeof(*call));

	call->gateway = run->gateway;
	call->run = run;
	call->serial = ++run->serial;
	call->begun_ns = clock_now();
	run->calling = true;
	if (!app->process->channel ||
	    jsonrpc_call(app->process->channel, processing, program_step_params(step),
			 application_processing(app->data, processing)->timeout_s,
			 step_answered, call))
		free(call);	/* the channel broke: the fault that broke it follows */
}

/*
 * Event drive means (334): takes the next event to its processing (S23, S24).
 * One event an iteration of the loop, so that a long script of events that drive
 * nothing holds up nobody.
 */
static void step_drive(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct run *run = timer->data;
	const struct event_list_entry *entry;
	struct app *app;

	if (run->calling)
		return;
	if (run->step == run->program->n) {
		run_end(run, NULL);
		return;
	}
	entry = step_entry(run, run->step);
	app = entry->application ? app_get(run->gateway, entry->application) : NULL;
	if (app && app->state != APP_RUNNING)
		return;		/* run_restored() drives it again */
	step_show(run, &run->program->steps[run->step], entry,
		  app ? app->name : run_application(run));
	if (app) {
		step_request(run, app, entry->processing);
	} else {
		run->step++;
		run_advance(run);
	}
}

static void run_advance(struct run *run)
{
	ev_timer_stop(run->gateway->loop, &run->next_step);
	ev_timer_set(&run->next_step, 0., 0.);
	ev_timer_start(run->gateway->loop, &run->next_step);
}

/* A run's applications are here, so that each processing is known or does not exist. */
static int processing_timeout(void *user, const char *application, const char *processing)
{
	const struct app *app = app_get(user, application);
	const struct application_processing *found =
		app->data ? application_processing(app->data, processing) : NULL;

	return found ? found->timeout_s : -ENOENT;
}

/* Every event has its place, and every processing its application: the range of operation. */
static int program_check(const struct run *run, const char *name, struct error *err)
{
	const struct plan plan = {
		.name = name, .program = run->program, .events = run->events,
		.timeout = processing_timeout, .user = run->gateway,
	};

	return plan_check(&plan, err);
}

static void script_fetched(void *user, const struct link_answer *answer)
{
	struct call *call = user;
	struct run *run = call_run(call);
	struct error err = { 0 };
	char what[128], name[NAME_MAX_LEN + 8];

	free(call);
	if (!run)
		return;
	run->calling = false;
	snprintf(what, sizeof(what), "script of %s", run->service);
	snprintf(name, sizeof(name), "%s.xml", run->service);
	if (!center_check(run->gateway, answer, what, &err))
		run->program = interpretation_compile(run->definition, name,
						      answer->body ? answer->body : "",
						      answer->size, &err);
	if (!run->program || program_check(run, name, &err)) {
		run_end(run, &err);
		return;
	}
	collection_add(run->gateway, &(struct event){
		.part = "script", .name = "script.interpreted",
		.application = run_application(run) },
		"script %s downloaded, valid against its definition: %zu events", run->service,
		run->program->n);
	run_advance(run);
}

/* S16: the script is read from the center once its applications run. */
static void script_fetch(struct run *run)
{
	struct call *call = alloc_zero(1, sizeof(*call));
	struct error err = { 0 };
	char path[128];

	call->gateway = run->gateway;
	call->run = run;
	call->serial = ++run->serial;
	run->calling = true;
	snprintf(path, sizeof(path), "/v1/scripts/%s", run->service);
	if (center_get(run->gateway, path, SCRIPT_SIZE_MAX, -1, script_fetched, NULL, call,
		       &err)) {
		free(call);
		run_end(run, &err);
	}
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
		script_fetch(run);
}

static void application_add(struct run *run, const char *name)
{
	if (run_uses(run, name))
		return;
	run->apps[run->n_apps] = app_get(run->gateway, name);
	management_use(run->apps[run->n_apps++]);
}

/* Which applications a run needs follows from its definition and the list of events. */
static int applications_find(struct run *run, struct error *err)
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

struct definition *run_definition(const struct gateway *gateway, const char *service,
				  struct error *err)
{
	__cleanup_free char *path =
		alloc_format("%s/definitions/%s.dtd",
			     gateway->settings->configuration_folder, service);

	if (!name_valid(service))
		error_set(err, -EINVAL, "\"%s\" is not the name of a service", service);
	else if (access(path, R_OK))
		error_set(err, -ENOENT,
			  "service %s is not known here: its definition %s is missing",
			  service, path);
	else
		return definition_load(path, err);
	return NULL;
}

static int run_prepare(struct run *run, struct error *err)
{
	run->definition = run_definition(run->gateway, run->service, err);
	if (!run->definition)
		return -EINVAL;
	run->events = event_list_current(&run->gateway->events);
	return applications_find(run, err);
}

/* Is the run still there? What was called may have ended it. */
static bool run_alive(const struct gateway *gateway, const struct run *run)
{
	for (const struct run *r = gateway->runs->first; r; r = r->next)
		if (r == run)
			return true;
	return false;
}

static struct run *applications_request(struct run *run)
{
	struct gateway *gateway = run->gateway;
	int n = run->n_apps;

	/* One more than there are, so that the last one is not served before all are asked. */
	run->n_waiting = n + 1;
	for (int i = 0; i < n; i++) {
		struct request *request = request_start(run->apps[i], application_ready, run);

		if (!run_alive(gateway, run))
			return NULL;
		if (run->ended)
			return run;
		run->requests[i] = request;
	}
	if (!--run->n_waiting)
		script_fetch(run);
	return run_alive(gateway, run) ? run : NULL;
}

struct run *run_start(struct gateway *gateway, const char *service,
		      const struct run_observer *observer, void *user)
{
	struct run *run = alloc_zero(1, sizeof(*run));
	struct error err = { 0 };

	if (!gateway->runs)
		gateway->runs = alloc_zero(1, sizeof(*gateway->runs));
	run->gateway = gateway;
	run->observer = observer;
	run->user = user;
	run->begun_ns = clock_now();
	snprintf(run->service, sizeof(run->service), "%s", service);
	ev_init(&run->next_step, step_drive);
	run->next_step.data = run;
	run->next = gateway->runs->first;
	gateway->runs->first = run;
	if (++gateway->runs->n > RUNS_MAX)
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
	return applications_request(run);
}

void run_forget(struct run *run)
{
	run->observer = NULL;
}

void run_list_close(struct gateway *gateway)
{
	while (gateway->runs && gateway->runs->first) {
		struct run *run = gateway->runs->first;

		gateway->runs->first = run->next;
		run_free(run);
	}
	free(steal_pointer(&gateway->runs));
}

int run_count(const struct gateway *gateway)
{
	return gateway->runs ? gateway->runs->n : 0;
}

/* The step that was under way is repeated once the application is restored. */
void run_interrupted(struct app *app)
{
	for (struct run *run = app->gateway->runs ? app->gateway->runs->first : NULL; run;
	     run = run->next) {
		const struct event_list_entry *entry;

		if (run->ended || !run_uses(run, app->name))
			continue;
		run->faults++;
		if (!run->program || !run->calling)
			continue;
		entry = step_entry(run, run->step);
		if (!strcmp(entry->application, app->name))
			run->calling = false;
	}
}

void run_restored(struct app *app)
{
	for (struct run *run = app->gateway->runs ? app->gateway->runs->first : NULL; run;
	     run = run->next)
		if (run->program && !run->ended && run_uses(run, app->name))
			run_advance(run);
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

json_t *run_describe(const struct gateway *gateway, const struct app *app)
{
	for (const struct run *run = gateway->runs ? gateway->runs->first : NULL; run;
	     run = run->next) {
		const struct program_step *step;

		if (run->ended || !run_uses(run, app->name) || !run->program ||
		    run->step >= run->program->n)
			continue;
		step = &run->program->steps[run->step];
		return json_pack("{s:s, s:s, s:i, s:I, s:I, s:o}", "service", run->service,
				 "event", step->event, "line", (int)step->line,
				 "step", (json_int_t)run->step,
				 "steps", (json_int_t)run->program->n,
				 "arguments", program_step_params(step));
	}
	return json_null();
}
