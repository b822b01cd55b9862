// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/program.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 65536

/* Chunks never move, so that what lies in them can be pointed to. */
struct program_chunk {
	struct program_chunk *next;
	size_t size;
	size_t used;
	_Alignas(max_align_t) char data[];
};

struct program *program_new(const struct definition *definition)
{
	struct program *program = calloc(1, sizeof(*program));

	if (!program)
		return NULL;
	program->definition = definition_get(definition);
	program->service = definition_service(definition);
	return program;
}

void program_free(struct program *program)
{
	if (!program)
		return;
	while (program->chunks) {
		struct program_chunk *chunk = program->chunks;

		program->chunks = chunk->next;
		free(chunk);
	}
	free(program->steps);
	definition_free(program->definition);
	free(program);
}

void *program_alloc(struct program *program, size_t size)
{
	struct program_chunk *chunk = program->chunks;
	void *p;

	size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->next = program->chunks;
		chunk->size = room;
		chunk->used = 0;
		program->chunks = chunk;
	}
	p = chunk->data + chunk->used;
	chunk->used += size;
	return p;
}

struct program_step *program_add(struct program *program, const char *event,
				 unsigned int line)
{
	struct program_step *step;

	if (program->n == program->room) {
		size_t room = program->room ? 2 * program->room : 64;
		struct program_step *steps =
			reallocarray(program->steps, room, sizeof(*steps));

		if (!steps)
			return NULL;
		program->steps = steps;
		program->room = room;
	}
	step = &program->steps[program->n++];
	*step = (struct program_step){ .event = event, .line = line };
	return step;
}

bool program_step_opens(const struct program_step *step)
{
	return step->kind == PROGRAM_REPEAT || step->kind == PROGRAM_CHOOSE ||
	       step->kind == PROGRAM_ON_FAULT || step->kind == PROGRAM_PARALLEL ||
	       step->kind == PROGRAM_BRANCH;
}

bool program_step_closes(const struct program_step *step)
{
	return step->kind == PROGRAM_REPEAT_END || step->kind == PROGRAM_CHOOSE_END ||
	       step->kind == PROGRAM_ON_FAULT_END || step->kind == PROGRAM_PARALLEL_END ||
	       step->kind == PROGRAM_BRANCH_END;
}

static json_t *argument_json(const struct program_argument *argument)
{
	switch (argument->attribute->rule.type) {
	case ARGUMENT_INTEGER:
		return json_integer(argument->number.integer);
	case ARGUMENT_DECIMAL:
		return json_real(argument->number.decimal);
	default:
		return json_string(argument->value);
	}
}

json_t *program_step_params(const struct program_step *step)
{
	json_t *params = json_object();

	for (unsigned int i = 0; params && i < step->n_arguments; i++) {
		const struct program_argument *argument = &step->arguments[i];

		if (!json_object_set_new(params, argument->attribute->name,
					 argument_json(argument)))
			continue;
		json_decref(params);
		return NULL;
	}
	return params;
}
