// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/block.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int refuse(char *why, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(char *why, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, size, format, ap);
	va_end(ap);
	return -EINVAL;
}

/* An argument that control_check() has seen to: it is there, and of its type. */
static const struct program_argument *argument(const struct definition_element *element,
					       const struct program_argument *given,
					       const char *name)
{
	for (unsigned int i = 0; i < element->n_arguments; i++)
		if (!strcmp(element->attributes[i].name, name))
			return &given[i];
	return NULL;
}

/* Decimals of seconds; a wait that the definition allows is at least a millisecond. */
static uint64_t milliseconds(const struct program_argument *seconds)
{
	uint64_t ms = seconds->number.decimal * 1000 + 0.5;

	return ms ? ms : 1;
}

static int condition_fill(const struct definition *definition,
			  const struct definition_element *element,
			  const struct program_argument *given,
			  struct program_control *control, char *why, size_t size)
{
	const char *name = argument(element, given, "reading")->value;
	const struct program_argument *value = argument(element, given, "value");
	union argument_number number;
	char allowed[256];

	control->reading = definition_reading(definition, name);
	if (!control->reading)
		return refuse(why, size, "\"%.80s\": \"%.80s\" is no reading of this service",
			      element->name, name);
	control->is = control_is_parse(argument(element, given, "is")->value);
	control->value = value->number.decimal;
	if (!argument_parse(&control->reading->rule, value->value, &number))
		return 0;
	argument_describe(&control->reading->rule, allowed, sizeof(allowed));
	return refuse(why, size, "\"%.80s\": value is \"%.60s\"; %s is %s", element->name,
		      value->value, name, allowed);
}

static int time_fill(const struct definition_element *element, const char *text,
		     struct program_control *control, char *why, size_t size)
{
	int second = control_time_parse(text);

	if (second < 0)
		return refuse(why, size,
			      "\"%.80s\": time is \"%.20s\"; HH:MM or HH:MM:SS is needed, from 00:00 to 23:59:59",
			      element->name, text);
	control->count = second;
	control->wait_ms = PROGRAM_DAY_MS;
	return 0;
}

static int control_fill(const struct definition *definition,
			const struct definition_element *element,
			const struct program_argument *given,
			struct program_control *control, char *why, size_t size)
{
	switch (element->control) {
	case CONTROL_REPEAT:
		control->count = argument(element, given, "times")->number.integer;
		return 0;
	case CONTROL_WAIT:
		control->wait_ms = milliseconds(argument(element, given, "seconds"));
		return 0;
	case CONTROL_WAIT_UNTIL:
		control->wait_ms = milliseconds(argument(element, given, "within"));
		control->every_ms = milliseconds(argument(element, given, "every"));
		control->late_goes_on = !strcmp(argument(element, given, "late")->value, "go-on");
		return condition_fill(definition, element, given, control, why, size);
	case CONTROL_WAIT_UNTIL_TIME:
		return time_fill(element, argument(element, given, "time")->value, control, why, size);
	case CONTROL_CHOOSE:
		return condition_fill(definition, element, given, control, why, size);
	case CONTROL_ON_FAULT:
		control->policy =
			control_policy_parse(argument(element, given, "do")->value);
		control->count = argument(element, given, "attempts")->number.integer;
		return 0;
	default:
		return 0;
	}
}

static int step_add(struct program *program, enum program_kind kind,
		    struct program_control *control, unsigned int line)
{
	const char *event = NULL;
	struct program_step *step;

	if (kind == PROGRAM_CHOOSE || kind == PROGRAM_WAIT_UNTIL)
		event = control->reading->event;
	step = program_add(program, event, line);
	if (!step)
		return -ENOMEM;
	step->kind = kind;
	step->control = control;
	return 0;
}

/* What the vocabulary's own DTD says, whatever a definition makes of it. */
static int place_check(const struct block_list *blocks, const struct definition_element *element,
		       char *why, size_t size)
{
	const struct block *parent = blocks->depth ? &blocks->open[blocks->depth - 1] : NULL;
	enum control_kind control = element->control;
	enum control_kind around = parent ? parent->control : CONTROL_NONE;
	bool way = control == CONTROL_THEN || control == CONTROL_OTHERWISE;

	if ((around == CONTROL_PARALLEL) != (control == CONTROL_BRANCH))
		return refuse(why, size,
			      "\"%.80s\" cannot stand here: a parallel block has its branches, and nothing else has them",
			      element->name);
	if ((around == CONTROL_CHOOSE) != way)
		return refuse(why, size,
			      "\"%.80s\" cannot stand here: a choice has its two ways, and nothing else has them",
			      element->name);
	if (way && parent->ways != (control == CONTROL_OTHERWISE))
		return refuse(why, size, "\"%.80s\" cannot stand here: a choice has one way, then the other",
			      element->name);
	if (control == CONTROL_BRANCH && parent->ways == PROGRAM_BRANCHES_MAX)
		return refuse(why, size, "\"%.80s\" is one too many: a parallel block has at most %d branches",
			      element->name, PROGRAM_BRANCHES_MAX);
	if (control == CONTROL_PARALLEL && blocks->parallels == PROGRAM_PARALLELS_MAX)
		return refuse(why, size, "\"%.80s\" cannot stand here: at most %d parallel blocks can be one within the other",
			      element->name, PROGRAM_PARALLELS_MAX);
	if (control == CONTROL_ONCE && blocks->repeats)
		return refuse(why, size, "\"%.80s\" cannot stand in what is repeated",
			      element->name);
	if (control == CONTROL_REPEAT && blocks->onces)
		return refuse(why, size, "\"%.80s\" cannot stand in what is done once",
			      element->name);
	return 0;
}

static int step_begin(struct block_list *blocks, struct block *block, unsigned int line)
{
	static const enum program_kind kinds[] = {
		[CONTROL_REPEAT] = PROGRAM_REPEAT,
		[CONTROL_WAIT] = PROGRAM_WAIT,
		[CONTROL_WAIT_UNTIL] = PROGRAM_WAIT_UNTIL,
		[CONTROL_WAIT_UNTIL_TIME] = PROGRAM_WAIT_UNTIL_TIME,
		[CONTROL_CHOOSE] = PROGRAM_CHOOSE,
		[CONTROL_PARALLEL] = PROGRAM_PARALLEL,
		[CONTROL_BRANCH] = PROGRAM_BRANCH,
		[CONTROL_ON_FAULT] = PROGRAM_ON_FAULT,
	};
	struct program *program = blocks->program;

	if (block->control == CONTROL_ON_FAULT && block->step->policy == CONTROL_REPEAT_SCRIPT)
		block->step->script = program->n_scripts++;
	if (block->control == CONTROL_BRANCH) {
		block->step->count = ++block[-1].ways;
		block[-1].step->count = block[-1].ways;
	}
	return step_add(program, kinds[block->control], block->step, line);
}

static bool control_has_step(enum control_kind control)
{
	return control != CONTROL_THEN && control != CONTROL_OTHERWISE &&
	       control != CONTROL_ONCE;
}

/* The ways of a choice: the step between them is that of the choice. */
static int way_begin(struct block_list *blocks, struct block *block, unsigned int line)
{
	struct block *choice = block - 1;

	if (!choice->ways++)
		return 0;
	choice->step->otherwise = blocks->program->n + 1;
	return step_add(blocks->program, PROGRAM_OTHERWISE, choice->step, line);
}

int block_begin(struct block_list *blocks, const struct definition_element *element,
		const struct program_argument *given, unsigned int line, char *why, size_t size)
{
	struct program *program = blocks->program;
	struct block *block = &blocks->open[blocks->depth];
	int code = place_check(blocks, element, why, size);

	if (code)
		return code;
	*block = (struct block){ .control = element->control, .begin = program->n };
	blocks->depth++;
	program->controlled = true;
	blocks->repeats += block->control == CONTROL_REPEAT;
	blocks->onces += block->control == CONTROL_ONCE;
	blocks->parallels += block->control == CONTROL_PARALLEL;
	if (block->control == CONTROL_THEN || block->control == CONTROL_OTHERWISE)
		return way_begin(blocks, block, line);
	if (!control_has_step(block->control))
		return 0;
	block->step = program_alloc(program, sizeof(*block->step));
	if (!block->step)
		return -ENOMEM;
	*block->step = (struct program_control){ .begin = program->n };
	code = control_fill(program->definition, element, given, block->step, why, size);
	return code ? code : step_begin(blocks, block, line);
}

static int choice_end(struct block_list *blocks, struct block *block, unsigned int line)
{
	struct program *program = blocks->program;
	int code = 0;

	if (block->ways < 2) {
		block->step->otherwise = program->n + 1;
		code = step_add(program, PROGRAM_OTHERWISE, block->step, line);
	}
	block->step->end = program->n;
	return code ? code : step_add(program, PROGRAM_CHOOSE_END, block->step, line);
}

/* The step at the end of a block that has one there, whatever is in it. */
static enum program_kind kind_of_end(enum control_kind control)
{
	switch (control) {
	case CONTROL_REPEAT:
		return PROGRAM_REPEAT_END;
	case CONTROL_PARALLEL:
		return PROGRAM_PARALLEL_END;
	case CONTROL_BRANCH:
		return PROGRAM_BRANCH_END;
	default:
		return PROGRAM_ON_FAULT_END;
	}
}

int block_end(struct block_list *blocks, unsigned int line, char *why, size_t size)
{
	struct block *block = &blocks->open[--blocks->depth];
	struct program *program = blocks->program;
	bool empty = program->n == block->begin + control_has_step(block->control);

	switch (block->control) {
	case CONTROL_CHOOSE:
		if (!block->ways)
			return refuse(why, size, "a choice lacks its first way");
		return choice_end(blocks, block, line);
	case CONTROL_REPEAT:
	case CONTROL_ON_FAULT:
	case CONTROL_PARALLEL:
	case CONTROL_BRANCH:
		/* Nothing, a million times, would hold up the gateway. */
		if (empty)
			return refuse(why, size, "\"%s\" has nothing to do in it",
				      control_name(block->control));
		blocks->repeats -= block->control == CONTROL_REPEAT;
		blocks->parallels -= block->control == CONTROL_PARALLEL;
		block->step->end = program->n;
		return step_add(program, kind_of_end(block->control), block->step, line);
	case CONTROL_ONCE:
		blocks->onces--;
		return 0;
	default:
		return 0;
	}
}

bool block_event_allowed(const struct block_list *blocks)
{
	enum control_kind around =
		blocks->depth ? blocks->open[blocks->depth - 1].control : CONTROL_NONE;

	return around != CONTROL_CHOOSE && around != CONTROL_PARALLEL;
}
