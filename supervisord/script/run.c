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
#include "supervisord/reliability/refusal.h"
#include "supervisord/remote/management.h"
#include "supervisord/remote/orders.h"
#include "supervisord/remote/request.h"
#include "supervisord/script/drive.h"
#include "supervisord/script/event_list.h"
#include "supervisord/script/plan.h"
#include "supervisord/script/run_kept.h"
#include "supervisord/script/script.h"
#include "supervisord/settings.h"

#define RUNS_MAX 32
#define RUN_APPLICATIONS_MAX 16
/* How often its list of events can be exchanged. */
#define RUN_LISTS_MAX 16

struct run_list {
	struct run *first;
	int n;
};

/**
 * struct run - a run
 * @definition: 331; @events: 332 as it was when the run began, or was exchanged by a
 *	countermeasure; @program: 12, compiled
 * @lists: lists that @events was before; a step under way may still use the last one
 * @apps: applications that it uses, and the requests to start them
 * @drive: 334; NULL until the script is there
 * @fetching: the script is on its way
 * @resumed: it was begun by a supervisor before this one
 * @ended: it is over; what it used is being ended as well
 * @err: why it failed; its code is 0 when the script was finished
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
	struct event_list *lists[RUN_LISTS_MAX];
	int n_lists;
	struct program *program;
	struct app *apps[RUN_APPLICATIONS_MAX];
	struct request *requests[RUN_APPLICATIONS_MAX];
	int n_apps;
	int n_waiting;
	struct drive *drive;
	struct script_fetch *fetching;
	bool resumed;
	bool ended;
	int faults;
	double duration_ms;
	struct error err;
};

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

/* For the next supervisor; a repair service is asked for anew by the fault that it is for. */
static void run_keep(const struct run *run, int text)
{
	if (run->ended || (run->observer && run->observer->bound))
		return;
	run_kept_put(run->gateway, &(struct run_kept){
		.service = run->service, .begun_ns = run->begun_ns, .faults = run->faults,
		.order = run->observer && run->observer->order ? run->observer->order(run->user) : NULL,
		.drive = run->drive ? drive_save(run->drive) : NULL, .text = text });
}

static void drive_moved(void *user)
{
	run_keep(user, -1);
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
		run_report(run, run->observer->ended);
	run_free(run);
}

/* The processing has been finished (S17): its applications are let go (S18, S19). */
static void run_end(struct run *run, const struct error *err)
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
			"%s is finished: %zu events in %.1f ms, %d %s", run->service,
			drive_done(run->drive), run->duration_ms, run->faults,
			run->faults == 1 ? "fault" : "faults");
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

static void drive_ended(void *user, const struct error *err)
{
	run_end(user, err);
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
	const struct event_list_entry *refused = NULL;
	const struct plan plan = {
		.name = name, .program = run->program, .events = run->events,
		.timeout = processing_timeout, .user = run->gateway, .refused = &refused,
	};
	int ret = plan_check(&plan, err);

	if (refused)
		refusal_note(run->gateway, &(struct refusal){
			.kind = "range.operation", .application = refused->application,
			.version = app_version(app_get(run->gateway, refused->application)),
			.service = run->service, .processing = refused->processing,
			.asked_by = "script", .reason = err->text });
	return ret;
}

static struct drive_setup drive_setup(struct run *run)
{
	return (struct drive_setup){
		.gateway = run->gateway, .service = run->service,
		.application = run_application(run), .program = run->program,
		.events = run->events, .ended = drive_ended, .moved = drive_moved, .user = run,
	};
}

static void script_fetched(void *user, struct program *program, const char *text, size_t size,
			   const struct error *why)
{
	__cleanup_close int kept = -1;
	struct run *run = user;
	struct drive_setup setup;
	struct error err = { 0 };
	char name[NAME_MAX_LEN + 8];

	run->fetching = NULL;
	run->program = program;
	snprintf(name, sizeof(name), "%s.xml", run->service);
	if (!program || program_check(run, name, &err)) {
		run_end(run, program ? &err : why);
		return;
	}
	collection_add(run->gateway, &(struct event){
		.part = "script", .name = "script.interpreted",
		.application = run_application(run) },
		"script %s downloaded, valid against its definition: %s%llu events", run->service,
		run->program->controlled ? "at most " : "",
		(unsigned long long)run->program->length.requests);
	setup = drive_setup(run);
	run->drive = drive_start(&setup);
	kept = run_kept_text(text, size);
	run_keep(run, kept);
}

/* S16: the script is read from the center once its applications run. */
static void script_begin(struct run *run)
{
	struct error err = { 0 };

	run->fetching = script_fetch(run->gateway, run->service, run->definition, script_fetched, run,
				     &err);
	if (!run->fetching)
		run_end(run, &err);
}

/* All run: the script begins, or goes on when its list of events was exchanged. */
static void applications_ready(struct run *run)
{
	struct error err = { 0 };

	if (!run->drive)
		script_begin(run);
	else if (program_check(run, run->service, &err))
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

/* Asks for the applications from number @first on. */
static struct run *applications_request(struct run *run, int first)
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

static struct run *run_new(struct gateway *gateway, const char *service, uint64_t begun_ns)
{
	struct run *run = alloc_zero(1, sizeof(*run));

	if (!gateway->runs)
		gateway->runs = alloc_zero(1, sizeof(*gateway->runs));
	run->gateway = gateway;
	run->begun_ns = begun_ns;
	snprintf(run->service, sizeof(run->service), "%s", service);
	run->next = gateway->runs->first;
	gateway->runs->first = run;
	gateway->runs->n++;
	return run;
}

/* Compiles what was kept of the script, and finds the place in it. */
static void drive_find(struct run *run, const struct run_kept *kept, struct error *err)
{
	__cleanup_free char *text = NULL;
	struct drive_setup setup;
	size_t size = 0;

	text = run_kept_read(kept->text, &size);
	if (!text) {
		error_set(err, -EIO, "%s: its script was not kept when the supervisor ended",
			  run->service);
		return;
	}
	run->program = interpretation_compile(run->definition, run->service, text, size, err);
	if (!run->program || program_check(run, run->service, err))
		return;
	setup = drive_setup(run);
	run->drive = drive_resume(&setup, kept->drive);
	if (!run->drive)
		error_set(err, -EINVAL, "%s: its definition has changed, and its place is not there any more",
			  run->service);
}

static void run_resume(struct gateway *gateway, const struct run_kept *kept)
{
	struct run *run = run_new(gateway, kept->service, kept->begun_ns);
	struct error err = { 0 };

	run->resumed = true;
	run->faults = kept->faults;
	if (kept->order)
		run->observer = orders_adopt(gateway, kept->order, &run->user);
	if (!run_prepare(run, &err) && kept->drive)
		drive_find(run, kept, &err);
	run->err = err;
}

/* An application that has gone without a fault that anybody handles has interrupted what it did. */
static void resumed_begin(struct run *run)
{
	struct error err = run->err;

	run->resumed = false;
	collection_add(run->gateway, &(struct event){
		.part = "script", .name = "service.resumed",
		.application = run_application(run) },
		"service %s, which a supervisor before this one began, goes on", run->service);
	if (err.code) {
		run_end(run, &err);
		return;
	}
	for (int i = 0; run->drive && i < run->n_apps; i++)
		if (!run->apps[i]->process && !run->apps[i]->fault)
			drive_interrupted(run->drive, run->apps[i]);
	applications_request(run, 0);
}

void run_list_resume(struct gateway *gateway)
{
	struct run *run;

	run_kept_list(gateway, run_resume);
	do {
		for (run = gateway->runs ? gateway->runs->first : NULL; run; run = run->next)
			if (run->resumed)
				break;
		if (run)
			resumed_begin(run);
	} while (run);
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
	return applications_request(run, 0);
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

/* What becomes of the step that was under way, its script says (drive.h). */
void run_interrupted(struct app *app)
{
	for (struct run *run = app->gateway->runs ? app->gateway->runs->first : NULL; run;
	     run = run->next) {
		if (run->ended || !run_uses(run, app->name))
			continue;
		run->faults++;
		if (run->drive)
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

/* It no longer waits for this application. */
static void request_drop(struct run *run, const struct app *app)
{
	for (int i = 0; i < run->n_apps; i++)
		if (run->apps[i] == app && run->requests[i]) {
			request_cancel(run->apps[i], run->requests[i]);
			run->requests[i] = NULL;
			run->n_waiting--;
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
	run->events = event_list_current(&run->gateway->events);
	if (run->drive)
		drive_exchange(run->drive, run->events);
	if (applications_find(run, &err))
		run_end(run, &err);
	else
		applications_request(run, before);
}

bool run_needs(const struct run *run, const struct app *app)
{
	return run_uses(run, app->name);
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
		request_drop(run, app);
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

json_t *run_describe(const struct gateway *gateway, const struct app *app)
{
	for (const struct run *run = gateway->runs ? gateway->runs->first : NULL; run;
	     run = run->next)
		if (!run->ended && run->drive && run_uses(run, app->name))
			return drive_describe(run->drive);
	return json_null();
}
