// SPDX-License-Identifier: GPL-2.0-only
/* What each method of the control socket answers (docs/protocol.md, "Control"). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "supervisord/control/control.h"
#include "supervisord/reliability/halt.h"
#include "supervisord/reliability/policy.h"
#include "supervisord/reliability/ranges.h"
#include "supervisord/reliability/refusal.h"
#include "supervisord/reliability/source.h"
#include "supervisord/reliability/source_status.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/center.h"
#include "supervisord/remote/orders.h"
#include "supervisord/remote/reserve.h"
#include "supervisord/remote/signature.h"
#include "supervisord/remote/spare.h"
#include "supervisord/runtime/isolation.h"
#include "supervisord/runtime/logs.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/dry_run.h"
#include "supervisord/script/event_list.h"
#include "supervisord/script/run.h"
#include "supervisord/script/services.h"
#include "supervisord/script/switching.h"
#include "supervisord/settings.h"
#include "supervisord/watchdog.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 1000
#define NO_SCRIPTS "this gateway runs no scripts, by its profile"
#define EVENTS_BYTES_MAX (384 << 10)

static int limit_of(const json_t *params)
{
	json_t *limit = json_object_get(params, "limit");
	json_int_t n = json_is_integer(limit) ? json_integer_value(limit) : LIMIT_DEFAULT;

	return n < 1 ? 1 : n > LIMIT_MAX ? LIMIT_MAX : n;
}

/* The BPF programs, where there are any, and the memory that they take in the kernel. */
static void parts_describe(const struct gateway *gateway, json_t *source)
{
	struct source_part parts[SOURCE_PARTS_MAX];
	json_t *list = json_array();
	int count = gateway->source_ops->parts(gateway->source, parts, SOURCE_PARTS_MAX);

	for (int i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:i, s:I}", "name", parts[i].name,
						      "programs", parts[i].programs, "memory_bytes",
						      (json_int_t)parts[i].memory));
	json_object_set_new(source, "probes", list);
}

static json_t *source_describe(const struct gateway *gateway)
{
	struct source_ledger ledger = { 0 };
	const struct source_ops *ops = gateway->source_ops;
	const char *blind;
	json_t *source;

	if (!ops)
		return json_pack("{s:s, s:s}", "name", "none", "blind",
				 "the kernel is not asked: only the end of an application is seen");
	if (ops->ledger(gateway->source, &ledger))
		return json_pack("{s:s, s:s}", "name", ops->name, "error",
				 "its counters cannot be read");
	blind = ops->blind(gateway->source);
	source = json_pack("{s:s, s:s*, s:I, s:I, s:I, s:I, s:o*}", "name", ops->name,
			   "blind", blind, "emitted", (json_int_t)ledger.emitted,
			   "delivered", (json_int_t)ledger.delivered, "pending",
			   (json_int_t)ledger.pending, "lost", (json_int_t)ledger.lost,
			   ops == &source_module ? "module" : "counts", source_status_describe(gateway));
	parts_describe(gateway, source);
	return source;
}

/* An application that runs well for long enough is in a loop no more. */
static bool app_loops(struct app *app)
{
	attempts_load(&app->attempts, app->gateway->store, app->name);
	return app->state == APP_RUNNING ? attempts_settle(&app->attempts) : app->attempts.loop;
}

static json_t *app_describe(struct app *app)
{
	const char *told = app->process ? process_status(app->process) : "";
	const struct process *spare = spare_process(app);
	pid_t reserve = reserve_pid(app);
	bool loop = app_loops(app);

	return json_pack("{s:s, s:s, s:s, s:s*, s:o*, s:o*, s:o*, s:i, s:b, s:s*}", "name", app->name,
			 "version", app_version(app), "state",
			 loop && app->state == APP_HALTED ? "loop" : app->holding.held ? "held" : app_state_name(app->state),
			 "residence",
			 !app->data ? NULL : app->data->resident ? "resident" : "transient",
			 "pid", app->process ? json_integer(app->process->pid) : NULL,
			 "standby", spare ? json_integer(spare->pid) : NULL,
			 "reserve", reserve ? json_integer(reserve) : NULL,
			 "restarts", (int)app->restarts, "loop", loop,
			 "status", *told ? told : NULL);
}

static json_t *apps_describe(const struct gateway *gateway)
{
	json_t *array = json_array();

	for (struct app *app = app_list_first(gateway); app; app = app->next)
		if (app->state != APP_ABSENT)
			json_array_append_new(array, app_describe(app));
	return array;
}

static bool app_is_here(const struct gateway *gateway, const char *name)
{
	for (struct app *app = app_list_first(gateway); app; app = app->next)
		if (!strcmp(app->name, name))
			return app->state != APP_ABSENT;
	return false;
}

static void answer_status(struct control_client *client, json_t *id, const json_t *params)
{
	struct gateway *gateway = client->gateway;
	json_t *apps = apps_describe(gateway);

	/* A file that changed is looked at now, and not when somebody waits for a run. */
	if (gateway->events)
		event_list_put(switching_current(gateway));
	jsonrpc_result(client->peer, id, json_pack(
		"{s:s, s:s, s:s, s:s, s:f, s:o, s:o, s:s*, s:I, s:s, s:s*, s:s*, s:o, s:o, s:o, s:i, s:i, s:I, s:I, s:s*, s:o, s:o*}",
		"gateway", gateway->settings->name, "group", gateway->settings->group,
		"version", FAULTLINE_VERSION,
		"configuration", gateway->settings->configuration_folder,
		"uptime_s", (clock_now() - gateway->started_ns) / 1e9,
		"center", center_describe(gateway),
		"signatures", signatures_describe(gateway),
		"policy_refused", policy_refused(gateway),
		"policy_version", (json_int_t)policy_version(gateway),
		"events", switching_name(gateway),
		"events_refused", switching_refused(gateway),
		"services_refused", services_refused(gateway),
		"source", source_describe(gateway),
		"isolation", isolation_describe(gateway->isolation),
		"ranges", ranges_possible(gateway),
		"applications", (int)json_array_size(apps),
		"runs", run_count(gateway),
		"faults", (json_int_t)store_fault_count(gateway->store),
		"untold", (json_int_t)store_fault_untold(gateway->store),
		"store_trouble", store_trouble(gateway->store),
		"watchdog", watchdog_describe(gateway),
		"halt", gateway->settings->reliability ? halt_describe(gateway) : NULL));
	json_decref(apps);
}

static void answer_applications(struct control_client *client, json_t *id,
				const json_t *params)
{
	jsonrpc_result(client->peer, id, apps_describe(client->gateway));
}

static json_t *processings_describe(const struct application *application)
{
	json_t *processings = json_object();

	for (int i = 0; i < application->n_processings; i++)
		json_object_set_new(processings, application->processings[i].name,
				    json_integer(application->processings[i].timeout_s));
	return processings;
}

static void answer_processings(struct control_client *client, json_t *id,
			       const json_t *params)
{
	const char *name = json_string_value(json_object_get(params, "application"));
	const struct app *app = app_list_first(client->gateway);

	while (app && (!name || strcmp(app->name, name) || !app->data))
		app = app->next;
	if (app)
		jsonrpc_result(client->peer, id, processings_describe(app->data));
	else
		jsonrpc_error(client->peer, id, JSONRPC_ABSENT,
			      "this application is not on the gateway; \"faultctl apps\" lists those that are",
			      NULL);
}

static void answer_services(struct control_client *client, json_t *id, const json_t *params)
{
	json_t *services = services_describe(client->gateway);

	orders_describe(client->gateway, services);
	jsonrpc_result(client->peer, id, services);
}

/* The store's answer, or the word that it failed. */
static void answer_stored(struct control_client *client, json_t *id, json_t *stored)
{
	if (stored)
		jsonrpc_result(client->peer, id, stored);
	else
		jsonrpc_error(client->peer, id, JSONRPC_FAILED,
			      "the gateway's database cannot be read; its log says why", NULL);
}

/* An answer has a bound; of more events than fit the older ones, or the later, come by another question. */
static void events_bound(json_t *events)
{
	while (events && json_dumpb(events, NULL, 0, 0) > EVENTS_BYTES_MAX)
		for (size_t n = json_array_size(events) / 2; json_array_size(events) > n;)
			json_array_remove(events, json_array_size(events) - 1);
}

static void answer_events(struct control_client *client, json_t *id, const json_t *params)
{
	struct store_filter filter = {
		.application = json_string_value(json_object_get(params, "application")),
		.name = json_string_value(json_object_get(params, "name")),
		.since_ms = json_integer_value(json_object_get(params, "since_ms")),
		.after = json_integer_value(json_object_get(params, "after")),
		.limit = limit_of(params),
	};
	json_t *events;

	store_flush(client->gateway->store);
	events = store_events(client->gateway->store, &filter);
	events_bound(events);
	answer_stored(client, id, events);
}

static void answer_faults(struct control_client *client, json_t *id, const json_t *params)
{
	answer_stored(client, id, store_faults(client->gateway->store, limit_of(params)));
}

static void answer_fault(struct control_client *client, json_t *id, const json_t *params)
{
	const char *fault = json_string_value(json_object_get(params, "id"));
	json_t *row = fault ? store_fault(client->gateway->store, fault) : NULL;

	if (row)
		jsonrpc_result(client->peer, id, row);
	else
		jsonrpc_error(client->peer, id, JSONRPC_ABSENT,
			      "there is no fault with this id; \"faultctl faults\" lists them",
			      NULL);
}

static void log_line(void *user, json_t *line)
{
	struct control_client *client = user;

	jsonrpc_notify(client->peer, "log", json_incref(line));
}

/* Lines go out as notifications: together they are longer than an answer may be. */
static void answer_logs(struct control_client *client, json_t *id, const json_t *params)
{
	const char *application = json_string_value(json_object_get(params, "application"));
	struct gateway *gateway = client->gateway;
	int n;

	if (!name_valid(application)) {
		jsonrpc_error(client->peer, id, JSONRPC_INVALID_PARAMS,
			      "the name of an application is needed: lower-case letters, digits, dashes",
			      NULL);
		return;
	}
	n = logs_read(gateway->logs, application, limit_of(params), log_line, client);
	if (n < 0 && !app_is_here(gateway, application)) {
		jsonrpc_error(client->peer, id, JSONRPC_ABSENT,
			      "there is no application and no log of this name; \"faultctl apps\" lists what is here",
			      NULL);
		return;
	}
	if (!json_is_true(json_object_get(params, "follow"))) {
		jsonrpc_result(client->peer, id, json_pack("{s:i}", "lines", n < 0 ? 0 : n));
	} else if (!client->follower) {
		client->follower = logs_follow(gateway->logs, application, log_line, client);
	} else {
		jsonrpc_error(client->peer, id, JSONRPC_BUSY,
			      "this connection follows a log already", NULL);
	}
}

/* Who asks for a processing past the scripts: that is refused, whoever it is, and kept as a fault. */
static void answer_request(struct control_client *client, json_t *id, const json_t *params)
{
	const char *application = json_string_value(json_object_get(params, "application"));
	const char *processing = json_string_value(json_object_get(params, "processing"));
	char reason[512];

	if (!name_valid(application) || !name_valid(processing)) {
		jsonrpc_error(client->peer, id, JSONRPC_INVALID_PARAMS,
			      "application and processing are needed, and are names", NULL);
		return;
	}
	snprintf(reason, sizeof(reason),
		 "%s of %s was asked for past the scripts: a processing is requested by the script of a service alone; \"faultctl run SERVICE\" runs one",
		 processing, application);
	refusal_note(client->gateway, &(struct refusal){
		.kind = "range.operation", .application = application, .processing = processing,
		.asked_by = "control", .reason = reason });
	jsonrpc_error(client->peer, id, JSONRPC_REFUSED, reason, NULL);
}

static void answer_switch(struct control_client *client, json_t *id, const json_t *params)
{
	const char *list = json_string_value(json_object_get(params, "list"));
	struct error err = { 0 };

	if (switching_set(client->gateway, list ? list : "", &err))
		jsonrpc_error(client->peer, id, JSONRPC_REFUSED, err.text, NULL);
	else
		jsonrpc_result(client->peer, id, json_pack("{s:s}", "events", list));
}

/* The application of @params; NULL when that was answered already. */
static struct app *app_wanted(struct control_client *client, json_t *id, const json_t *params)
{
	const char *name = json_string_value(json_object_get(params, "application"));

	if (name_valid(name) && app_is_here(client->gateway, name))
		return app_get(client->gateway, name);
	jsonrpc_error(client->peer, id, JSONRPC_ABSENT,
		      "there is no application of this name; \"faultctl apps\" lists what is here", NULL);
	return NULL;
}

static void answer_hold(struct control_client *client, json_t *id, const json_t *params)
{
	struct app *app = app_wanted(client, id, params);
	json_t *wanted = json_object_get(params, "seconds");
	json_int_t seconds = json_is_integer(wanted) && json_integer_value(wanted) >= 0 ?
			     json_integer_value(wanted) : HOLDING_SECONDS;
	struct error err = { 0 };

	if (!app)
		return;
	if (seconds > HOLDING_SECONDS_MAX)
		jsonrpc_error(client->peer, id, JSONRPC_INVALID_PARAMS,
			      "a fault is held for 86400 seconds at most", NULL);
	else if (holding_set(app, seconds, true, &err))
		jsonrpc_error(client->peer, id, JSONRPC_REFUSED, err.text, NULL);
	else
		jsonrpc_result(client->peer, id, json_pack("{s:s, s:I}", "application", app->name,
							   "seconds", seconds));
}

static void answer_holds(struct control_client *client, json_t *id, const json_t *params)
{
	jsonrpc_result(client->peer, id, holding_list(client->gateway));
}

static void answer_release(struct control_client *client, json_t *id, const json_t *params)
{
	struct app *app = app_wanted(client, id, params);
	struct error err = { 0 };

	if (!app)
		return;
	if (holding_release(app, &err))
		jsonrpc_error(client->peer, id, JSONRPC_REFUSED, err.text, NULL);
	else
		jsonrpc_result(client->peer, id, json_pack("{s:s}", "application", app->name));
}

static void answer_events_set(struct control_client *client, json_t *id, const json_t *params)
{
	const char *name = json_string_value(json_object_get(params, "name"));
	const char *text = json_string_value(json_object_get(params, "text"));
	const char *list = switching_name(client->gateway);
	struct error err = { 0 };
	size_t n;

	if (!client->gateway->events)
		jsonrpc_error(client->peer, id, JSONRPC_REFUSED, NO_SCRIPTS, NULL);
	else if (!name || !text)
		jsonrpc_error(client->peer, id, JSONRPC_INVALID_PARAMS, "name and text are needed", NULL);
	else if (switching_exchange(client->gateway, name, text, &n, &err))
		jsonrpc_error(client->peer, id, JSONRPC_REFUSED, err.text, NULL);
	else
		jsonrpc_result(client->peer, id, json_pack("{s:I, s:s, s:b}", "events", (json_int_t)n,
							   "list", list, "in_force",
							   !strcmp(list, SWITCHING_DEFAULT)));
}

static void answer_events_list(struct control_client *client, json_t *id, const json_t *params)
{
	const struct event_list_entry *entry;
	struct event_list *list;
	json_t *array;

	if (!client->gateway->events) {
		jsonrpc_error(client->peer, id, JSONRPC_REFUSED, NO_SCRIPTS, NULL);
		return;
	}
	list = switching_current(client->gateway);
	array = json_array();
	for (size_t i = 0; (entry = event_list_entry(list, i)); i++)
		json_array_append_new(array, json_pack("{s:s, s:s*, s:s*}", "event", entry->event,
						       "application", entry->application,
						       "processing", entry->processing));
	event_list_put(list);
	events_bound(array);
	jsonrpc_result(client->peer, id, array);
}

static void run_progress(void *user, const struct event *event, double ms, const char *text)
{
	struct control_client *client = user;

	jsonrpc_notify(client->peer, "progress",
		       json_pack("{s:f, s:s, s:s, s:s, s:s?, s:O*}", "t_ms", ms, "part",
				 event->part, "event", event->name, "text", text,
				 "application", event->application, "data", event->data));
}

static int run_error_code(int code)
{
	switch (code) {
	case -ENOENT:
		return JSONRPC_ABSENT;
	case -EHOSTUNREACH:
		return JSONRPC_UNREACHABLE;
	case -EINVAL:
	case -EFBIG:
		return JSONRPC_REFUSED;
	case -EBUSY:
		return JSONRPC_BUSY;
	default:
		return JSONRPC_FAILED;
	}
}

/* Of a run and of a dry run. */
static void run_ended(void *user, json_t *result, const struct error *err)
{
	struct control_client *client = user;
	json_t *id = steal_pointer(&client->run_id);

	client->run = NULL;
	client->dry_run = NULL;
	if (!err)
		jsonrpc_result(client->peer, id, json_incref(result));
	else
		jsonrpc_error(client->peer, id, run_error_code(err->code), err->text,
			      err->line ? json_pack("{s:i, s:i}", "line", err->line,
						    "column", err->column) : NULL);
	json_decref(id);
}

static const struct run_observer run_observer = {
	.progress = run_progress,
	.ended = run_ended,
};

/* The service to run; NULL when the request was answered with an error. */
static const char *service_of(struct control_client *client, json_t *id,
			      const json_t *params)
{
	const char *service = json_string_value(json_object_get(params, "service"));

	if (!name_valid(service)) {
		jsonrpc_error(client->peer, id, JSONRPC_INVALID_PARAMS,
			      "the name of a service is needed: lower-case letters, digits, dashes",
			      NULL);
		return NULL;
	}
	if (client->run_id) {
		jsonrpc_error(client->peer, id, JSONRPC_BUSY,
			      "this connection follows a run already", NULL);
		return NULL;
	}
	return service;
}

static void answer_run(struct control_client *client, json_t *id, const json_t *params)
{
	const char *service = service_of(client, id, params);

	if (!service)
		return;
	client->run_id = json_incref(id);
	client->run = run_start(client->gateway, service, &run_observer, client);
}

static void answer_runs(struct control_client *client, json_t *id, const json_t *params)
{
	jsonrpc_result(client->peer, id, run_list_describe(client->gateway));
}

static void answer_stop(struct control_client *client, json_t *id, const json_t *params)
{
	const char *service = json_string_value(json_object_get(params, "service"));
	int n = service ? run_stop(client->gateway, service) : 0;

	if (n)
		jsonrpc_result(client->peer, id, json_pack("{s:s, s:i}", "service", service, "stopped", n));
	else
		jsonrpc_error(client->peer, id, JSONRPC_ABSENT,
			      "no run of this service is under way; \"faultctl runs\" lists those that are", NULL);
}

static void dry_run_line(void *user, json_t *line)
{
	struct control_client *client = user;

	jsonrpc_notify(client->peer, "line", json_incref(line));
}

static const struct dry_run_observer dry_run_observer = {
	.line = dry_run_line,
	.ended = run_ended,
};

static void answer_plan(struct control_client *client, json_t *id, const json_t *params)
{
	const char *service = service_of(client, id, params);
	struct error err = { 0 };

	if (!service)
		return;
	client->run_id = json_incref(id);
	client->dry_run = dry_run_start(client->gateway, service, &dry_run_observer, client,
					&err);
	if (!client->dry_run)
		run_ended(client, NULL, &err);
}

static int range_error_code(int code)
{
	switch (code) {
	case -EINVAL:
		return JSONRPC_INVALID_PARAMS;
	case -ENOENT:
		return JSONRPC_ABSENT;
	case -EOPNOTSUPP:
		return JSONRPC_REFUSED;
	default:
		return JSONRPC_FAILED;
	}
}

static void answer_range(struct control_client *client, json_t *id, const json_t *params)
{
	const char *name = json_string_value(json_object_get(params, "application"));
	const char *action = json_string_value(json_object_get(params, "action"));
	struct error err = { 0 };

	if (!name_valid(name) || !app_is_here(client->gateway, name))
		jsonrpc_error(client->peer, id, JSONRPC_ABSENT,
			      "this application is not on the gateway; \"faultctl apps\" lists those that are",
			      NULL);
	else if (action && strcmp(action, "show") && ranges_change(app_get(client->gateway, name), action, &err))
		jsonrpc_error(client->peer, id, range_error_code(err.code), err.text, NULL);
	else
		jsonrpc_result(client->peer, id, ranges_describe(app_get(client->gateway, name)));
}

const struct control_method control_methods[] = {
	{ "status", answer_status },
	{ "applications", answer_applications },
	{ "processings", answer_processings },
	{ "run", answer_run },
	{ "plan", answer_plan },
	{ "runs", answer_runs },
	{ "stop", answer_stop },
	{ "services", answer_services },
	{ "events", answer_events },
	{ "switch", answer_switch },
	{ "events-list", answer_events_list },
	{ "events-set", answer_events_set },
	{ "request", answer_request },
	{ "faults", answer_faults },
	{ "fault", answer_fault },
	{ "logs", answer_logs },
	{ "range", answer_range },
	{ "hold", answer_hold },
	{ "holds", answer_holds },
	{ "release", answer_release },
	{ NULL, NULL },
};
