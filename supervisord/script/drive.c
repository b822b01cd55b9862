// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/drive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/script/branch.h"
#include "supervisord/script/machine_state.h"

static struct drive *drive_new(const struct drive_setup *setup)
{
	struct drive *drive = alloc_zero(1, sizeof(*drive));

	drive->setup = *setup;
	machine_run_init(&drive->run, setup->program);
	drive->main = branch_new(drive, NULL);
	return drive;
}

struct drive *drive_start(const struct drive_setup *setup)
{
	struct drive *drive = drive_new(setup);

	branch_go(drive->main, 0.);
	return drive;
}

static json_t *branch_save(const struct branch *branch)
{
	json_t *children = json_array();

	for (const struct branch *child = branch->children; child; child = child->next)
		json_array_append_new(children, branch_save(child));
	return json_pack("{s:o, s:b, s:I, s:I, s:b, s:I, s:b, s:o}", "machine",
			 machine_state_save(&branch->machine), "calling", branch->calling,
			 "call", (json_int_t)branch->call_id, "called_ns",
			 (json_int_t)branch_called_ns(branch), "waiting", branch->waiting,
			 "until_ns", (json_int_t)branch->until_ns, "over", branch->over,
			 "branches", children);
}

json_t *drive_save(const struct drive *drive)
{
	json_int_t gave_up = drive->gave_up ? drive->gave_up - drive->setup.program->steps : -1;

	return json_pack("{s:o, s:o, s:I}", "run", machine_run_save(&drive->run), "main",
			 branch_save(drive->main), "gave_up", gave_up);
}

static int branch_load(struct branch *branch, const json_t *state);

static int children_load(struct branch *branch, const json_t *states)
{
	struct branch **last = &branch->children;
	unsigned int depth = 0;
	json_t *state;
	size_t i;

	for (const struct branch *b = branch; b; b = b->parent)
		depth++;
	if (json_array_size(states) > PROGRAM_BRANCHES_MAX || depth > PROGRAM_PARALLELS_MAX)
		return json_array_size(states) ? -EINVAL : 0;
	json_array_foreach(states, i, state) {
		*last = branch_new(branch->drive, branch);
		if (branch_load(*last, state))
			return -EINVAL;
		last = &(*last)->next;
	}
	return 0;
}

static int branch_load(struct branch *branch, const json_t *state)
{
	const json_t *machine = json_object_get(state, "machine");

	branch->over = branch->parent && json_is_true(json_object_get(state, "over"));
	if (machine_state_load(&branch->machine, machine, branch->parent ? &branch->parent->machine : NULL,
			       branch->over))
		return -EINVAL;
	branch->call_id = json_integer_value(json_object_get(state, "call"));
	branch->until_ns = json_integer_value(json_object_get(state, "until_ns"));
	branch->waiting = json_is_true(json_object_get(state, "waiting"));
	if (branch_step(branch) && branch_step(branch)->event && json_is_true(json_object_get(state, "calling")))
		branch_call_resume(branch, json_integer_value(json_object_get(state, "called_ns")));
	if (branch->waiting)
		branch_go(branch, branch->until_ns > clock_now() ?
				  (branch->until_ns - clock_now()) / 1e9 : 0.);
	return children_load(branch, json_object_get(state, "branches"));
}

struct drive *drive_resume(const struct drive_setup *setup, const json_t *state)
{
	json_int_t gave_up = json_integer_value(json_object_get(state, "gave_up"));
	struct drive *drive = drive_new(setup);

	if (machine_run_load(&drive->run, json_object_get(state, "run")) ||
	    branch_load(drive->main, json_object_get(state, "main")) ||
	    gave_up >= (json_int_t)setup->program->n) {
		drive_free(drive);
		return NULL;
	}
	if (gave_up >= 0)
		drive->gave_up = &setup->program->steps[gave_up];
	return drive;
}

void drive_stop(struct drive *drive)
{
	branch_stop(drive->main);
}

void drive_free(struct drive *drive)
{
	if (!drive)
		return;
	branch_free(drive->main);
	machine_run_fini(&drive->run);
	free(drive);
}

static struct branch *branch_calling(const struct drive *drive, const struct app *app)
{
	for (struct branch *branch = drive->main; branch; branch = branch_after(branch))
		if (branch->calling && !strcmp(branch->asked->application, app->name))
			return branch;
	return NULL;
}

void drive_interrupted(struct drive *drive, const struct app *app)
{
	struct branch *branch;

	while ((branch = branch_calling(drive, app)))
		branch_interrupted(branch, app);
}

static struct branch *branch_unanswered(const struct drive *drive, const struct app *app)
{
	for (struct branch *branch = drive->main; branch; branch = branch_after(branch))
		if (branch->calling && !branch->call && !strcmp(branch->asked->application, app->name))
			return branch;
	return NULL;
}

void drive_unanswered(struct drive *drive, const struct app *app)
{
	struct branch *branch;

	while ((branch = branch_unanswered(drive, app)))
		branch_interrupted(branch, app);
}

void drive_restored(struct drive *drive)
{
	const struct program_step *step = drive->gave_up;
	struct error err = { 0 };

	drive->struck = NULL;
	if (step) {
		error_set(&err, -EIO, "%s line %u: a fault interrupted %s, and the script gives up",
			  drive->setup.service, step->line, step->event);
		drive->setup.ended(drive->setup.user, &err);
		return;
	}
	for (struct branch *branch = drive->main; branch; branch = branch_after(branch))
		if (!branch->waiting && !branch->calling && !branch->children)
			branch_go(branch, 0.);
}

void drive_exchange(struct drive *drive, const struct event_list *events)
{
	drive->events = events;
}

size_t drive_done(const struct drive *drive)
{
	return drive->run.done;
}

json_t *drive_describe(const struct drive *drive, const struct app *app)
{
	const struct program *program = drive->setup.program;
	const struct branch *branch = app ? branch_calling(drive, app) : NULL;
	const struct program_step *step = branch_step(branch ? branch : drive->main);
	char name[BRANCH_NAME_SIZE] = "";
	json_t *json;

	if (branch) {
		branch_name(branch, name);
	} else if (app && drive->struck && drive->struck_app == app) {
		step = drive->struck;
		memcpy(name, drive->struck_branch, sizeof(name));
	}
	if (!step)
		return json_null();
	json = json_pack("{s:s, s:s*, s:i, s:I, s:I, s:o}", "service", drive->setup.service,
			 "event", step->event, "line", (int)step->line, "step",
			 (json_int_t)(step - program->steps), "steps", (json_int_t)program->n,
			 "arguments", branch_params(step));
	if (*name)
		json_object_set_new(json, "branch", json_string(name));
	return json;
}
