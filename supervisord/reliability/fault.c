// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/fault_data.h"
#include "supervisord/reliability/figures.h"
#include "supervisord/reliability/notifier.h"
#include "supervisord/reliability/policy.h"
#include "supervisord/reliability/restoration.h"
#include "supervisord/remote/management.h"
#include "supervisord/remote/request.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/run.h"
#include "supervisord/settings.h"

/* What the gateway does by itself when no answer comes in time and no entry covers it (348). */
static json_t *own_countermeasure(void)
{
	return json_pack("{s:s, s:i, s:i, s:i, s:s}", "action", "restart",
			 "attempts", 3, "window_s", 60, "backoff_ms", 100,
			 "then", "stop");
}

static void decide_overdue(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct fault *fault = timer->data;
	json_t *countermeasure = policy_choose(fault->app->gateway, fault, NULL);

	if (!countermeasure)
		countermeasure = own_countermeasure();
	fault_decide(fault, countermeasure, FAULT_BY_OVERDUE);
	json_decref(countermeasure);
}

static double ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (to_ns - from_ns) / 1e6 : 0;
}

static void fault_store(struct fault *fault)
{
	struct gateway *gateway = fault->app->gateway;
	int ret = store_fault_add(gateway->store, &fault->row);

	/*
	 * A disk that fails is no reason to leave the application down: the
	 * fault is handled, and told to the center once the disk has taken it.
	 */
	if (ret) {
		log_error("a fault of %s is not recorded%s: %s", fault->app->name,
			  fault->row.id[0] ? " yet" : "", strerror(-ret));
		if (!fault->row.id[0])
			snprintf(fault->row.id, sizeof(fault->row.id), "unrecorded-%llu",
				 (unsigned long long)fault->time_ns);
	}
	fault->recorded = !ret;
	collection_add(gateway, &(struct event){
		.part = "fault", .name = "fault.stored", .application = fault->app->name,
		.data = json_pack("{s:s, s:s, s:f}", "fault", fault->row.id,
				  "kind", fault->kind, "known_ms",
				  ms_between(fault->time_ns, fault->known_ns)) },
		"%s in %s %s: known after %.2f ms, fault data stored as %s", fault->kind,
		fault->app->name, fault->version,
		ms_between(fault->time_ns, fault->known_ns), fault->row.id);
}

static struct fault *fault_new(struct app *app, const char *kind, const char *version)
{
	struct fault *fault = alloc_zero(1, sizeof(*fault));

	fault->app = app;
	fault->known_ns = clock_now();
	snprintf(fault->kind, sizeof(fault->kind), "%s", kind);
	snprintf(fault->version, sizeof(fault->version), "%s", version);
	fault->row.kind = fault->kind;
	fault->row.application = app->name;
	fault->row.version = fault->version;
	ev_timer_init(&fault->decide, decide_overdue, app->gateway->settings->decide_ms / 1e3, 0.);
	fault->decide.data = fault;
	ev_init(&fault->backoff, NULL);
	app->fault = fault;
	return fault;
}

/* The list says who decides: the gateway at once, or the center within its time. */
static void decision_seek(struct fault *fault)
{
	struct gateway *gateway = fault->app->gateway;
	bool at_gateway = false;
	json_t *own = policy_choose(gateway, fault, &at_gateway);

	if (own && at_gateway) {
		fault_decide(fault, own, FAULT_BY_LIST);
	} else {
		ev_timer_start(gateway->loop, &fault->decide);
		notifier_kick(gateway);
	}
	json_decref(own);
}

/* It has a process no more, or will not have in a moment: nothing of it is needed any longer. */
static bool process_ended(const struct fault_evidence *evidence)
{
	return evidence->record && evidence->record->flags & FAULTLINE_F_MAIN &&
	       (evidence->record->type == FAULTLINE_RECORD_FATAL ||
		evidence->record->type == FAULTLINE_RECORD_EXIT);
}

/* Nothing that has ended it is known: whether it is ended, the countermeasure decides. */
static bool process_goes_on(const struct app *app, const struct fault_evidence *evidence)
{
	return app->process && !app->process->gone && !app->process->dying && app->process->channel &&
	       !process_ended(evidence);
}

/* Without the highly reliable means (R9) what has failed is ended, and who needs it is told. */
static void unreliable(struct app *app, const char *kind)
{
	char why[160];

	/* What an application says of itself is an event like others. */
	if (!strncmp(kind, "application.", strlen("application.")))
		return;
	snprintf(why, sizeof(why), "%s: %s, and this gateway restores nothing", app->name, kind);
	collection_add(app->gateway, &(struct event){
		.part = "runtime", .name = "application.failed", .application = app->name },
		"%s", why);
	app->unready = app->state == APP_STARTING;
	run_faulted(app, false);
	management_halt(app);
	run_not_restored(app, why);
}

/* The application is back while what happened is written down: the kernel keeps its record until it is. */
void fault_meet(struct app *app, const char *kind, const struct fault_evidence *evidence)
{
	struct fault *fault;
	bool at_gateway = false;
	json_t *own;

	if (!app->gateway->settings->reliability)
		return;
	fault = fault_new(app, kind, app_version(app));
	fault->time_ns = evidence->time_ns;
	fault->row.time_ms = clock_to_unix_ms(fault->time_ns);
	own = process_ended(evidence) ? policy_choose(app->gateway, fault, &at_gateway) : NULL;
	if (own && at_gateway)
		restoration_hasten(fault, own);
	json_decref(own);
	fault->figures = figures_read(app->process);
}

void fault_begin(struct app *app, const char *kind, const struct fault_evidence *given)
{
	struct fault_evidence evidence = *given;
	struct fault *fault;

	if (!app->gateway->settings->reliability) {
		unreliable(app, kind);
		return;
	}
	if (!app->fault)
		fault_meet(app, kind, given);
	fault = app->fault;
	app->unready = app->state == APP_STARTING;
	app->state = APP_RESTORING;
	evidence.log = app->process ? process_log_lines(app->process) : NULL;
	run_faulted(app, process_goes_on(app, &evidence));
	restoration_early(fault);
	evidence.figures = figures_describe(steal_pointer(&fault->figures), evidence.record);
	fault->row.data = fault_data_collect(app, &evidence);
	json_decref(evidence.log);
	json_decref(evidence.figures);
	fault_store(fault);
	json_decref(steal_pointer(&fault->row.data));
	decision_seek(fault);
}

static const char *row_text(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text ? text : "";
}

void fault_resume(struct app *app, json_t *row)
{
	struct fault *fault = fault_new(app, row_text(row, "kind"), row_text(row, "version"));
	json_t *countermeasure = json_object_get(row, "countermeasure");
	int64_t ago_ms;

	snprintf(fault->row.id, sizeof(fault->row.id), "%s", row_text(row, "id"));
	fault->row.time_ms = json_integer_value(json_object_get(row, "time_ms"));
	ago_ms = clock_to_unix_ms(fault->known_ns) - fault->row.time_ms;
	fault->time_ns = fault->known_ns - (ago_ms > 0 ? ago_ms : 0) * 1000000;
	fault->recorded = true;
	app->state = APP_RESTORING;
	collection_add(app->gateway, &(struct event){
		.part = "fault", .name = "fault.resumed", .application = app->name,
		.data = json_pack("{s:s, s:s}", "fault", fault->row.id, "kind", fault->kind) },
		"%s in %s: the supervisor ended while it was handled, and goes on with it",
		fault->kind, app->name);
	if (action_terms_read(countermeasure, &fault->terms, NULL)) {
		decision_seek(fault);
		return;
	}
	fault->decided = true;
	fault->countermeasure = json_incref(countermeasure);
	restoration_start(fault);
}

/* Who decided and by which list; null for the center, which knows. */
static json_t *judge_describe(const struct gateway *gateway, enum fault_judge by)
{
	if (by == FAULT_BY_CENTER)
		return NULL;
	return json_pack("{s:s, s:I}", "why", by == FAULT_BY_LIST ? "list" : "overdue",
			 "policy_version", (json_int_t)policy_version(gateway));
}

static void decision_tell(struct fault *fault, enum fault_judge by)
{
	static const char *const texts[] = {
		[FAULT_BY_CENTER] = "the center's countermeasure",
		[FAULT_BY_LIST] = "the list leaves it to the gateway: the countermeasure",
		[FAULT_BY_OVERDUE] = "no answer from the center; the gateway's own countermeasure",
	};
	bool center = by == FAULT_BY_CENTER;
	struct event event = {
		.part = center ? "center" : "restoration", .name = "fault.decided",
		.application = fault->app->name,
		.data = json_pack("{s:s, s:O, s:s, s:s*}", "fault", fault->row.id,
				  "countermeasure", fault->countermeasure, "by",
				  center ? "center" : "gateway", "why",
				  center ? NULL : by == FAULT_BY_LIST ? "list" : "overdue") };

	collection_add(fault->app->gateway, &event, "%s against %s: %s", texts[by], fault->kind,
		       action_name(fault->terms.action));
}

void fault_decide(struct fault *fault, json_t *countermeasure, enum fault_judge by)
{
	struct gateway *gateway = fault->app->gateway;
	struct error err = { 0 };
	json_t *judge;

	if (fault->decided)
		return;
	if (action_terms_read(countermeasure, &fault->terms, &err)) {
		/* The time for an answer goes on, and the list decides when it is over. */
		log_error("center: its countermeasure for fault %s is not valid: %s",
			  fault->row.id, err.text);
		return;
	}
	fault->decided = true;
	ev_timer_stop(gateway->loop, &fault->decide);
	fault->countermeasure = json_incref(countermeasure);
	judge = judge_describe(gateway, by);
	store_fault_decided(gateway->store, fault->row.id, countermeasure, judge);
	json_decref(judge);
	decision_tell(fault, by);
	restoration_start(fault);
}

struct fault *fault_find(const struct gateway *gateway, const char *id)
{
	for (struct app *app = app_list_first(gateway); app; app = app->next)
		if (app->fault && !strcmp(app->fault->row.id, id))
			return app->fault;
	return NULL;
}

/* How long the application was away. */
static double duration_ms(const struct fault *fault)
{
	return ms_between(fault->time_ns, fault->restored_ns ? fault->restored_ns : clock_now());
}

static json_t *outcome_make(const struct fault *fault, bool restored, const char *detail)
{
	return json_pack("{s:s, s:s, s:f, s:s, s:b, s:I, s:O*}", "action",
			 action_name(fault->action), "result",
			 restored ? "restored" : "failed", "duration_ms",
			 duration_ms(fault), "detail", detail, "loop",
			 fault->loop, "uptime_ms", (json_int_t)(clock_now() / 1000000), "data",
			 fault->collected);
}

int fault_outcome_store(struct fault *fault, bool restored, const char *detail)
{
	struct store *store = fault->app->gateway->store;
	json_t *outcome = outcome_make(fault, restored, detail);
	int ret = store_fault_outcome(store, fault->row.id, restored ? "restored" : "failed",
				      outcome);

	json_decref(outcome);
	return ret ? ret : store_flush(store);
}

void fault_end(struct fault *fault, bool restored, const char *detail)
{
	struct app *app = fault->app;
	struct gateway *gateway = app->gateway;
	const char *action = action_name(fault->action);
	double ms = duration_ms(fault);
	json_t *outcome = outcome_make(fault, restored, detail);

	store_fault_outcome(gateway->store, fault->row.id,
			    restored ? "restored" : "failed", outcome);
	collection_add(gateway, &(struct event){
		.part = "restoration", .name = restored ? "fault.restored" : "fault.failed",
		.application = app->name,
		.data = json_pack("{s:s, s:o}", "fault", fault->row.id, "outcome", outcome) },
		"%s: %s; %.2f ms after the fault", action, detail, ms);
	/* Whoever follows a supervisor that is killed from here on must not do it once more. */
	collection_commit(gateway);
	fault_drop(fault);
	notifier_kick(gateway);
	if (restored)
		run_restored(app);
	else
		run_not_restored(app, detail);
	request_advance(app);
}

void fault_drop(struct fault *fault)
{
	struct app *app = fault->app;

	ev_timer_stop(app->gateway->loop, &fault->decide);
	ev_timer_stop(app->gateway->loop, &fault->backoff);
	if (fault->repair)
		run_forget(fault->repair);
	json_decref(fault->countermeasure);
	json_decref(fault->collected);
	app->fault = NULL;
	free(fault);
}
