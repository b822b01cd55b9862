// SPDX-License-Identifier: GPL-2.0-only
/* How long a compiled script is in the worst case: one pass over its steps. */
#include <errno.h>

#include "lib/script/interpretation.h"
#include "lib/script/program.h"

/* Sums stay where they are once they are beyond every limit. */
static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static void length_add(struct program_length *length, uint64_t requests, uint64_t ms)
{
	length->requests = add(length->requests, requests);
	length->ms = add(length->ms, ms);
}

static void length_multiply(struct program_length *length, uint64_t times)
{
	length->requests = multiply(length->requests, times);
	length->ms = multiply(length->ms, times);
}

static bool length_excessive(const struct program_length *length)
{
	return length->requests > PROGRAM_REQUESTS_MAX || length->ms > PROGRAM_MS_MAX;
}

/**
 * struct block - an open block
 * @length: what it has come to so far
 * @then: of a choice, what its first way has come to
 */
struct block {
	struct program_length length;
	struct program_length then;
};

/* A choice takes the longer way, in requests and in time. */
static struct program_length choice_length(const struct block *choice)
{
	const struct program_length *a = &choice->then, *b = &choice->length;

	return (struct program_length){
		.requests = a->requests > b->requests ? a->requests : b->requests,
		.ms = a->ms > b->ms ? a->ms : b->ms,
	};
}

/* What a block that ends comes to, as a part of the one around it. */
static struct program_length block_length(const struct block *block,
					  const struct program_step *end, uint64_t *scripts)
{
	const struct program_control *control = end->control;
	struct program_length length = block->length;

	if (end->kind == PROGRAM_CHOOSE_END)
		return choice_length(block);
	if (end->kind == PROGRAM_REPEAT_END)
		length_multiply(&length, control->count);
	else if (control->policy == CONTROL_REPEAT_SCRIPT)
		*scripts += control->count;
	else if (control->policy != CONTROL_GIVE_UP)
		length_multiply(&length, control->count + 1ULL);
	return length;
}

/* A condition is read at once, after each pause, and when its time is over. */
static uint64_t readings(const struct program_control *control)
{
	return control->wait_ms / control->every_ms + 2;
}

static void step_measure(struct block *block, const struct program_step *step, uint64_t cost)
{
	switch (step->kind) {
	case PROGRAM_EVENT:
		length_add(&block->length, 1, cost);
		break;
	case PROGRAM_WAIT:
	case PROGRAM_WAIT_UNTIL_TIME:
		length_add(&block->length, 0, step->control->wait_ms);
		break;
	case PROGRAM_WAIT_UNTIL:
		length_add(&block->length, readings(step->control),
			   add(step->control->wait_ms, cost));
		break;
	default:
		break;
	}
}

static bool step_ends(const struct program_step *step)
{
	return step->kind == PROGRAM_REPEAT_END || step->kind == PROGRAM_CHOOSE_END ||
	       step->kind == PROGRAM_ON_FAULT_END;
}

int program_measure(const struct program *program, program_cost_fn cost, void *user,
		    struct program_length *length, unsigned int *line)
{
	struct block blocks[SCRIPT_DEPTH_MAX + 1] = { 0 };
	unsigned int depth = 0;
	uint64_t scripts = 1;

	*line = program->n ? program->steps[0].line : 1;
	if (!program->controlled && !cost) {
		*length = (struct program_length){ .requests = program->n };
		return 0;
	}
	for (size_t i = 0; i < program->n; i++) {
		const struct program_step *step = &program->steps[i];
		uint64_t ms = cost && step->event ? cost(user, step) : 0;
		struct block *block = &blocks[depth];

		if (step->kind == PROGRAM_CHOOSE)
			length_add(&block->length, 1, ms);
		if (step->kind == PROGRAM_CHOOSE || step->kind == PROGRAM_REPEAT ||
		    step->kind == PROGRAM_ON_FAULT) {
			blocks[++depth] = (struct block){ 0 };
		} else if (step->kind == PROGRAM_OTHERWISE) {
			block->then = block->length;
			block->length = (struct program_length){ 0 };
		} else if (step_ends(step)) {
			struct program_length part = block_length(block, step, &scripts);

			length_add(&blocks[--depth].length, part.requests, part.ms);
		} else {
			step_measure(block, step, ms);
		}
		if (!length_excessive(&blocks[depth].length))
			continue;
		if (step_ends(step))
			*line = program->steps[step->control->begin].line;
		*length = blocks[depth].length;
		return -E2BIG;
	}
	*length = blocks[0].length;
	length_multiply(length, scripts);
	return length_excessive(length) ? -E2BIG : 0;
}
