// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/branch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/refusal.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/branch_show.h"

/* struct call - a request to an application that is open; @branch is NULL once nobody waits for it */
struct call {
	struct branch *branch;
	struct process *process;
	uint64_t begun_ns;
};

const struct program_step *branch_step(const struct branch *branch)
{
	const struct program *program = branch->drive->setup.program;

	return branch->machine.step < program->n ? &program->steps[branch->machine.step] : NULL;
}

const char *branch_name(const struct branch *branch, char name[BRANCH_NAME_SIZE])
{
	const struct program_step *steps = branch->drive->setup.program->steps;
	size_t len = 0;

	name[0] = '\0';
	if (branch->parent) {
		len = strlen(branch_name(branch->parent, name));
		snprintf(name + len, BRANCH_NAME_SIZE - len, "%s%u", len ? "." : "",
			 steps[branch->machine.begin].control->count);
	}
	return name;
}

/* Its application and processing were checked before the run began. */
const struct event_list_entry *branch_entry(const struct branch *branch)
{
	return event_list_find(branch->drive->setup.events, branch_step(branch)->event);
}

json_t *branch_params(const struct program_step *step)
{
	return step->kind == PROGRAM_EVENT ? program_step_params(step) : json_object();
}

struct branch *branch_after(const struct branch *branch)
{
	if (branch->children)
		return branch->children;
	while (branch && !branch->next)
		branch = branch->parent;
	return branch ? branch->next : NULL;
}

void branch_go(struct branch *branch, double seconds)
{
	struct ev_loop *loop = branch->drive->setup.gateway->loop;

	ev_timer_stop(loop, &branch->timer);
	ev_timer_set(&branch->timer, seconds, 0.);
	ev_timer_start(loop, &branch->timer);
}

static void moved(const struct branch *branch)
{
	branch->drive->setup.moved(branch->drive->setup.user);
}

/* The script fails, and with it all of its branches. */
static void fail(struct branch *branch, const struct error *err)
{
	branch->drive->setup.ended(branch->drive->setup.user, err);
}

/* The application that it had at work can take the request of another branch. */
static void turn_pass(struct branch *branch)
{
	for (struct branch *other = branch->drive->main; other; other = branch_after(other))
		if (other->turn)
			branch_go(other, 0.);
}

static bool app_taken(const struct branch *branch, const struct branch *other, const char *application)
{
	const struct event_list_entry *entry;

	if (other == branch)
		return false;
	if (other->calling)
		return !strcmp(other->asked->application, application);
	if (!other->turn || (branch->turn && branch->turn < other->turn))
		return false;
	entry = branch_entry(other);
	return entry && entry->application && !strcmp(entry->application, application);
}

/* Another branch has this application at work, or came before: then this one waits for its turn. */
static bool turn_wait(struct branch *branch, const char *application)
{
	for (struct branch *other = branch->drive->main; other; other = branch_after(other)) {
		if (!app_taken(branch, other, application))
			continue;
		if (!branch->turn)
			branch->turn = ++branch->drive->turns;
		return true;
	}
	branch->turn = 0;
	return false;
}

static void branch_unlink(struct branch *branch)
{
	struct branch **p = &branch->parent->children;

	while (*p != branch)
		p = &(*p)->next;
	*p = branch->next;
	branch->next = NULL;
}

/*
 * It has ended, and is freed. The last one of its block lets the one that waits for
 * it go on: behind the block, or where the block that is repeated begins.
 */
static void branch_end(struct branch *branch)
{
	struct branch *parent = branch->parent;
	bool over = branch->over;

	branch_unlink(branch);
	turn_pass(parent);
	branch_free(branch);
	if (parent->children)
		return;
	if (parent->over) {
		branch_end(parent);
		return;
	}
	if (!over) {
		branch_show_join(parent);
		machine_joined(&parent->machine);
		moved(parent);
	}
	branch_go(parent, 0.);
}

static void reading_missing(struct branch *branch, const struct event_list_entry *entry)
{
	const struct definition_reading *reading = branch_step(branch)->control->reading;
	struct error err = { 0 };

	error_set(&err, -EBADMSG,
		  "%s line %u: %s answered %s without the number \"%s\", which the reading %s is",
		  branch->drive->setup.service, branch_step(branch)->line, entry->application,
		  entry->processing, reading->member, reading->name);
	fail(branch, &err);
}

static void reading_take(struct branch *branch, const struct event_list_entry *entry, json_t *result)
{
	const struct program_step *step = branch_step(branch);
	json_t *number = json_object_get(result, step->control->reading->member);
	enum machine_verdict verdict;
	struct error err = { 0 };

	if (!json_is_number(number)) {
		reading_missing(branch, entry);
		return;
	}
	verdict = machine_read(&branch->machine, json_number_value(number), clock_now());
	moved(branch);
	branch_show_condition(branch, step, json_number_value(number), verdict == MACHINE_MET);
	if (verdict != MACHINE_LATE) {
		branch_go(branch, 0.);
		return;
	}
	error_set(&err, -ETIME, "%s line %u: %s did not become %s %g within %g s",
		  branch->drive->setup.service, step->line, step->control->reading->name,
		  control_is_name(step->control->is), step->control->value,
		  step->control->wait_ms / 1e3);
	fail(branch, &err);
}

static void step_refused(struct branch *branch, const struct event_list_entry *entry, json_t *error)
{
	struct error err = { 0 };

	error_set(&err, -EREMOTEIO, "%s line %u: %s answered %s with an error: %s",
		  branch->drive->setup.service, branch_step(branch)->line, entry->application,
		  entry->processing, json_string_value(json_object_get(error, "message")));
	fail(branch, &err);
}

/* The event of its step drives nothing more. */
static void step_done(struct branch *branch)
{
	machine_answered(&branch->machine);
	moved(branch);
	branch_go(branch, 0.);
}

static void step_answered(void *user, int code, json_t *result, json_t *error)
{
	struct call *call = user;
	struct branch *branch = call->branch;
	uint64_t begun_ns = call->begun_ns;
	const struct event_list_entry *entry;

	/* With -EPIPE the process is about to go. */
	if (code != -EPIPE)
		watching_work(&call->process->watching, false);
	free(call);
	if (!branch)
		return;
	branch->call = NULL;
	entry = branch->asked;
	if (code == -ETIMEDOUT)
		collection_deadline(app_get(branch->drive->setup.gateway, entry->application),
				    entry->processing);
	/* A channel that broke (-EPIPE) is followed by the fault that broke it. */
	if (code)
		return;
	branch->calling = false;
	turn_pass(branch);
	if (!error)
		branch_show_answer(branch, entry, result, begun_ns);
	if (branch->over)
		branch_end(branch);
	else if (error)
		step_refused(branch, entry, error);
	else if (branch_step(branch)->kind == PROGRAM_EVENT)
		step_done(branch);
	else
		reading_take(branch, entry, result);
}

/* Nothing can be asked of one without a channel: that it runs is what the event wanted. */
static void step_runs(struct branch *branch, const struct event_list_entry *entry)
{
	json_t *result = json_object();

	branch_show_answer(branch, entry, result, clock_now());
	if (branch_step(branch)->kind == PROGRAM_EVENT) {
		machine_answered(&branch->machine);
		branch_go(branch, 0.);
	} else {
		reading_take(branch, entry, result);
	}
	json_decref(result);
}

/* Requests the processing of an event from its application (S4, S24). */
static void step_request(struct branch *branch, struct app *app, const struct event_list_entry *entry)
{
	struct call *call = alloc_zero(1, sizeof(*call));

	call->branch = branch;
	call->process = app->process;
	call->begun_ns = clock_now();
	branch->call = call;
	branch->calling = true;
	branch->asked = entry;
	machine_requested(&branch->machine, call->begun_ns);
	if (app->process->channel &&
	    !jsonrpc_call(app->process->channel, entry->processing, branch_params(branch_step(branch)),
			  application_processing(app->data, entry->processing)->timeout_s,
			  step_answered, call)) {
		watching_work(&app->process->watching, true);
		branch->call_id = jsonrpc_last_id(app->process->channel);
		moved(branch);
		return;
	}
	branch->call = NULL;
	free(call);	/* the channel broke: the fault that broke it follows */
}

/* The list and what is installed are not what the script was checked by: a countermeasure was there. */
static void step_lost(struct branch *branch, const struct event_list_entry *entry)
{
	struct drive_setup *setup = &branch->drive->setup;
	struct error err = { 0 };

	error_set(&err, -ENOENT, entry ?
		  "%s line %u: event %s needs a processing that the application does not have now" :
		  "%s line %u: event %s is not in the list of events that is in force now",
		  setup->service, branch_step(branch)->line, branch_step(branch)->event);
	if (entry)
		refusal_note(setup->gateway, &(struct refusal){
			.kind = "range.operation", .application = entry->application,
			.version = app_version(app_get(setup->gateway, entry->application)),
			.service = setup->service, .processing = entry->processing,
			.asked_by = "script", .reason = err.text });
	fail(branch, &err);
}

static void step_give(struct branch *branch)
{
	const struct event_list_entry *entry = branch_entry(branch);
	struct app *app = entry && entry->application ?
		app_get(branch->drive->setup.gateway, entry->application) : NULL;

	if (app && app->state != APP_RUNNING)
		return;		/* drive_restored() gives it again */
	if (!entry || (app && !application_processing(app->data, entry->processing)) ||
	    (!app && branch_step(branch)->kind != PROGRAM_EVENT)) {
		step_lost(branch, entry);
		return;
	}
	if (app && app->data->channel && turn_wait(branch, app->name))
		return;		/* turn_pass() gives it again */
	branch_show_step(branch, entry);
	if (app && !app->data->channel)
		step_runs(branch, entry);
	else if (app)
		step_request(branch, app, entry);
	else
		step_done(branch);
}

static void wait_begin(struct branch *branch, bool begins)
{
	const struct program_step *step = branch_step(branch);
	uint64_t pause_ms = machine_pause_ms(&branch->machine);

	if (step->kind == PROGRAM_WAIT)
		branch_show_wait(branch);
	else if (step->kind == PROGRAM_WAIT_UNTIL_TIME && begins)
		branch_show_time(branch);
	branch->waiting = true;
	branch->until_ns = clock_now() + pause_ms * 1000000;
	moved(branch);
	branch_go(branch, pause_ms / 1e3);
}

/* Its branches begin in the order of the script. */
static void fork_begin(struct branch *branch)
{
	struct branch **last = &branch->children;

	branch_show_fork(branch);
	for (size_t begin = 0; (begin = machine_branch_next(&branch->machine, begin));) {
		*last = branch_new(branch->drive, branch);
		machine_branch(&(*last)->machine, &branch->machine, begin);
		branch_go(*last, 0.);
		last = &(*last)->next;
	}
	moved(branch);
}

/*
 * One step an iteration of the loop, so that a long script of events that drive
 * nothing holds up nobody.
 */
static void step_next(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct branch *branch = timer->data;
	struct drive *drive = branch->drive;
	bool begins;

	if (branch->calling || branch->children)
		return;
	if (drive->events)
		drive->setup.events = steal_pointer(&drive->events);
	if (branch->waiting) {
		branch->waiting = false;
		machine_waited(&branch->machine);
	}
	begins = !branch->machine.due;
	switch (machine_next(&branch->machine)) {
	case MACHINE_EVENT:
	case MACHINE_READING:
		step_give(branch);
		break;
	case MACHINE_WAIT:
		wait_begin(branch, begins);
		break;
	case MACHINE_FORK:
		fork_begin(branch);
		break;
	case MACHINE_END:
		if (branch->parent)
			branch_end(branch);
		else
			drive->setup.ended(drive->setup.user, NULL);
		break;
	}
}

struct branch *branch_new(struct drive *drive, struct branch *parent)
{
	struct branch *branch = alloc_zero(1, sizeof(*branch));

	branch->drive = drive;
	branch->parent = parent;
	machine_init(&branch->machine, &drive->run);
	ev_init(&branch->timer, step_next);
	branch->timer.data = branch;
	return branch;
}

static void call_forget(struct branch *branch)
{
	if (branch->call)
		branch->call->branch = NULL;
	branch->call = NULL;
	branch->calling = false;
}

void branch_stop(struct branch *branch)
{
	call_forget(branch);
	branch->turn = 0;
	ev_timer_stop(branch->drive->setup.gateway->loop, &branch->timer);
	for (struct branch *child = branch->children; child; child = child->next)
		branch_stop(child);
}

void branch_free(struct branch *branch)
{
	branch_stop(branch);
	while (branch->children) {
		struct branch *child = branch->children;

		branch->children = child->next;
		branch_free(child);
	}
	free(branch);
}

/*
 * A block around its branches is repeated: they are over. What they have requested is
 * still worked at, and is waited for: its application takes nothing else meanwhile.
 */
static void children_drop(struct branch *branch)
{
	struct branch **p = &branch->children;

	while (*p) {
		struct branch *child = *p;

		children_drop(child);
		child->over = true;
		child->waiting = false;
		child->turn = 0;
		ev_timer_stop(branch->drive->setup.gateway->loop, &child->timer);
		if (child->calling || child->children) {
			p = &child->next;
			continue;
		}
		*p = child->next;
		child->next = NULL;
		branch_free(child);
	}
}

void branch_interrupted(struct branch *branch, const struct app *app)
{
	const struct program_step *step = branch_step(branch), *block;
	struct drive *drive = branch->drive;
	enum control_policy policy;
	struct machine *at;

	call_forget(branch);
	turn_pass(branch);
	if (branch->over) {
		branch_end(branch);
		return;
	}
	drive->struck = step;
	drive->struck_app = app;
	branch_name(branch, drive->struck_branch);
	policy = machine_interrupted(&branch->machine, &block, &at);
	if (block)
		branch_show_fault(branch, app, step, block, policy);
	if (policy == CONTROL_GIVE_UP) {
		drive->gave_up = step;
		branch_stop(drive->main);
	} else if (at != &branch->machine) {
		while (&branch->machine != at)
			branch = branch->parent;
		children_drop(branch);
	}
	moved(drive->main);
}

uint64_t branch_called_ns(const struct branch *branch)
{
	return branch->call ? branch->call->begun_ns : 0;
}

static double seconds_left(uint64_t until_ns)
{
	uint64_t now = clock_now();

	return until_ns > now ? (until_ns - now) / 1e9 : 0;
}

/* The answer may be waiting in the pipe already. */
void branch_call_resume(struct branch *branch, uint64_t begun_ns)
{
	const struct event_list_entry *entry = branch_entry(branch);
	struct app *app = entry && entry->application ?
		app_get(branch->drive->setup.gateway, entry->application) : NULL;
	const struct application_processing *processing = app && app->data ?
		application_processing(app->data, entry->processing) : NULL;
	struct call *call;

	if (!app)
		return;
	branch->calling = true;
	branch->asked = entry;
	/* One that was started since knows nothing of it. */
	if (!processing || !app->process || !app->process->channel || !app->process->adopted)
		return;
	call = alloc_zero(1, sizeof(*call));
	call->branch = branch;
	call->process = app->process;
	call->begun_ns = begun_ns;
	if (jsonrpc_expect(app->process->channel, branch->call_id,
			   seconds_left(begun_ns + processing->timeout_s * 1000000000ULL) + 0.001,
			   step_answered, call)) {
		free(call);
		return;
	}
	branch->call = call;
	watching_work(&app->process->watching, true);
}
