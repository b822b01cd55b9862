/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A compiled script: the events that it gives, in the order of the document.
 * This is what the interpretation means (333) hands to the event drive means (334).
 */
#ifndef LIB_SCRIPT_PROGRAM_H
#define LIB_SCRIPT_PROGRAM_H

#include <jansson.h>
#include <stddef.h>

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

/**
 * struct program_step - one event
 * @line: line of the script where its tag begins
 * @arguments: in the order of the definition; none at the end of a tag
 */
struct program_step {
	const char *event;
	unsigned int line;
	unsigned int n_arguments;
	struct program_argument *arguments;
};

/**
 * struct program - the events of one script
 * @n: number of steps
 * @definition: what it was compiled from; kept alive by the program
 * @chunks: memory of arguments and their values
 * @room: steps that fit before the array must grow
 */
struct program {
	const char *service;
	size_t n;
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

/**
 * program_step_params - arguments as "params" of the request (docs/protocol.md, "Channel")
 *
 * Return: a new reference to an object, empty without arguments; NULL without memory.
 */
json_t *program_step_params(const struct program_step *step);

#endif /* LIB_SCRIPT_PROGRAM_H */
