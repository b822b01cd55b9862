/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The actions of countermeasures and their parameters (docs/protocol.md, "Actions").
 * The center checks an entry of its list by this table when it is made, and the
 * gateway checks what it is told by the same table before it does it.
 */
#ifndef LIB_ACTION_H
#define LIB_ACTION_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"

enum action {
	ACTION_NONE,
	ACTION_RESTART,
	ACTION_RESTART_CLEAN,
	ACTION_STOP,
	ACTION_REINSTALL,
	ACTION_ROLLBACK,
	ACTION_SWITCH,
	ACTION_LIMITS,
	ACTION_SIGNAL,
	ACTION_RUN,
	ACTION_COLLECT,
	ACTION_HOLD,
	ACTION_REBOOT,
	ACTION_COUNT,
};

/* Ranges of what every countermeasure has. */
#define ACTION_ATTEMPTS_MAX 100
#define ACTION_WINDOW_MAX_S 2592000
#define ACTION_BACKOFF_MAX_MS 3600000
#define ACTION_HEALTHY_MAX_S 2592000

/** action_name - its name in messages */
const char *action_name(enum action action);
/** action_parse - false when there is no action called @name, which may be NULL */
bool action_parse(const char *name, enum action *action);

/**
 * action_parameter_set - take "NAME=VALUE" into an object of parameters
 *
 * Return: 0, or -EINVAL with @err naming what may be there.
 */
int action_parameter_set(json_t *parameters, const char *text, struct error *err);

/**
 * action_parameters_check - do the parameters fit an action and what follows it?
 * @parameters: an object; NULL: none
 *
 * Each must be of one of the two, and in its range; what one of the two needs
 * must be there.
 *
 * Return: 0, or -EINVAL with @err set.
 */
int action_parameters_check(enum action action, enum action then, const json_t *parameters,
			    struct error *err);

/**
 * struct action_terms - a countermeasure, read
 * @attempts: how often the action is carried out within @window_s seconds
 * @backoff_ms: milliseconds before the second attempt; each further one waits twice as long
 * @healthy_s: seconds without a fault after which attempts count anew; 0: the gateway's own
 * @parameters: borrowed, may be NULL
 */
struct action_terms {
	enum action action;
	enum action then;
	int attempts;
	int window_s;
	int backoff_ms;
	int healthy_s;
	const json_t *parameters;
};

/**
 * action_terms_read - check a countermeasure as messages have it
 * @countermeasure: {action, attempts, window_s, backoff_ms, then, parameters, healthy_s};
 *	the last two may be missing, other members are not looked at
 *
 * Return: 0, or -EINVAL with @err saying which is wrong.
 */
int action_terms_read(const json_t *countermeasure, struct action_terms *terms,
		      struct error *err);

/** action_signal_number - "HUP", "SIGHUP" or "1"; 0 when it is none */
int action_signal_number(const char *text);
/** action_signal_known - is it the name of a signal in a kind of fault: segv, rt34? */
bool action_signal_known(const char *name);

#endif /* LIB_ACTION_H */
