// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/machine.h"

#include <stdlib.h>

#include "lib/alloc.h"

void machine_init(struct machine *machine, const struct program *program)
{
	*machine = (struct machine){ .program = program };
	if (!program->controlled)
		return;
	machine->requested = alloc_zero(program->n, sizeof(*machine->requested));
	machine->scripts = alloc_zero(program->n_scripts + 1, sizeof(*machine->scripts));
}

void machine_fini(struct machine *machine)
{
	free(machine->requested);
	free(machine->scripts);
}

static const struct program_step *step_now(const struct machine *machine)
{
	return &machine->program->steps[machine->step];
}

/* What belongs to the step that was is forgotten. */
static void step_to(struct machine *machine, size_t step)
{
	machine->step = step;
	machine->attempts = 0;
	machine->deadline_ns = 0;
	machine->pausing = false;
	machine->due = 0;
}

static bool step_spent(const struct machine *machine)
{
	return step_now(machine)->once && machine->requested[machine->step];
}

static void frame_push(struct machine *machine, unsigned int count)
{
	machine->frames[machine->depth++] = (struct machine_frame){ machine->step, count };
	step_to(machine, machine->step + 1);
}

static void repeat_end(struct machine *machine)
{
	struct machine_frame *frame = &machine->frames[machine->depth - 1];

	if (frame->count < step_now(machine)->control->count) {
		frame->count++;
		step_to(machine, frame->step + 1);
	} else {
		machine->depth--;
		step_to(machine, machine->step + 1);
	}
}

/* A clock that was set is noticed within this time. */
#define LOOK_MS 10000

time_t machine_time_next(time_t now, unsigned int second)
{
	struct tm tm;
	time_t due;

	tzset();
	for (int day = 0; day < 3; day++) {
		if (!localtime_r(&now, &tm))
			break;
		tm.tm_mday += day;
		tm.tm_hour = second / 3600;
		tm.tm_min = second / 60 % 60;
		tm.tm_sec = second % 60;
		tm.tm_isdst = -1;
		due = mktime(&tm);
		if (due >= now)
			return due;
	}
	return now;
}

/* Set back, the clock may show it again much later: then the next time is meant. */
static void time_wait(struct machine *machine, const struct program_control *control)
{
	time_t now = time(NULL);
	int64_t left_ms;

	if (!machine->due || machine->due - now > PROGRAM_DAY_MS / 1000)
		machine->due = machine_time_next(now, control->count);
	left_ms = (machine->due - now) * 1000LL;
	machine->pause_ms = left_ms < 0 ? 0 : left_ms < LOOK_MS ? left_ms : LOOK_MS;
}

/*
 * It ends: whatever repeats has something to do in it that is not once in a run, and
 * with each step that has nothing to be done the place moves forward.
 */
enum machine_action machine_next(struct machine *machine)
{
	while (machine->step < machine->program->n) {
		const struct program_step *step = step_now(machine);

		switch (step->kind) {
		case PROGRAM_EVENT:
			if (!step_spent(machine))
				return MACHINE_EVENT;
			step_to(machine, machine->step + 1);
			break;
		case PROGRAM_WAIT:
			machine->pause_ms = step->control->wait_ms;
			return MACHINE_WAIT;
		case PROGRAM_WAIT_UNTIL_TIME:
			time_wait(machine, step->control);
			return MACHINE_WAIT;
		case PROGRAM_WAIT_UNTIL:
			return machine->pausing ? MACHINE_WAIT : MACHINE_READING;
		case PROGRAM_CHOOSE:
			return MACHINE_READING;
		case PROGRAM_REPEAT:
			frame_push(machine, 1);
			break;
		case PROGRAM_ON_FAULT:
			frame_push(machine, 0);
			break;
		case PROGRAM_REPEAT_END:
			repeat_end(machine);
			break;
		case PROGRAM_ON_FAULT_END:
			machine->depth--;
			step_to(machine, machine->step + 1);
			break;
		case PROGRAM_OTHERWISE:
			step_to(machine, step->control->end);
			break;
		default:
			step_to(machine, machine->step + 1);
		}
	}
	return MACHINE_END;
}

void machine_requested(struct machine *machine, uint64_t now_ns)
{
	const struct program_step *step = step_now(machine);

	if (step->once)
		machine->requested[machine->step] = true;
	if (step->kind == PROGRAM_WAIT_UNTIL && !machine->deadline_ns)
		machine->deadline_ns = now_ns + step->control->wait_ms * 1000000ULL;
}

void machine_answered(struct machine *machine)
{
	machine->done++;
	step_to(machine, machine->step + 1);
}

static enum machine_verdict wait_read(struct machine *machine, bool met, uint64_t now_ns)
{
	const struct program_control *control = step_now(machine)->control;
	uint64_t left_ms;

	if (met || (now_ns >= machine->deadline_ns && control->late_goes_on)) {
		step_to(machine, machine->step + 1);
		return met ? MACHINE_MET : MACHINE_NOT_MET;
	}
	if (now_ns >= machine->deadline_ns)
		return MACHINE_LATE;
	left_ms = (machine->deadline_ns - now_ns) / 1000000 + 1;
	machine->pause_ms = control->every_ms < left_ms ? control->every_ms : left_ms;
	machine->pausing = true;
	return MACHINE_NOT_MET;
}

enum machine_verdict machine_read(struct machine *machine, double reading, uint64_t now_ns)
{
	const struct program_step *step = step_now(machine);
	bool met = control_holds(step->control->is, reading, step->control->value);

	machine->done++;
	machine->attempts = 0;
	if (step->kind == PROGRAM_WAIT_UNTIL)
		return wait_read(machine, met, now_ns);
	step_to(machine, met ? machine->step + 1 : step->control->otherwise);
	return met ? MACHINE_MET : MACHINE_NOT_MET;
}

uint64_t machine_pause_ms(const struct machine *machine)
{
	return machine->pause_ms;
}

void machine_waited(struct machine *machine)
{
	if (step_now(machine)->kind == PROGRAM_WAIT_UNTIL)
		machine->pausing = false;
	else if (step_now(machine)->kind != PROGRAM_WAIT_UNTIL_TIME || time(NULL) >= machine->due)
		step_to(machine, machine->step + 1);
}

/* Carries out what an on-fault block says; false when its attempts are used up. */
static bool policy_apply(struct machine *machine, unsigned int depth,
			 const struct program_control *control)
{
	struct machine_frame *frame = &machine->frames[depth];

	switch (control->policy) {
	case CONTROL_REPEAT_STEP:
		return machine->attempts++ < control->count;
	case CONTROL_REPEAT_BLOCK:
		if (frame->count >= control->count)
			return false;
		frame->count++;
		machine->depth = depth + 1;
		step_to(machine, frame->step + 1);
		return true;
	case CONTROL_REPEAT_SCRIPT:
		if (machine->scripts[control->script] >= control->count)
			return false;
		machine->scripts[control->script]++;
		machine->depth = 0;
		step_to(machine, 0);
		return true;
	default:
		return true;
	}
}

enum control_policy machine_interrupted(struct machine *machine,
					const struct program_step **block)
{
	*block = NULL;
	for (unsigned int i = machine->depth; i-- > 0;) {
		const struct program_step *step =
			&machine->program->steps[machine->frames[i].step];

		if (step->kind != PROGRAM_ON_FAULT)
			continue;
		*block = step;
		if (policy_apply(machine, i, step->control))
			return step->control->policy;
	}
	/* Without such a block the countermeasure alone bounds how often. */
	return *block ? CONTROL_GIVE_UP : CONTROL_REPEAT_STEP;
}

bool machine_round(const struct machine *machine, unsigned int *round, unsigned int *of)
{
	for (unsigned int i = machine->depth; i-- > 0;) {
		const struct program_step *step =
			&machine->program->steps[machine->frames[i].step];

		if (step->kind != PROGRAM_REPEAT)
			continue;
		*round = machine->frames[i].count;
		*of = step->control->count;
		return true;
	}
	return false;
}
