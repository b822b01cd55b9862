// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/drive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/refusal.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/machine.h"
#include "supervisord/script/machine_state.h"

/**
 * struct drive - a script that is driven
 * @calling: the processing of the step has been requested and not answered, nor
 *	interrupted by a fault
 * @call: the request while it is open, or NULL
 * @call_id: its number on the application's channel
 * @waiting: @timer ends a wait of the script, at @until_ns
 * @events: the list to go on by, or NULL: the one in @setup
 * @gave_up: after a fault; the script fails once the application is restored
 */
struct drive {
	struct drive_setup setup;
	struct machine machine;
	bool calling;
	struct call *call;
	json_int_t call_id;
	bool waiting;
	uint64_t until_ns;
	bool gave_up;
	const struct event_list *events;
	ev_timer timer;
};

/* struct call - a request to an application that is open; @drive is NULL once nobody waits for it */
struct call {
	struct drive *drive;
	struct process *process;
	uint64_t begun_ns;
};

static const struct program_step *step_now(const struct drive *drive)
{
	return &drive->setup.program->steps[drive->machine.step];
}

/* What a step drives; its application and processing were checked before the run began. */
static const struct event_list_entry *step_entry(const struct drive *drive)
{
	return event_list_find(drive->setup.events, step_now(drive)->event);
}

static void drive_after(struct drive *drive, double seconds)
{
	struct ev_loop *loop = drive->setup.gateway->loop;

	ev_timer_stop(loop, &drive->timer);
	ev_timer_set(&drive->timer, seconds, 0.);
	ev_timer_start(loop, &drive->timer);
}

static void drive_moved(const struct drive *drive)
{
	drive->setup.moved(drive->setup.user);
}

static void drive_fail(struct drive *drive, const struct error *err)
{
	drive->setup.ended(drive->setup.user, err);
}

static json_t *step_data(const struct drive *drive, json_t *params)
{
	const struct program_step *step = step_now(drive);
	json_t *data = json_pack("{s:s, s:s, s:i, s:I, s:O}", "service", drive->setup.service,
				 "event", step->event, "line", (int)step->line, "step",
				 (json_int_t)drive->machine.step, "arguments", params);
	unsigned int round, of;

	if (machine_round(&drive->machine, &round, &of)) {
		json_object_set_new(data, "round", json_integer(round));
		json_object_set_new(data, "rounds", json_integer(of));
	}
	return data;
}

static json_t *step_params(const struct program_step *step)
{
	return step->kind == PROGRAM_EVENT ? program_step_params(step) : json_object();
}

static void step_show(const struct drive *drive, const struct event_list_entry *entry)
{
	const struct program_step *step = step_now(drive);
	json_t *params = step_params(step);
	char *text = json_dumps(params, JSON_COMPACT | JSON_REAL_PRECISION(15));

	collection_add(drive->setup.gateway, &(struct event){
		.part = "script", .name = "script.event",
		.application = entry->application ? entry->application : drive->setup.application,
		.data = step_data(drive, params) },
		"%s%s%s%s%s", step->event, json_object_size(params) ? " " : "",
		json_object_size(params) ? text : "",
		entry->processing ? " -> " : "", entry->processing ? entry->processing : "");
	json_decref(params);
	free(text);
}

static void wait_show(const struct drive *drive)
{
	double seconds = machine_pause_ms(&drive->machine) / 1e3;

	collection_add(drive->setup.gateway, &(struct event){
		.part = "script", .name = "script.wait", .application = drive->setup.application,
		.data = json_pack("{s:s, s:i, s:f}", "service", drive->setup.service, "line",
				  (int)step_now(drive)->line, "seconds", seconds) },
		"waits %g s", seconds);
}

static void time_show(const struct drive *drive)
{
	time_t due = drive->machine.due;
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&due, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	collection_add(drive->setup.gateway, &(struct event){
		.part = "script", .name = "script.wait", .application = drive->setup.application,
		.data = json_pack("{s:s, s:i, s:s}", "service", drive->setup.service, "line",
				  (int)step_now(drive)->line, "until", text) },
		"waits until %s", text);
}

static void condition_show(const struct drive *drive, const struct program_step *step,
			   double reading, bool met)
{
	const struct program_control *control = step->control;

	collection_add(drive->setup.gateway, &(struct event){
		.part = "script", .name = "script.condition",
		.application = drive->setup.application,
		.data = json_pack("{s:s, s:i, s:s, s:f, s:s, s:f, s:b}", "service",
				  drive->setup.service, "line", (int)step->line, "reading",
				  control->reading->name, "found", reading, "is",
				  control_is_name(control->is), "value", control->value,
				  "met", met) },
		"%s is %g: %s%s %g", control->reading->name, reading, met ? "" : "not ",
		control_is_name(control->is), control->value);
}

static void reading_missing(struct drive *drive, const struct event_list_entry *entry)
{
	const struct definition_reading *reading = step_now(drive)->control->reading;
	struct error err = { 0 };

	error_set(&err, -EBADMSG,
		  "%s line %u: %s answered %s without the number \"%s\", which the reading %s is",
		  drive->setup.service, step_now(drive)->line, entry->application,
		  entry->processing, reading->member, reading->name);
	drive_fail(drive, &err);
}

static void reading_take(struct drive *drive, const struct event_list_entry *entry, json_t *result)
{
	const struct program_step *step = step_now(drive);
	json_t *number = json_object_get(result, step->control->reading->member);
	enum machine_verdict verdict;
	struct error err = { 0 };

	if (!json_is_number(number)) {
		reading_missing(drive, entry);
		return;
	}
	verdict = machine_read(&drive->machine, json_number_value(number), clock_now());
	drive_moved(drive);
	condition_show(drive, step, json_number_value(number), verdict == MACHINE_MET);
	if (verdict != MACHINE_LATE) {
		drive_after(drive, 0.);
		return;
	}
	error_set(&err, -ETIME, "%s line %u: %s did not become %s %g within %g s",
		  drive->setup.service, step->line, step->control->reading->name,
		  control_is_name(step->control->is), step->control->value,
		  step->control->wait_ms / 1e3);
	drive_fail(drive, &err);
}

static void step_refused(struct drive *drive, const struct event_list_entry *entry, json_t *error)
{
	struct error err = { 0 };

	error_set(&err, -EREMOTEIO, "%s line %u: %s answered %s with an error: %s",
		  drive->setup.service, step_now(drive)->line, entry->application,
		  entry->processing, json_string_value(json_object_get(error, "message")));
	drive_fail(drive, &err);
}

static void answer_show(const struct drive *drive, const struct event_list_entry *entry,
			json_t *result, uint64_t begun_ns)
{
	char *text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	collection_add(drive->setup.gateway, &(struct event){
		.part = "application", .name = "processing.answered",
		.application = entry->application,
		.data = json_pack("{s:s, s:O}", "processing", entry->processing,
				  "result", result) },
		"%s answered %s in %.1f ms", entry->processing, text ? text : "",
		(clock_now() - begun_ns) / 1e6);
	free(text);
}

static void step_answered(void *user, int code, json_t *result, json_t *error)
{
	struct call *call = user;
	struct drive *drive = call->drive;
	uint64_t begun_ns = call->begun_ns;
	const struct event_list_entry *entry;

	/* With -EPIPE the process is about to go. */
	if (code != -EPIPE)
		watching_work(&call->process->watching, false);
	free(call);
	if (!drive)
		return;
	drive->call = NULL;
	entry = step_entry(drive);
	if (code == -ETIMEDOUT)
		collection_deadline(app_get(drive->setup.gateway, entry->application),
				    entry->processing);
	/* A channel that broke (-EPIPE) is followed by the fault that broke it. */
	if (code)
		return;
	drive->calling = false;
	if (error) {
		step_refused(drive, entry, error);
		return;
	}
	answer_show(drive, entry, result, begun_ns);
	if (step_now(drive)->kind != PROGRAM_EVENT) {
		reading_take(drive, entry, result);
		return;
	}
	machine_answered(&drive->machine);
	drive_moved(drive);
	drive_after(drive, 0.);
}

/* Nothing can be asked of one without a channel: that it runs is what the event wanted. */
static void step_runs(struct drive *drive, const struct event_list_entry *entry)
{
	json_t *result = json_object();

	answer_show(drive, entry, result, clock_now());
	if (step_now(drive)->kind == PROGRAM_EVENT) {
		machine_answered(&drive->machine);
		drive_after(drive, 0.);
	} else {
		reading_take(drive, entry, result);
	}
	json_decref(result);
}

/* Requests the processing of an event from its application (S4, S24). */
static void step_request(struct drive *drive, struct app *app, const char *processing)
{
	struct call *call = alloc_zero(1, sizeof(*call));

	call->drive = drive;
	call->process = app->process;
	call->begun_ns = clock_now();
	drive->call = call;
	drive->calling = true;
	machine_requested(&drive->machine, call->begun_ns);
	if (app->process->channel &&
	    !jsonrpc_call(app->process->channel, processing, step_params(step_now(drive)),
			  application_processing(app->data, processing)->timeout_s,
			  step_answered, call)) {
		watching_work(&app->process->watching, true);
		drive->call_id = jsonrpc_last_id(app->process->channel);
		drive_moved(drive);
		return;
	}
	drive->call = NULL;
	free(call);	/* the channel broke: the fault that broke it follows */
}

/* The list and what is installed are not what the script was checked by: a countermeasure was there. */
static void step_lost(struct drive *drive, const struct event_list_entry *entry)
{
	struct error err = { 0 };

	error_set(&err, -ENOENT, entry ?
		  "%s line %u: event %s needs a processing that the application does not have now" :
		  "%s line %u: event %s is not in the list of events that is in force now",
		  drive->setup.service, step_now(drive)->line, step_now(drive)->event);
	if (entry)
		refusal_note(drive->setup.gateway, &(struct refusal){
			.kind = "range.operation", .application = entry->application,
			.version = app_version(app_get(drive->setup.gateway, entry->application)),
			.service = drive->setup.service, .processing = entry->processing,
			.asked_by = "script", .reason = err.text });
	drive_fail(drive, &err);
}

static void step_give(struct drive *drive)
{
	const struct event_list_entry *entry = step_entry(drive);
	struct app *app = entry && entry->application ?
		app_get(drive->setup.gateway, entry->application) : NULL;

	if (app && app->state != APP_RUNNING)
		return;		/* drive_restored() gives it again */
	if (!entry || (app && !application_processing(app->data, entry->processing)) ||
	    (!app && step_now(drive)->kind != PROGRAM_EVENT)) {
		step_lost(drive, entry);
		return;
	}
	step_show(drive, entry);
	if (app && !app->data->channel) {
		step_runs(drive, entry);
	} else if (app) {
		step_request(drive, app, entry->processing);
	} else {
		machine_answered(&drive->machine);
		drive_moved(drive);
		drive_after(drive, 0.);
	}
}

/*
 * One step an iteration of the loop, so that a long script of events that drive
 * nothing holds up nobody.
 */
static void drive_step(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct drive *drive = timer->data;
	bool begins;

	if (drive->calling)
		return;
	if (drive->events)
		drive->setup.events = steal_pointer(&drive->events);
	if (drive->waiting) {
		drive->waiting = false;
		machine_waited(&drive->machine);
	}
	begins = !drive->machine.due;
	switch (machine_next(&drive->machine)) {
	case MACHINE_EVENT:
	case MACHINE_READING:
		step_give(drive);
		break;
	case MACHINE_WAIT:
		if (step_now(drive)->kind == PROGRAM_WAIT)
			wait_show(drive);
		else if (step_now(drive)->kind == PROGRAM_WAIT_UNTIL_TIME && begins)
			time_show(drive);
		drive->waiting = true;
		drive->until_ns = clock_now() + machine_pause_ms(&drive->machine) * 1000000;
		drive_moved(drive);
		drive_after(drive, machine_pause_ms(&drive->machine) / 1e3);
		break;
	case MACHINE_END:
		drive->setup.ended(drive->setup.user, NULL);
		break;
	}
}

static struct drive *drive_new(const struct drive_setup *setup)
{
	struct drive *drive = alloc_zero(1, sizeof(*drive));

	drive->setup = *setup;
	machine_init(&drive->machine, setup->program);
	ev_init(&drive->timer, drive_step);
	drive->timer.data = drive;
	return drive;
}

struct drive *drive_start(const struct drive_setup *setup)
{
	struct drive *drive = drive_new(setup);

	drive_after(drive, 0.);
	return drive;
}

json_t *drive_save(const struct drive *drive)
{
	return json_pack("{s:o, s:b, s:I, s:I, s:b, s:I, s:b}", "machine",
			 machine_state_save(&drive->machine), "calling", drive->calling,
			 "call", (json_int_t)drive->call_id, "called_ns",
			 (json_int_t)(drive->call ? drive->call->begun_ns : 0), "waiting",
			 drive->waiting, "until_ns", (json_int_t)drive->until_ns, "gave_up",
			 drive->gave_up);
}

static double seconds_left(uint64_t until_ns)
{
	uint64_t now = clock_now();

	return until_ns > now ? (until_ns - now) / 1e9 : 0;
}

/* The answer may be waiting in the pipe already. */
static void call_resume(struct drive *drive, uint64_t begun_ns)
{
	const struct event_list_entry *entry = step_entry(drive);
	struct app *app = entry && entry->application ?
		app_get(drive->setup.gateway, entry->application) : NULL;
	const struct application_processing *processing = app && app->data ?
		application_processing(app->data, entry->processing) : NULL;
	struct call *call;

	drive->calling = true;
	if (!processing || !app->process || !app->process->channel || app->fault)
		return;
	call = alloc_zero(1, sizeof(*call));
	call->drive = drive;
	call->process = app->process;
	call->begun_ns = begun_ns;
	if (jsonrpc_expect(app->process->channel, drive->call_id,
			   seconds_left(begun_ns + processing->timeout_s * 1000000000ULL) + 0.001,
			   step_answered, call)) {
		free(call);
		return;
	}
	drive->call = call;
	watching_work(&app->process->watching, true);
}

struct drive *drive_resume(const struct drive_setup *setup, const json_t *state)
{
	struct drive *drive = drive_new(setup);

	if (machine_state_load(&drive->machine, json_object_get(state, "machine"))) {
		drive_free(drive);
		return NULL;
	}
	drive->call_id = json_integer_value(json_object_get(state, "call"));
	drive->until_ns = json_integer_value(json_object_get(state, "until_ns"));
	drive->waiting = json_is_true(json_object_get(state, "waiting"));
	drive->gave_up = json_is_true(json_object_get(state, "gave_up"));
	if (drive->machine.step < setup->program->n && json_is_true(json_object_get(state, "calling")))
		call_resume(drive, json_integer_value(json_object_get(state, "called_ns")));
	if (drive->waiting)
		drive_after(drive, seconds_left(drive->until_ns));
	return drive;
}

static void call_forget(struct drive *drive)
{
	if (drive->call)
		drive->call->drive = NULL;
	drive->call = NULL;
	drive->calling = false;
}

void drive_stop(struct drive *drive)
{
	call_forget(drive);
	ev_timer_stop(drive->setup.gateway->loop, &drive->timer);
}

void drive_free(struct drive *drive)
{
	if (!drive)
		return;
	drive_stop(drive);
	machine_fini(&drive->machine);
	free(drive);
}

void drive_interrupted(struct drive *drive, const struct app *app)
{
	const struct program_step *step, *block;
	enum control_policy policy;

	if (!drive->calling || strcmp(step_entry(drive)->application, app->name))
		return;
	step = step_now(drive);
	call_forget(drive);
	policy = machine_interrupted(&drive->machine, &block);
	drive->gave_up = policy == CONTROL_GIVE_UP;
	drive_moved(drive);
	if (block)
		collection_add(drive->setup.gateway, &(struct event){
			.part = "script", .name = "script.on-fault", .application = app->name,
			.data = json_pack("{s:s, s:s, s:i, s:i, s:s}", "service",
					  drive->setup.service, "event", step->event, "line",
					  (int)step->line, "block", (int)block->line, "do",
					  control_policy_name(policy)) },
			"%s was interrupted; on-fault of line %u: %s", step->event, block->line,
			control_policy_name(policy));
}

void drive_restored(struct drive *drive)
{
	struct error err = { 0 };

	if (drive->gave_up) {
		error_set(&err, -EIO, "%s line %u: a fault interrupted %s, and the script gives up",
			  drive->setup.service, step_now(drive)->line, step_now(drive)->event);
		drive_fail(drive, &err);
	} else if (!drive->waiting) {
		drive_after(drive, 0.);
	}
}

void drive_exchange(struct drive *drive, const struct event_list *events)
{
	drive->events = events;
}

size_t drive_done(const struct drive *drive)
{
	return drive->machine.done;
}

json_t *drive_describe(const struct drive *drive)
{
	const struct program_step *step = step_now(drive);

	if (drive->machine.step >= drive->setup.program->n)
		return json_null();
	return json_pack("{s:s, s:s*, s:i, s:I, s:I, s:o}", "service", drive->setup.service,
			 "event", step->event, "line", (int)step->line, "step",
			 (json_int_t)drive->machine.step, "steps",
			 (json_int_t)drive->setup.program->n, "arguments", step_params(step));
}
