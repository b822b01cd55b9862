// SPDX-License-Identifier: GPL-2.0-only
/* How long a compiled script is in the worst case: one pass over its steps. */
#include <errno.h>

#include "lib/script/interpretation.h"
#include "lib/script/program.h"

/**
 * struct sum - what some steps come to
 * @busy_ms: of @length.ms, how long each application may be at work
 */
struct sum {
	struct program_length length;
	uint64_t busy_ms[PROGRAM_APPLICATIONS_MAX];
};

/**
 * struct measuring - the open blocks
 * @blocks: what each has come to so far, from the script itself on; @then: of a choice,
 *	what its first way has come to
 * @parallels: branches that have ended, of the open parallel blocks
 * @scripts: how often the whole script may run
 */
struct measuring {
	struct block {
		struct sum sum;
		struct sum then;
	} blocks[SCRIPT_DEPTH_MAX + 1];
	unsigned int depth;
	struct parallel {
		struct sum branches[PROGRAM_BRANCHES_MAX];
		unsigned int n;
	} parallels[PROGRAM_PARALLELS_MAX];
	unsigned int n_parallels;
	uint64_t scripts;
};

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

static uint64_t longer(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void sum_add(struct sum *sum, const struct sum *part)
{
	sum->length.requests = add(sum->length.requests, part->length.requests);
	sum->length.ms = add(sum->length.ms, part->length.ms);
	for (unsigned int i = 0; i < PROGRAM_APPLICATIONS_MAX; i++)
		sum->busy_ms[i] = add(sum->busy_ms[i], part->busy_ms[i]);
}

static void sum_multiply(struct sum *sum, uint64_t times)
{
	sum->length.requests = multiply(sum->length.requests, times);
	sum->length.ms = multiply(sum->length.ms, times);
	for (unsigned int i = 0; i < PROGRAM_APPLICATIONS_MAX; i++)
		sum->busy_ms[i] = multiply(sum->busy_ms[i], times);
}

/* A choice takes the longer way, in requests, in time and in each application. */
static void sum_longer(struct sum *sum, const struct sum *other)
{
	sum->length.requests = longer(sum->length.requests, other->length.requests);
	sum->length.ms = longer(sum->length.ms, other->length.ms);
	for (unsigned int i = 0; i < PROGRAM_APPLICATIONS_MAX; i++)
		sum->busy_ms[i] = longer(sum->busy_ms[i], other->busy_ms[i]);
}

static void step_add(struct sum *sum, uint64_t requests, uint64_t ms, uint64_t busy_ms,
		     unsigned int application)
{
	sum->length.requests = add(sum->length.requests, requests);
	sum->length.ms = add(sum->length.ms, ms);
	sum->busy_ms[application] = add(sum->busy_ms[application], busy_ms);
}

static bool length_excessive(const struct program_length *length)
{
	return length->requests > PROGRAM_REQUESTS_MAX || length->ms > PROGRAM_MS_MAX;
}

/* How long a branch may take beside the others: it waits for what they request of its applications. */
static uint64_t branch_ms(const struct parallel *parallel, unsigned int branch)
{
	const struct sum *own = &parallel->branches[branch];
	uint64_t ms = own->length.ms;

	for (unsigned int i = 0; i < parallel->n; i++)
		for (unsigned int a = 0; i != branch && a < PROGRAM_APPLICATIONS_MAX; a++)
			if (own->busy_ms[a])
				ms = add(ms, parallel->branches[i].busy_ms[a]);
	return ms;
}

static struct sum parallel_sum(const struct parallel *parallel)
{
	struct sum sum = { 0 };
	uint64_t ms = 0;

	for (unsigned int i = 0; i < parallel->n; i++) {
		sum_add(&sum, &parallel->branches[i]);
		ms = longer(ms, branch_ms(parallel, i));
	}
	sum.length.ms = ms;
	return sum;
}

static void block_begin(struct measuring *measuring, const struct program_step *step)
{
	measuring->blocks[++measuring->depth].sum = (struct sum){ 0 };
	if (step->kind == PROGRAM_PARALLEL)
		measuring->parallels[measuring->n_parallels++].n = 0;
}

/* A block that ends is a part of the one around it; a branch is one of its parallel block. */
static void block_end(struct measuring *measuring, const struct program_step *step)
{
	const struct program_control *control = step->control;
	const struct block *block = &measuring->blocks[measuring->depth--];
	struct sum sum = block->sum;

	switch (step->kind) {
	case PROGRAM_BRANCH_END: {
		struct parallel *parallel = &measuring->parallels[measuring->n_parallels - 1];

		parallel->branches[parallel->n++] = sum;
		return;
	}
	case PROGRAM_PARALLEL_END:
		sum = parallel_sum(&measuring->parallels[--measuring->n_parallels]);
		break;
	case PROGRAM_CHOOSE_END:
		sum_longer(&sum, &block->then);
		break;
	case PROGRAM_REPEAT_END:
		sum_multiply(&sum, control->count);
		break;
	default:
		if (control->policy == CONTROL_REPEAT_SCRIPT)
			measuring->scripts += control->count;
		else if (control->policy != CONTROL_GIVE_UP)
			sum_multiply(&sum, control->count + 1ULL);
	}
	sum_add(&measuring->blocks[measuring->depth].sum, &sum);
}

/* A condition is read at once, after each pause, and when its time is over. */
static uint64_t readings(const struct program_control *control)
{
	return control->wait_ms / control->every_ms + 2;
}

static void step_measure(struct block *block, const struct program_step *step,
			 const struct program_cost *cost)
{
	const struct program_control *control = step->control;
	uint64_t ms, n;

	switch (step->kind) {
	case PROGRAM_EVENT:
	case PROGRAM_CHOOSE:
		step_add(&block->sum, 1, cost->ms, cost->ms, cost->application);
		break;
	case PROGRAM_WAIT:
	case PROGRAM_WAIT_UNTIL_TIME:
		step_add(&block->sum, 0, control->wait_ms, 0, 0);
		break;
	case PROGRAM_WAIT_UNTIL:
		n = readings(control);
		ms = add(control->wait_ms, cost->ms);
		step_add(&block->sum, n, ms, n * cost->ms < ms ? n * cost->ms : ms, cost->application);
		break;
	case PROGRAM_OTHERWISE:
		block->then = block->sum;
		block->sum = (struct sum){ 0 };
		break;
	default:
		break;
	}
}

int program_measure(const struct program *program, program_cost_fn cost, void *user,
		    struct program_length *length, unsigned int *line)
{
	struct measuring measuring;
	struct program_length *now;

	*line = program->n ? program->steps[0].line : 1;
	if (!program->controlled && !cost) {
		*length = (struct program_length){ .requests = program->n };
		return 0;
	}
	measuring.blocks[0].sum = (struct sum){ 0 };
	measuring.depth = 0;
	measuring.n_parallels = 0;
	measuring.scripts = 1;
	for (size_t i = 0; i < program->n; i++) {
		const struct program_step *step = &program->steps[i];
		struct program_cost ms = { 0 };

		if (cost && step->event)
			ms = cost(user, step);
		if (program_step_closes(step))
			block_end(&measuring, step);
		else
			step_measure(&measuring.blocks[measuring.depth], step, &ms);
		if (program_step_opens(step))
			block_begin(&measuring, step);
		now = &measuring.blocks[measuring.depth].sum.length;
		if (!length_excessive(now))
			continue;
		if (program_step_closes(step))
			*line = program->steps[step->control->begin].line;
		*length = *now;
		return -E2BIG;
	}
	sum_multiply(&measuring.blocks[0].sum, measuring.scripts);
	*length = measuring.blocks[0].sum.length;
	return length_excessive(length) ? -E2BIG : 0;
}
