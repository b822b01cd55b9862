// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/script/definition.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define ARGUMENTS_MAX 6

static const char *const is_names[] = {
	[CONTROL_BELOW] = "below",	   [CONTROL_AT_MOST] = "at-most",
	[CONTROL_EQUAL] = "equal",	   [CONTROL_NOT_EQUAL] = "not-equal",
	[CONTROL_AT_LEAST] = "at-least", [CONTROL_ABOVE] = "above",
	NULL,
};

static const char *const policy_names[] = {
	[CONTROL_REPEAT_STEP] = "repeat-step",
	[CONTROL_REPEAT_BLOCK] = "repeat-block",
	[CONTROL_REPEAT_SCRIPT] = "repeat-script",
	[CONTROL_GIVE_UP] = "give-up",
	NULL,
};

static const char *const late_names[] = { "fail", "go-on", NULL };

/**
 * struct need - an argument that a control must have
 * @words: it is an enumeration of some of these; NULL: free
 * @low: of a number, the least that a definition may allow; @high: the most
 */
struct need {
	const char *name;
	enum argument_type type;
	const char *const *words;
	double low, high;
};

/* A value that is compared may be any number: its reading has the range. */
#define CONDITION                                         \
	{ "reading", ARGUMENT_TOKEN },                    \
	{ "is", ARGUMENT_TOKEN, is_names },               \
	{ "value", ARGUMENT_DECIMAL }

static const struct {
	const char *name;
	struct need needs[ARGUMENTS_MAX];
} controls[] = {
	[CONTROL_REPEAT] = { "repeat", { { "times", ARGUMENT_INTEGER, NULL, 1, 1e6 } } },
	[CONTROL_WAIT] = { "wait", { { "seconds", ARGUMENT_DECIMAL, NULL, 0.001, 86400 } } },
	[CONTROL_WAIT_UNTIL] = { "wait-until", {
		CONDITION,
		{ "within", ARGUMENT_DECIMAL, NULL, 0.001, 604800 },
		{ "every", ARGUMENT_DECIMAL, NULL, 0.01, 86400 },
		{ "late", ARGUMENT_TOKEN, late_names },
	} },
	[CONTROL_WAIT_UNTIL_TIME] = { "wait-until-time", { { "time", ARGUMENT_TOKEN } } },
	[CONTROL_CHOOSE] = { "choose", { CONDITION } },
	[CONTROL_THEN] = { "then" },
	[CONTROL_OTHERWISE] = { "otherwise" },
	[CONTROL_PARALLEL] = { "parallel" },
	[CONTROL_BRANCH] = { "branch" },
	[CONTROL_ON_FAULT] = { "on-fault", {
		{ "do", ARGUMENT_TOKEN, policy_names },
		{ "attempts", ARGUMENT_INTEGER, NULL, 1, 100 },
	} },
	[CONTROL_ONCE] = { "once" },
};

static int name_find(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

enum control_kind control_parse(const char *name)
{
	for (size_t i = 1; i < COUNT(controls); i++)
		if (!strcmp(controls[i].name, name))
			return i;
	return CONTROL_NONE;
}

const char *control_name(enum control_kind control)
{
	return controls[control].name;
}

enum control_is control_is_parse(const char *name)
{
	return name_find(is_names, name);
}

enum control_policy control_policy_parse(const char *name)
{
	return name_find(policy_names, name);
}

const char *control_is_name(enum control_is is)
{
	return is_names[is];
}

const char *control_policy_name(enum control_policy policy)
{
	return policy_names[policy];
}

/* Two digits below @limit; -EINVAL when they are not. */
static int part_parse(const char *text, int limit)
{
	int value;

	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -EINVAL;
	value = 10 * (text[0] - '0') + text[1] - '0';
	return value < limit ? value : -EINVAL;
}

int control_time_parse(const char *text)
{
	size_t len = strlen(text);
	int hour, minute, second = 0;

	if ((len != 5 && len != 8) || text[2] != ':' || (len == 8 && text[5] != ':'))
		return -EINVAL;
	hour = part_parse(text, 24);
	minute = part_parse(text + 3, 60);
	if (len == 8)
		second = part_parse(text + 6, 60);
	return hour < 0 || minute < 0 || second < 0 ? -EINVAL : (hour * 60 + minute) * 60 + second;
}

bool control_holds(enum control_is is, double reading, double value)
{
	switch (is) {
	case CONTROL_BELOW:
		return reading < value;
	case CONTROL_AT_MOST:
		return reading <= value;
	case CONTROL_EQUAL:
		return reading == value;
	case CONTROL_NOT_EQUAL:
		return reading != value;
	case CONTROL_AT_LEAST:
		return reading >= value;
	default:
		return reading > value;
	}
}

static bool need_met(const struct need *need, const struct definition_attribute *attribute)
{
	const struct argument_rule *rule = &attribute->rule;
	bool integer = rule->type == ARGUMENT_INTEGER;

	if (rule->type != need->type || (!attribute->required && !attribute->value))
		return false;
	if (need->words && !*attribute->allowed)
		return false;
	for (const char **word = attribute->allowed; need->words && *word; word++)
		if (name_find(need->words, *word) < 0)
			return false;
	if (!need->high)
		return true;
	return rule->minimum && rule->maximum &&
	       (integer ? rule->low.integer : rule->low.decimal) >= need->low &&
	       (integer ? rule->high.integer : rule->high.decimal) <= need->high;
}

static const struct definition_attribute *
argument_find(const struct definition_element *element, const char *name)
{
	for (unsigned int i = 0; i < element->n_arguments; i++)
		if (!strcmp(element->attributes[i].name, name))
			return &element->attributes[i];
	return NULL;
}

bool control_check(const struct definition_element *element, char *why, size_t size)
{
	const struct need *needs = controls[element->control].needs;
	unsigned int n = 0;

	for (; n < ARGUMENTS_MAX && needs[n].name; n++) {
		const struct definition_attribute *attribute =
			argument_find(element, needs[n].name);

		if (attribute && need_met(&needs[n], attribute))
			continue;
		snprintf(why, size, "control \"%s\" needs %s as control.dtd declares it, or narrower",
			 control_name(element->control), needs[n].name);
		return false;
	}
	if (element->event || element->end_event || element->n_arguments != n) {
		snprintf(why, size, "control \"%s\" has no event and no arguments of its own",
			 control_name(element->control));
		return false;
	}
	return true;
}
