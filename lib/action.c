// SPDX-License-Identifier: GPL-2.0-only
#include "lib/action.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/name.h"

static const char *const action_names[ACTION_COUNT] = {
	[ACTION_NONE] = "none",
	[ACTION_RESTART] = "restart",
	[ACTION_RESTART_CLEAN] = "restart-clean",
	[ACTION_STOP] = "stop",
	[ACTION_REINSTALL] = "reinstall",
	[ACTION_ROLLBACK] = "rollback",
	[ACTION_SWITCH] = "switch",
	[ACTION_LIMITS] = "limits",
	[ACTION_SIGNAL] = "signal",
	[ACTION_RUN] = "run",
	[ACTION_COLLECT] = "collect",
	[ACTION_HOLD] = "hold",
	[ACTION_REBOOT] = "reboot",
};

/**
 * struct parameter - a parameter of an action
 * @needed: the action cannot be without it
 * @maximum: of a number from 1 on; 0: it is text, which @valid judges
 */
struct parameter {
	enum action action;
	const char *name;
	bool needed;
	json_int_t maximum;
	bool (*valid)(const char *text);
	const char *allowed;
};

static bool signal_valid(const char *text)
{
	return action_signal_number(text) > 0;
}

static const struct parameter parameters_known[] = {
	{ ACTION_SWITCH, "list", true, 0, name_valid,
	  "a name: NAME of events-NAME.xml, or default for events.xml" },
	{ ACTION_SIGNAL, "signal", true, 0, signal_valid, "a signal, as HUP or 1" },
	{ ACTION_RUN, "service", true, 0, name_valid, "the name of a service" },
	{ ACTION_RUN, "timeout", false, 86400, NULL, "seconds from 1 to 86400" },
	{ ACTION_HOLD, "seconds", false, 86400, NULL, "seconds from 1 to 86400" },
	{ ACTION_LIMITS, "memory", false, 1 << 20, NULL, "MiB from 1 to 1048576" },
	{ ACTION_LIMITS, "files", false, 1 << 20, NULL, "a number from 1 to 1048576" },
	{ ACTION_LIMITS, "processes", false, 1 << 16, NULL, "a number from 1 to 65536" },
};

#define PARAMETERS (sizeof(parameters_known) / sizeof(*parameters_known))

const char *action_name(enum action action)
{
	return action_names[action];
}

bool action_parse(const char *name, enum action *action)
{
	for (int i = 0; name && i < ACTION_COUNT; i++)
		if (!strcmp(action_names[i], name)) {
			*action = i;
			return true;
		}
	return false;
}

int action_signal_number(const char *text)
{
	char *end;
	long number;

	if (!text || !*text)
		return 0;
	number = strtol(text, &end, 10);
	if (!*end)
		return number > 0 && number < NSIG ? number : 0;
	if (!strncmp(text, "SIG", 3))
		text += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);

		if (name && !strcmp(name, text))
			return i;
	}
	return 0;
}

bool action_signal_known(const char *name)
{
	char upper[16];
	size_t n;

	if (!strncmp(name, "rt", 2))
		return action_signal_number(name + 2) > 31;
	for (n = 0; name[n] && n < sizeof(upper) - 1; n++)
		upper[n] = toupper((unsigned char)name[n]);
	upper[n] = '\0';
	return !isdigit((unsigned char)upper[0]) && strncmp(upper, "SIG", 3) && action_signal_number(upper) > 0;
}

static const struct parameter *parameter_find(const char *name)
{
	for (size_t i = 0; i < PARAMETERS; i++)
		if (!strcmp(parameters_known[i].name, name))
			return &parameters_known[i];
	return NULL;
}

int action_parameter_set(json_t *parameters, const char *text, struct error *err)
{
	const char *equals = strchr(text, '=');
	const struct parameter *known = NULL;
	char name[32];
	char *end;
	json_int_t number;

	if (equals && (size_t)(equals - text) < sizeof(name)) {
		snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
		known = parameter_find(name);
	}
	if (!known)
		return error_set(err, -EINVAL,
				 "parameter \"%.64s\": NAME=VALUE is needed, NAME one of list, signal, service, timeout, seconds, memory, files, processes",
				 text);
	if (!known->maximum) {
		json_object_set_new(parameters, name, json_string(equals + 1));
		return 0;
	}
	number = strtoll(equals + 1, &end, 10);
	if (*end || end == equals + 1)
		return error_set(err, -EINVAL, "parameter \"%.64s\": %s is needed", text,
				 known->allowed);
	json_object_set_new(parameters, name, json_integer(number));
	return 0;
}

static bool value_fits(const struct parameter *known, const json_t *value)
{
	json_int_t number = json_integer_value(value);

	if (!known->maximum)
		return json_is_string(value) && known->valid(json_string_value(value));
	return json_is_integer(value) && number >= 1 && number <= known->maximum;
}

static int needed_check(enum action action, const json_t *parameters, struct error *err)
{
	for (size_t i = 0; i < PARAMETERS; i++) {
		const struct parameter *known = &parameters_known[i];

		if (known->action == action && known->needed &&
		    !json_object_get(parameters, known->name))
			return error_set(err, -EINVAL,
					 "action %s needs the parameter %s: %s",
					 action_name(action), known->name, known->allowed);
	}
	if (action == ACTION_LIMITS && !json_object_get(parameters, "memory") &&
	    !json_object_get(parameters, "files") && !json_object_get(parameters, "processes"))
		return error_set(err, -EINVAL,
				 "action limits needs one of the parameters memory, files, processes");
	return 0;
}

static int action_member(const json_t *countermeasure, const char *name, enum action *action,
			 struct error *err)
{
	const char *text = json_string_value(json_object_get(countermeasure, name));

	if (!action_parse(text, action))
		return error_set(err, -EINVAL, "%s: there is no action \"%.32s\"", name,
				 text ? text : "");
	return 0;
}

static int number_member(const json_t *countermeasure, const char *name, json_int_t maximum,
			 int *number, struct error *err)
{
	const json_t *value = json_object_get(countermeasure, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > maximum)
		return error_set(err, -EINVAL, "%s: a whole number from 0 to %lld is needed", name,
				 (long long)maximum);
	*number = json_integer_value(value);
	return 0;
}

int action_terms_read(const json_t *countermeasure, struct action_terms *terms,
		      struct error *err)
{
	*terms = (struct action_terms){
		.parameters = json_object_get(countermeasure, "parameters") };
	if (action_member(countermeasure, "action", &terms->action, err) ||
	    action_member(countermeasure, "then", &terms->then, err) ||
	    number_member(countermeasure, "attempts", ACTION_ATTEMPTS_MAX, &terms->attempts,
			  err) ||
	    number_member(countermeasure, "window_s", ACTION_WINDOW_MAX_S, &terms->window_s,
			  err) ||
	    number_member(countermeasure, "backoff_ms", ACTION_BACKOFF_MAX_MS,
			  &terms->backoff_ms, err) ||
	    (json_object_get(countermeasure, "healthy_s") &&
	     number_member(countermeasure, "healthy_s", ACTION_HEALTHY_MAX_S, &terms->healthy_s,
			   err)))
		return -EINVAL;
	return action_parameters_check(terms->action, terms->then, terms->parameters, err);
}

int action_parameters_check(enum action action, enum action then, const json_t *parameters,
			    struct error *err)
{
	const char *name;
	json_t *value;

	if (parameters && !json_is_object(parameters))
		return error_set(err, -EINVAL, "the parameters are not an object");
	json_object_foreach((json_t *)parameters, name, value) {
		const struct parameter *known = parameter_find(name);

		if (!known || (known->action != action && known->action != then))
			return error_set(err, -EINVAL,
					 "neither action %s nor %s has a parameter %.32s",
					 action_name(action), action_name(then), name);
		if (!value_fits(known, value))
			return error_set(err, -EINVAL, "parameter %s: %s is needed", name,
					 known->allowed);
	}
	if (needed_check(action, parameters, err))
		return -EINVAL;
	return needed_check(then, parameters, err);
}
