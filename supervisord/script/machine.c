// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/machine.h"

#include <stdlib.h>

#include "lib/alloc.h"

void machine_run_init(struct machine_run *run, const struct program *program)
{
	*run = (struct machine_run){ .program = program };
	if (!program->controlled)
		return;
	run->requested = alloc_zero(program->n, sizeof(*run->requested));
	run->scripts = alloc_zero(program->n_scripts + 1, sizeof(*run->scripts));
}

void machine_run_fini(struct machine_run *run)
{
	free(run->requested);
	free(run->scripts);
}

void machine_init(struct machine *machine, struct machine_run *run)
{
	*machine = (struct machine){ .run = run };
}

void machine_branch(struct machine *machine, struct machine *parent, size_t begin)
{
	*machine = (struct machine){
		.run = parent->run, .parent = parent, .begin = begin, .step = begin + 1,
	};
}

static const struct program_step *step_now(const struct machine *machine)
{
	return &machine->run->program->steps[machine->step];
}

size_t machine_branch_next(const struct machine *parent, size_t branch)
{
	const struct program_step *steps = parent->run->program->steps;
	size_t next = branch ? steps[branch].control->end + 1 : parent->step + 1;

	return steps[next].kind == PROGRAM_BRANCH ? next : 0;
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

static const struct program_step *frame_step(const struct machine *machine, unsigned int frame)
{
	return &machine->run->program->steps[machine->frames[frame].step];
}

static bool step_spent(const struct machine *machine)
{
	return step_now(machine)->once && machine->run->requested[machine->step];
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
	while (machine->step < machine->run->program->n) {
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
		case PROGRAM_PARALLEL:
			return MACHINE_FORK;
		case PROGRAM_BRANCH_END:
			return MACHINE_END;
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

void machine_joined(struct machine *machine)
{
	step_to(machine, step_now(machine)->control->end + 1);
}

void machine_requested(struct machine *machine, uint64_t now_ns)
{
	const struct program_step *step = step_now(machine);

	if (step->once)
		machine->run->requested[machine->step] = true;
	if (step->kind == PROGRAM_WAIT_UNTIL && !machine->deadline_ns)
		machine->deadline_ns = now_ns + step->control->wait_ms * 1000000ULL;
}

void machine_answered(struct machine *machine)
{
	machine->run->done++;
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

	machine->run->done++;
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

static struct machine *machine_main(struct machine *machine)
{
	while (machine->parent)
		machine = machine->parent;
	return machine;
}

/*
 * Carries out what an on-fault block says, in which @machine stands, or a branch of its that was
 * @struck; false when its attempts are used up.
 */
static bool policy_apply(struct machine *machine, unsigned int depth,
			 const struct program_control *control, struct machine *struck,
			 struct machine **at)
{
	struct machine_frame *frame = &machine->frames[depth];

	*at = machine;
	switch (control->policy) {
	case CONTROL_REPEAT_STEP:
		*at = struck;
		return struck->attempts++ < control->count;
	case CONTROL_REPEAT_BLOCK:
		if (frame->count >= control->count)
			return false;
		frame->count++;
		machine->depth = depth + 1;
		step_to(machine, frame->step + 1);
		return true;
	case CONTROL_REPEAT_SCRIPT:
		if (machine->run->scripts[control->script] >= control->count)
			return false;
		machine->run->scripts[control->script]++;
		*at = machine_main(machine);
		(*at)->depth = 0;
		step_to(*at, 0);
		return true;
	default:
		return true;
	}
}

enum control_policy machine_interrupted(struct machine *struck, const struct program_step **block,
					struct machine **at)
{
	*block = NULL;
	for (struct machine *machine = struck; machine; machine = machine->parent)
		for (unsigned int i = machine->depth; i-- > 0;) {
			const struct program_step *step = frame_step(machine, i);

			if (step->kind != PROGRAM_ON_FAULT)
				continue;
			*block = step;
			if (policy_apply(machine, i, step->control, struck, at))
				return step->control->policy;
		}
	*at = struck;
	/* Without such a block the countermeasure alone bounds how often. */
	return *block ? CONTROL_GIVE_UP : CONTROL_REPEAT_STEP;
}

bool machine_round(const struct machine *machine, unsigned int *round, unsigned int *of)
{
	for (; machine; machine = machine->parent)
		for (unsigned int i = machine->depth; i-- > 0;) {
			const struct program_step *step = frame_step(machine, i);

			if (step->kind != PROGRAM_REPEAT)
				continue;
			*round = machine->frames[i].count;
			*of = step->control->count;
			return true;
		}
	return false;
}
