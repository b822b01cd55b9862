/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A compiled script: the events that it gives, in the order of the document, and
 * between them the steps of control (control.h). This is what the interpretation
 * means (333) hands to the event drive means (334).
 */
#ifndef LIB_SCRIPT_PROGRAM_H
#define LIB_SCRIPT_PROGRAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/script/argument.h"
#include "lib/script/definition.h"

/**
 * struct program_argument - an argument of an event
 * @attribute: its name, type and range
 * @value: as the script or the definition's default writes it
 * @number: its value, when the type is a number's
 */
struct program_argument {
	const struct definition_attribute *attribute;
	const char *value;
	union argument_number number;
};

/* What a step is. Blocks nest, and each ends with the step of its end. */
enum program_kind {
	PROGRAM_EVENT,
	PROGRAM_WAIT,
	PROGRAM_WAIT_UNTIL,
	PROGRAM_WAIT_UNTIL_TIME,
	PROGRAM_REPEAT,
	PROGRAM_REPEAT_END,
	PROGRAM_CHOOSE,
	PROGRAM_OTHERWISE, /* behind what "then" has; what follows is the other way */
	PROGRAM_CHOOSE_END,
	PROGRAM_PARALLEL, /* what follows are its branches, one behind the other */
	PROGRAM_BRANCH,
	PROGRAM_BRANCH_END,
	PROGRAM_PARALLEL_END,
	PROGRAM_ON_FAULT,
	PROGRAM_ON_FAULT_END,
};

/**
 * struct program_control - what a step that is no event does; a script may have a
 * million of them
 * @begin: index of the block's first step, itself
 * @otherwise: index of the step where the other way of a choice begins
 * @end: index of the block's last step
 * @count: rounds of a repetition; attempts after a fault; of a time of day, its seconds;
 *	of a parallel block, its branches; of a branch, its number from 1
 * @script: of attempts that repeat the script, a number from 0
 * @policy: an enum control_policy
 * @reading: with @is, an enum control_is, and @value the condition of a wait or a choice
 * @wait_ms: duration of a wait, or how long it may take at most
 * @every_ms: from an answer to the next reading
 * @late_goes_on: a condition that did not come is no failure
 */
struct program_control {
	uint32_t begin;
	uint32_t otherwise;
	uint32_t end;
	uint32_t count;
	uint32_t script;
	uint8_t policy;
	uint8_t is;
	bool late_goes_on;
	const struct definition_reading *reading;
	double value;
	uint32_t wait_ms;
	uint32_t every_ms;
};

/**
 * struct program_step - one step
 * @event: of an event; of a condition, the one whose processing answers with the
 *	reading; NULL otherwise
 * @line: line of the script where its tag begins
 * @kind: an enum program_kind
 * @once: it is requested once in a run
 * @arguments: of an event, in the order of the definition; none at the end of a tag
 * @control: of all others
 */
struct program_step {
	const char *event;
	unsigned int line;
	uint8_t kind;
	bool once;
	uint16_t n_arguments;
	union {
		struct program_argument *arguments;
		struct program_control *control;
	};
};

/* How far off a time of day may be: a day has 25 hours when the clock is set back in autumn. */
#define PROGRAM_DAY_MS (25 * 3600 * 1000U)

/* Branches of a parallel block, and such blocks one within the other: so a script is at 64 places at most. */
#define PROGRAM_BRANCHES_MAX 8
#define PROGRAM_PARALLELS_MAX 2

/* The most that a script may come to (struct program_length). */
#define PROGRAM_REQUESTS_MAX 10000000ULL
#define PROGRAM_MS_MAX (366ULL * 86400 * 1000)

/**
 * struct program_length - how long a script is in the worst case
 * @requests: events and readings
 * @ms: milliseconds
 *
 * Repetitions after faults are counted where an on-fault block bounds them;
 * starting and restoring applications is not.
 */
struct program_length {
	uint64_t requests;
	uint64_t ms;
};

/**
 * struct program - the steps of one script
 * @n: number of steps
 * @n_scripts: number of on-fault blocks that repeat the whole script
 * @controlled: it has something of the control vocabulary
 * @length: without the time that processings take
 * @definition: what it was compiled from; kept alive by the program
 * @chunks: memory of arguments and their values
 * @room: steps that fit before the array must grow
 */
struct program {
	const char *service;
	size_t n;
	unsigned int n_scripts;
	bool controlled;
	struct program_length length;
	struct program_step *steps;
	struct definition *definition;
	struct program_chunk *chunks;
	size_t room;
};

/** program_new - a program without steps; NULL without memory */
struct program *program_new(const struct definition *definition);
void program_free(struct program *program);
DEFINE_CLEANUP(struct program *, program_free)
#define __cleanup_program __cleanup(program_freep)

/** program_alloc - memory that lives as long as the program; NULL without memory */
void *program_alloc(struct program *program, size_t size);

/** program_add - a further step, valid until the next one is added; NULL without memory */
struct program_step *program_add(struct program *program, const char *event,
				 unsigned int line);

/** program_step_opens, program_step_closes - does it begin a block, or end one? */
bool program_step_opens(const struct program_step *step);
bool program_step_closes(const struct program_step *step);

/**
 * program_step_params - arguments as "params" of the request (docs/protocol.md, "Channel")
 *
 * Return: a new reference to an object, empty without arguments; NULL without memory.
 */
json_t *program_step_params(const struct program_step *step);

/* Applications that are told apart when the length of parallel branches is computed. */
#define PROGRAM_APPLICATIONS_MAX 16

/**
 * struct program_cost - what the processing of a step's event may take
 * @ms: milliseconds; 0: it has none, or nothing is known
 * @application: which one does it, a number below PROGRAM_APPLICATIONS_MAX
 */
struct program_cost {
	uint64_t ms;
	unsigned int application;
};

typedef struct program_cost (*program_cost_fn)(void *user, const struct program_step *step);

/**
 * program_measure - the worst case
 * @cost: NULL: none takes time
 *
 * Parallel branches take as long as the longest of them. An application does one
 * processing at a time: those that other branches request of the same one may have
 * to be waited for, and count for each branch that uses it.
 *
 * Return: 0; -E2BIG beyond the limits above, @line then tells the block that does it.
 */
int program_measure(const struct program *program, program_cost_fn cost, void *user,
		    struct program_length *length, unsigned int *line);

#endif /* LIB_SCRIPT_PROGRAM_H */
