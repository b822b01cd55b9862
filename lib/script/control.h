/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control vocabulary: elements that give no event but say in which order, how
 * often and when events are given (docs/scripts.md, "Control"). An element is one of
 * them by its attribute "control", as dtd/control.dtd declares it; what that attribute
 * needs beside it is checked when a definition is loaded, so that every loop and every
 * wait of every script has a bound.
 */
#ifndef LIB_SCRIPT_CONTROL_H
#define LIB_SCRIPT_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum control_kind {
	CONTROL_NONE,
	CONTROL_REPEAT,
	CONTROL_WAIT,
	CONTROL_WAIT_UNTIL,
	CONTROL_WAIT_UNTIL_TIME,
	CONTROL_CHOOSE,
	CONTROL_THEN,
	CONTROL_OTHERWISE,
	CONTROL_PARALLEL,
	CONTROL_BRANCH,
	CONTROL_ON_FAULT,
	CONTROL_ONCE,
};

/* How a reading is compared with a value. */
enum control_is {
	CONTROL_BELOW,
	CONTROL_AT_MOST,
	CONTROL_EQUAL,
	CONTROL_NOT_EQUAL,
	CONTROL_AT_LEAST,
	CONTROL_ABOVE,
};

/* What follows when a fault has interrupted a step. */
enum control_policy {
	CONTROL_REPEAT_STEP,
	CONTROL_REPEAT_BLOCK,
	CONTROL_REPEAT_SCRIPT,
	CONTROL_GIVE_UP,
};

struct definition_element;

/** control_parse - the control called @name; CONTROL_NONE when there is none */
enum control_kind control_parse(const char *name);
const char *control_name(enum control_kind control);

/** control_is_parse, control_policy_parse - by a name that control_check() has let pass */
enum control_is control_is_parse(const char *name);
enum control_policy control_policy_parse(const char *name);
const char *control_is_name(enum control_is is);
const char *control_policy_name(enum control_policy policy);

/** control_time_parse - seconds of the day of HH:MM or HH:MM:SS; -EINVAL when it is none */
int control_time_parse(const char *text);

/** control_holds - does a reading meet its condition? */
bool control_holds(enum control_is is, double reading, double value);

/**
 * control_check - has an element the arguments that its control needs, and no others?
 * @why: set to a line about what is wrong
 */
bool control_check(const struct definition_element *element, char *why, size_t size);

#endif /* LIB_SCRIPT_CONTROL_H */
