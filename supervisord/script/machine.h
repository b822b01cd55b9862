/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a script stands: which of its steps comes next, through repetitions, choices
 * and what on-fault blocks say. It does nothing itself; the event drive means
 * (drive.h) asks it what to do and tells it what came of that. A script has one
 * machine, and one more for each parallel branch that is under way.
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
	MACHINE_FORK,	 /* machine_branch() for each branch; when all have ended: machine_joined() */
	MACHINE_END,	 /* the script is finished, or the branch */
};

/* What came of a reading. */
enum machine_verdict {
	MACHINE_MET,
	MACHINE_NOT_MET,
	MACHINE_LATE, /* it was the last one, and the script has failed */
};

/**
 * struct machine_run - what the machines of a run have in common
 * @program: borrowed
 * @done: events that were answered
 * @requested: of each step, has it been requested? Looked at for those once in a run
 * @scripts: of each on-fault block that repeats the script, how often it has
 */
struct machine_run {
	const struct program *program;
	size_t done;
	bool *requested;
	unsigned int *scripts;
};

/**
 * struct machine - a place in a program
 * @run: borrowed
 * @parent: of a branch, the machine that stands at its parallel block; NULL otherwise
 * @begin: of a branch, the step of its begin
 * @step: the step that comes next or is under way
 * @frames: open repetitions and on-fault blocks; @count: rounds begun, attempts made
 * @attempts: how often the present step was repeated after a fault
 * @deadline_ns: until when a condition may take, 0: not begun
 * @pausing: between two readings of a condition
 * @due: the moment that a time of day stands for, 0: not begun
 */
struct machine {
	struct machine_run *run;
	struct machine *parent;
	size_t begin;
	size_t step;
	unsigned int depth;
	struct machine_frame {
		size_t step;
		unsigned int count;
	} frames[SCRIPT_DEPTH_MAX];
	unsigned int attempts;
	uint64_t deadline_ns;
	uint64_t pause_ms;
	bool pausing;
	time_t due;
};

void machine_run_init(struct machine_run *run, const struct program *program);
void machine_run_fini(struct machine_run *run);

/** machine_init - at the begin of the script */
void machine_init(struct machine *machine, struct machine_run *run);
/** machine_branch - at the begin of a branch, step @begin, of the parallel block where @parent stands */
void machine_branch(struct machine *machine, struct machine *parent, size_t begin);
/** machine_branch_next - the step of the branch behind that at @branch, the first one for 0; 0: there is none */
size_t machine_branch_next(const struct machine *parent, size_t branch);
/** machine_joined - its branches have all ended */
void machine_joined(struct machine *machine);

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
 * @at: the machine that goes on: @struck, or one that it is a branch of, when a block
 *	around its parallel block is repeated. The branches of that one are over.
 *
 * Return: what follows; @at stands where that begins.
 */
enum control_policy machine_interrupted(struct machine *struck, const struct program_step **block,
					struct machine **at);

/** machine_round - in which round the innermost repetition is, of how many; false: there is none */
bool machine_round(const struct machine *machine, unsigned int *round, unsigned int *of);

#endif /* SUPERVISORD_MACHINE_H */
