/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a script stands: which of its steps comes next, through repetitions, choices
 * and what on-fault blocks say. It does nothing itself; the event drive means
 * (drive.h) asks it what to do and tells it what came of that.
 */
#ifndef SUPERVISORD_MACHINE_H
#define SUPERVISORD_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/script/interpretation.h"

/* What is to be done next. */
enum machine_action {
	MACHINE_EVENT,	 /* the event of the step: then machine_requested(), machine_answered() */
	MACHINE_READING, /* its event as well: then machine_requested(), machine_read() */
	MACHINE_WAIT,	 /* for machine_pause_ms(): then machine_waited() */
	MACHINE_END,	 /* the script is finished */
};

/* What came of a reading. */
enum machine_verdict {
	MACHINE_MET,
	MACHINE_NOT_MET,
	MACHINE_LATE, /* it was the last one, and the script has failed */
};

/**
 * struct machine - a place in a program
 * @program: borrowed
 * @step: the step that comes next or is under way
 * @done: events that were answered
 * @frames: open repetitions and on-fault blocks; @count: rounds begun, attempts made
 * @requested: of each step, has it been requested? Looked at for those once in a run
 * @scripts: of each on-fault block that repeats the script, how often it has
 * @attempts: how often the present step was repeated after a fault
 * @deadline_ns: until when a condition may take, 0: not begun
 * @pausing: between two readings of a condition
 * @due: the moment that a time of day stands for, 0: not begun
 */
struct machine {
	const struct program *program;
	size_t step;
	size_t done;
	unsigned int depth;
	struct machine_frame {
		size_t step;
		unsigned int count;
	} frames[SCRIPT_DEPTH_MAX];
	bool *requested;
	unsigned int *scripts;
	unsigned int attempts;
	uint64_t deadline_ns;
	uint64_t pause_ms;
	bool pausing;
	time_t due;
};

void machine_init(struct machine *machine, const struct program *program);
void machine_fini(struct machine *machine);

/**
 * machine_next - what is to be done now, at @machine->step
 *
 * Says the same again until it is told what came of it.
 */
enum machine_action machine_next(struct machine *machine);

/**
 * machine_time_next - when the local clock shows this second of the day next
 *
 * A time that a day does not have is the one that mktime(3) makes of it.
 */
time_t machine_time_next(time_t now, unsigned int second);

/** machine_requested - the processing of the step's event is being requested, at @now_ns */
void machine_requested(struct machine *machine, uint64_t now_ns);
/** machine_answered - it was answered, or the event drives nothing */
void machine_answered(struct machine *machine);
/** machine_read - it was answered with this reading */
enum machine_verdict machine_read(struct machine *machine, double reading, uint64_t now_ns);
uint64_t machine_pause_ms(const struct machine *machine);
void machine_waited(struct machine *machine);

/**
 * machine_interrupted - a fault has struck while the step was under way
 * @block: the on-fault block that decided, NULL when none was there
 *
 * Return: what follows; the machine stands where that begins.
 */
enum control_policy machine_interrupted(struct machine *machine,
					const struct program_step **block);

/** machine_round - in which round the innermost repetition is, of how many; false: there is none */
bool machine_round(const struct machine *machine, unsigned int *round, unsigned int *of);

#endif /* SUPERVISORD_MACHINE_H */
