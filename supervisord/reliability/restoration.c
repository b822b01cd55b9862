// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/restoration.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/remote/management.h"
#include "supervisord/remote/reserve.h"
#include "supervisord/remote/spare.h"
#include "supervisord/runtime/process.h"

/* No wait for a further attempt is longer, unless the first one is. */
#define BACKOFF_MAX_S 60.0

/*
 * @counted: attempts, window and back-off count for it
 * @replaces: another process takes the place of the faulty one
 */
static const struct {
	void (*carry_out)(struct fault *fault);
	bool counted;
	bool replaces;
} actions[ACTION_COUNT] = {
	[ACTION_NONE] = { restoration_none, false, false },
	[ACTION_RESTART] = { restoration_restart, true, true },
	[ACTION_RESTART_CLEAN] = { restoration_restart_clean, true, true },
	[ACTION_STOP] = { restoration_stop, false, false },
	[ACTION_REINSTALL] = { restoration_reinstall, true, true },
	[ACTION_ROLLBACK] = { restoration_rollback, true, true },
	[ACTION_SWITCH] = { restoration_switch, true, true },
	[ACTION_LIMITS] = { restoration_limits, true, true },
	[ACTION_SIGNAL] = { restoration_signal, true, false },
	[ACTION_RUN] = { restoration_run, true, true },
	[ACTION_COLLECT] = { restoration_collect, false, false },
	[ACTION_HOLD] = { restoration_hold, false, false },
	[ACTION_REBOOT] = { restoration_reboot, true, false },
};

json_int_t restoration_parameter(const struct fault *fault, const char *name,
				 json_int_t otherwise)
{
	json_t *value = json_object_get(fault->terms.parameters, name);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

const char *restoration_text(const struct fault *fault, const char *name)
{
	const char *text = json_string_value(json_object_get(fault->terms.parameters, name));

	return text ? text : "";
}

/* What only one process can have must be free first; a core dump is not cut short for it. */
static bool end_awaited(struct fault *fault)
{
	struct app *app = fault->app;

	if (!app->data || !app->data->exclusive || !actions[fault->action].replaces ||
	    !app->process || app->process->gone)
		return false;
	fault->awaits_end = true;
	if (!app->process->dying)
		process_kill(app->process);
	return true;
}

static void carry_out(struct fault *fault)
{
	if (end_awaited(fault))
		return;
	if (actions[fault->action].counted) {
		attempts_add(&fault->app->attempts, fault->action);
		fault->tries++;
	}
	actions[fault->action].carry_out(fault);
}

static void backoff_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	carry_out(timer->data);
}

/* The first attempt in a window is made at once; each further one waits twice as long. */
static void carry_out_later(struct fault *fault, int attempts)
{
	double wait_s = fault->terms.backoff_ms / 1e3;
	double most_s = wait_s > BACKOFF_MAX_S ? wait_s : BACKOFF_MAX_S;

	if (!attempts || wait_s <= 0) {
		carry_out(fault);
		return;
	}
	for (int i = 1; i < attempts && wait_s < most_s; i++)
		wait_s *= 2;
	if (wait_s > most_s)
		wait_s = most_s;
	collection_add(fault->app->gateway, &(struct event){
		.part = "restoration", .name = "restoration.waits",
		.application = fault->app->name,
		.data = json_pack("{s:s, s:s, s:i, s:f}", "fault", fault->row.id, "action",
				  action_name(fault->action), "attempts", attempts, "wait_s", wait_s) },
		"%s of %s in %.1f s: attempt %d of %d within %d s", action_name(fault->action),
		fault->app->name, wait_s, attempts + 1, fault->terms.attempts, fault->terms.window_s);
	ev_timer_init(&fault->backoff, backoff_over, wait_s, 0.);
	fault->backoff.data = fault;
	ev_timer_start(fault->app->gateway->loop, &fault->backoff);
}

static void action_set(struct fault *fault, enum action action)
{
	fault->action = action;
	fault->tries = 0;
}

/* The chain of countermeasures is at its end: a stated state, never an endless restart. */
static void loop_end(struct fault *fault, int attempts)
{
	fault->action = ACTION_STOP;
	restoration_halted(fault, "crash loop: stopped after %d attempt%s within %d s", attempts,
			   text_s(attempts), fault->terms.window_s);
}

/* Tried as often as it may be: the last step of the chain is taken, once. */
static void exhausted(struct fault *fault, int attempts)
{
	enum action then = fault->terms.then;

	fault->loop = true;
	fault->app->attempts.loop = true;
	collection_add(fault->app->gateway, &(struct event){
		.part = "restoration", .name = "application.loop",
		.application = fault->app->name,
		.data = json_pack("{s:s, s:s, s:i, s:s}", "fault", fault->row.id, "action",
				  action_name(fault->action), "attempts", attempts, "then",
				  action_name(then)) },
		"%s did not help %d time%s within %d s: then %s", action_name(fault->action),
		attempts, text_s(attempts), fault->terms.window_s, action_name(then));
	if (fault->following || then == fault->action ||
	    (actions[then].counted &&
	     attempts_within(&fault->app->attempts, then, fault->terms.window_s, then))) {
		loop_end(fault, attempts);
		return;
	}
	fault->following = true;
	action_set(fault, then);
	carry_out(fault);
}

static void action_take(struct fault *fault, enum action action)
{
	int attempts;

	action_set(fault, action);
	if (!actions[action].counted) {
		carry_out(fault);
		return;
	}
	attempts = attempts_within(&fault->app->attempts, action, fault->terms.window_s,
				   fault->terms.then);
	if (attempts >= fault->terms.attempts)
		exhausted(fault, attempts);
	else
		carry_out_later(fault, attempts);
}

void restoration_process_gone(struct fault *fault)
{
	if (!fault->awaits_end)
		return;
	fault->awaits_end = false;
	carry_out(fault);
}

void restoration_hasten(struct fault *fault, json_t *countermeasure)
{
	struct app *app = fault->app;
	struct action_terms terms;
	int attempts;

	if (action_terms_read(countermeasure, &terms, NULL) || terms.action != ACTION_RESTART ||
	    app->data->exclusive)
		return;
	attempts_load(&app->attempts, app->gateway->store, app->name);
	attempts_settle(&app->attempts);
	attempts = attempts_within(&app->attempts, terms.action, terms.window_s, terms.then);
	fault->early = attempts < terms.attempts && !(attempts && terms.backoff_ms);
	if (!fault->early)
		return;
	spare_activate(app);
	reserve_release(app);
}

void restoration_early(struct fault *fault)
{
	struct error err = { 0 };

	if (!fault->early)
		return;
	/* Where it fails it is tried once more in its turn, and the failure told then. */
	fault->early = !management_restart(fault->app, false, &err);
	if (fault->early)
		fault->restored_ns = clock_now();
	else
		reserve_drop(fault->app);
}

void restoration_start(struct fault *fault)
{
	struct attempts *attempts = &fault->app->attempts;

	attempts_load(attempts, fault->app->gateway->store, fault->app->name);
	attempts_settle(attempts);
	attempts->healthy_s = fault->terms.healthy_s;
	action_take(fault, fault->terms.action);
}

void restoration_follow(struct fault *fault)
{
	fault->following = true;
	action_take(fault, fault->terms.then);
}

#define FORMAT(detail, format)						\
	do {								\
		va_list ap;						\
									\
		va_start(ap, format);					\
		vsnprintf(detail, sizeof(detail), format, ap);		\
		va_end(ap);						\
		/* It may have been cut within a letter. */		\
		text_clean(detail);					\
	} while (0)

void restoration_done(struct fault *fault, const char *format, ...)
{
	char detail[ERROR_TEXT_MAX];

	FORMAT(detail, format);
	fault_end(fault, true, detail);
}

void restoration_halted(struct fault *fault, const char *format, ...)
{
	char detail[ERROR_TEXT_MAX];

	FORMAT(detail, format);
	management_halt(fault->app);
	fault_end(fault, false, detail);
}

/* A center that is not reached now, or a limit of the gateway: a later attempt may do it. */
static bool passes(const struct error *err)
{
	return err->code == -EHOSTUNREACH || err->code == -EAGAIN || err->code == -EBUSY;
}

void restoration_not_done(struct fault *fault, const struct error *err)
{
	int attempts = attempts_within(&fault->app->attempts, fault->action, fault->terms.window_s,
				       fault->terms.then);

	/* All of this fault count, also where they take longer than the window. */
	if (attempts < fault->tries)
		attempts = fault->tries;
	if (!passes(err) || attempts >= fault->terms.attempts) {
		restoration_failed(fault, "%s", err->text);
		return;
	}
	collection_add(fault->app->gateway, &(struct event){
		.part = "restoration", .name = "restoration.failed",
		.application = fault->app->name,
		.data = json_pack("{s:s, s:s, s:s}", "fault", fault->row.id, "action",
				  action_name(fault->action), "then", action_name(fault->action)) },
		"%s: %s; it is tried again", action_name(fault->action), err->text);
	carry_out_later(fault, attempts);
}

void restoration_failed(struct fault *fault, const char *format, ...)
{
	enum action then = fault->terms.then;
	char detail[ERROR_TEXT_MAX];

	FORMAT(detail, format);
	if (fault->following || then == fault->action || then == ACTION_NONE) {
		restoration_halted(fault, "%s: %s stays ended", detail, fault->app->name);
		return;
	}
	collection_add(fault->app->gateway, &(struct event){
		.part = "restoration", .name = "restoration.failed",
		.application = fault->app->name,
		.data = json_pack("{s:s, s:s, s:s}", "fault", fault->row.id, "action",
				  action_name(fault->action), "then", action_name(then)) },
		"%s: %s; then %s", action_name(fault->action), detail, action_name(then));
	restoration_follow(fault);
}
