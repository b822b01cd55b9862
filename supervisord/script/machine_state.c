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
static json_t *requested_save(const struct machine *machine)
{
	json_t *array = json_array();

	for (size_t i = 0; machine->requested && i < machine->program->n; i++)
		if (machine->requested[i])
			json_array_append_new(array, json_integer(i));
	return array;
}

static json_t *scripts_save(const struct machine *machine)
{
	json_t *array = json_array();

	for (unsigned int i = 0; machine->scripts && i < machine->program->n_scripts; i++)
		json_array_append_new(array, json_integer(machine->scripts[i]));
	return array;
}

json_t *machine_state_save(const struct machine *machine)
{
	return json_pack("{s:I, s:I, s:o, s:o, s:o, s:i, s:I, s:I, s:b, s:I}",
			 "step", (json_int_t)machine->step, "done", (json_int_t)machine->done,
			 "frames", frames_save(machine), "requested", requested_save(machine),
			 "scripts", scripts_save(machine), "attempts", (int)machine->attempts,
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

static bool frames_load(struct machine *machine, const json_t *array)
{
	size_t i, step, count;
	json_t *frame;

	if (!json_is_array(array) || json_array_size(array) > SCRIPT_DEPTH_MAX)
		return false;
	json_array_foreach(array, i, frame) {
		if (!number_get(json_array_get(frame, 0), machine->program->n, &step) ||
		    !number_get(json_array_get(frame, 1), UINT32_MAX, &count) ||
		    (machine->program->steps[step].kind != PROGRAM_REPEAT &&
		     machine->program->steps[step].kind != PROGRAM_ON_FAULT))
			return false;
		machine->frames[i] = (struct machine_frame){ step, count };
		machine->depth = i + 1;
	}
	return true;
}

static bool lists_load(struct machine *machine, const json_t *state)
{
	const json_t *requested = json_object_get(state, "requested");
	const json_t *scripts = json_object_get(state, "scripts");
	size_t i, number;
	json_t *item;

	json_array_foreach(requested, i, item) {
		if (!machine->requested || !number_get(item, machine->program->n, &number))
			return false;
		machine->requested[number] = true;
	}
	json_array_foreach(scripts, i, item) {
		if (!machine->scripts || i >= machine->program->n_scripts ||
		    !number_get(item, UINT32_MAX, &number))
			return false;
		machine->scripts[i] = number;
	}
	return true;
}

int machine_state_load(struct machine *machine, const json_t *state)
{
	const struct program *program = machine->program;
	size_t step, done, attempts;

	if (number_get(json_object_get(state, "step"), program->n + 1, &step) &&
	    number_get(json_object_get(state, "done"), SIZE_MAX >> 1, &done) &&
	    number_get(json_object_get(state, "attempts"), UINT32_MAX, &attempts) &&
	    frames_load(machine, json_object_get(state, "frames")) && lists_load(machine, state)) {
		machine->step = step;
		machine->done = done;
		machine->attempts = attempts;
		machine->deadline_ns = json_integer_value(json_object_get(state, "deadline_ns"));
		machine->pause_ms = json_integer_value(json_object_get(state, "pause_ms"));
		machine->pausing = json_is_true(json_object_get(state, "pausing"));
		machine->due = json_integer_value(json_object_get(state, "due"));
		return 0;
	}
	machine_fini(machine);
	machine_init(machine, program);
	return -EINVAL;
}
