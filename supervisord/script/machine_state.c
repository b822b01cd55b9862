// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/machine_state.h"

#include <errno.h>
#include <string.h>

static json_t *frames_save(const struct machine *machine)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < machine->depth; i++)
		json_array_append_new(array, json_pack("[I, i]",
				      (json_int_t)machine->frames[i].step,
				      (int)machine->frames[i].count));
	return array;
}

/* Of the steps that are requested once in a run, those that were. */
static json_t *requested_save(const struct machine_run *run)
{
	json_t *array = json_array();

	for (size_t i = 0; run->requested && i < run->program->n; i++)
		if (run->requested[i])
			json_array_append_new(array, json_integer(i));
	return array;
}

static json_t *scripts_save(const struct machine_run *run)
{
	json_t *array = json_array();

	for (unsigned int i = 0; run->scripts && i < run->program->n_scripts; i++)
		json_array_append_new(array, json_integer(run->scripts[i]));
	return array;
}

json_t *machine_run_save(const struct machine_run *run)
{
	return json_pack("{s:I, s:o, s:o}", "done", (json_int_t)run->done, "requested",
			 requested_save(run), "scripts", scripts_save(run));
}

json_t *machine_state_save(const struct machine *machine)
{
	return json_pack("{s:I, s:I, s:o, s:i, s:I, s:I, s:b, s:I}",
			 "begin", (json_int_t)machine->begin, "step", (json_int_t)machine->step,
			 "frames", frames_save(machine), "attempts", (int)machine->attempts,
			 "deadline_ns", (json_int_t)machine->deadline_ns,
			 "pause_ms", (json_int_t)machine->pause_ms, "pausing", machine->pausing,
			 "due", (json_int_t)machine->due);
}

/* A number from 0 to below @bound. */
static bool number_get(const json_t *json, size_t bound, size_t *number)
{
	json_int_t value = json_integer_value(json);

	if (!json_is_integer(json) || value < 0 || (uint64_t)value >= bound)
		return false;
	*number = value;
	return true;
}

int machine_run_load(struct machine_run *run, const json_t *state)
{
	const json_t *requested = json_object_get(state, "requested");
	const json_t *scripts = json_object_get(state, "scripts");
	size_t i, number;
	json_t *item;

	if (!number_get(json_object_get(state, "done"), SIZE_MAX >> 1, &run->done))
		return -EINVAL;
	json_array_foreach(requested, i, item) {
		if (!run->requested || !number_get(item, run->program->n, &number))
			return -EINVAL;
		run->requested[number] = true;
	}
	json_array_foreach(scripts, i, item) {
		if (!run->scripts || i >= run->program->n_scripts ||
		    !number_get(item, UINT32_MAX, &number))
			return -EINVAL;
		run->scripts[i] = number;
	}
	return 0;
}

/* The frames are the blocks that lie around the step, and no branch is entered but by a machine of its own. */
static bool frames_fit(const struct machine *machine)
{
	const struct program_step *steps = machine->run->program->steps;
	unsigned int n = 0;

	for (size_t i = machine->parent ? machine->begin + 1 : 0; i < machine->step; i++) {
		const struct program_step *step = &steps[i];

		if (step->kind != PROGRAM_REPEAT && step->kind != PROGRAM_ON_FAULT &&
		    step->kind != PROGRAM_PARALLEL)
			continue;
		if (step->control->end < machine->step)
			continue;
		if (step->kind == PROGRAM_PARALLEL || n == machine->depth || machine->frames[n++].step != i)
			return false;
	}
	return n == machine->depth;
}

static bool frames_load(struct machine *machine, const json_t *array)
{
	size_t i, step, count;
	json_t *frame;

	if (!json_is_array(array) || json_array_size(array) > SCRIPT_DEPTH_MAX)
		return false;
	json_array_foreach(array, i, frame) {
		if (!number_get(json_array_get(frame, 0), machine->run->program->n, &step) ||
		    !number_get(json_array_get(frame, 1), UINT32_MAX, &count))
			return false;
		machine->frames[i] = (struct machine_frame){ step, count };
		machine->depth = i + 1;
	}
	return frames_fit(machine);
}

/* Is @begin a branch, and unless that is over, one of the block where @parent stands? */
static bool branch_fits(const struct machine *parent, size_t begin, bool over)
{
	const struct program *program = parent->run->program;

	if (over)
		return program->steps[begin].kind == PROGRAM_BRANCH;
	if (parent->step >= program->n || program->steps[parent->step].kind != PROGRAM_PARALLEL)
		return false;
	for (size_t branch = 0; (branch = machine_branch_next(parent, branch));)
		if (branch == begin)
			return true;
	return false;
}

int machine_state_load(struct machine *machine, const json_t *state, struct machine *parent, bool over)
{
	size_t begin = 0, step, attempts;
	const struct program *program;

	if (parent) {
		program = parent->run->program;
		if (!number_get(json_object_get(state, "begin"), program->n, &begin) ||
		    !branch_fits(parent, begin, over))
			return -EINVAL;
		machine_branch(machine, parent, begin);
	}
	program = machine->run->program;
	if (!number_get(json_object_get(state, "step"), program->n + 1, &step) ||
	    !number_get(json_object_get(state, "attempts"), UINT32_MAX, &attempts) ||
	    (parent && (step <= begin || step > program->steps[begin].control->end)))
		return -EINVAL;
	machine->step = step;
	if (!frames_load(machine, json_object_get(state, "frames")))
		return -EINVAL;
	machine->attempts = attempts;
	machine->deadline_ns = json_integer_value(json_object_get(state, "deadline_ns"));
	machine->pause_ms = json_integer_value(json_object_get(state, "pause_ms"));
	machine->pausing = json_is_true(json_object_get(state, "pausing"));
	machine->due = json_integer_value(json_object_get(state, "due"));
	return 0;
}
