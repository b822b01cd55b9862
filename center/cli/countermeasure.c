// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center countermeasure: the list of fault countermeasures (133). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "center/cli/command.h"
#include "center/fault/list.h"

#define ATTEMPTS_DEFAULT 3
#define WINDOW_DEFAULT_S 60
#define BACKOFF_DEFAULT_MS 100
/* On the command line; an entry has "". */
#define KIND_ANY "*"

#define ACTIONS "none, restart, restart-clean, stop, reinstall, rollback, switch, limits, " \
	"signal, run, collect, hold, reboot"

enum {
	OPTION_APPLICATION = 0x200,
	OPTION_VERSION,
	OPTION_GROUP,
	OPTION_ATTEMPTS,
	OPTION_WINDOW,
	OPTION_BACKOFF,
	OPTION_THEN,
};

/* Begins with struct arguments, as command_operand() needs it. */
struct entry_arguments {
	struct arguments common;
	struct countermeasure entry;
	bool then_given;
};

static int number_parse(struct argp_state *state, const char *option, const char *text,
			long minimum, long maximum)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < minimum || number > maximum)
		argp_error(state, "--%s %s: a whole number from %ld to %ld is needed", option,
			   text, minimum, maximum);
	return number;
}

static void text_parse(struct argp_state *state, const char *option, const char *text,
		       bool (*valid)(const char *), char *target, size_t size)
{
	if (!valid(text))
		argp_error(state, "--%s %s: not a valid %s", option, text, option);
	snprintf(target, size, "%s", text);
}

static void action_operand(struct argp_state *state, const char *text, enum action *action)
{
	if (!action_parse(text, action))
		argp_error(state, "there is no action \"%s\"; the actions are " ACTIONS, text);
}

/* Operands are checked when all is known. */
static void entry_finish(struct entry_arguments *arguments, struct argp_state *state)
{
	struct countermeasure *entry = &arguments->entry;
	const char *kind = arguments->common.operands[0];

	if (strcmp(kind, KIND_ANY)) {
		if (!kind_valid(kind))
			argp_error(state, "%s: not a kind of fault; as signal.segv, signal or \"*\"",
				   kind);
		snprintf(entry->kind, sizeof(entry->kind), "%s", kind);
	}
	if (entry->version[0] && !entry->application[0])
		argp_error(state, "--version needs --application");
	if (arguments->common.n_operands < 2)
		return;
	action_operand(state, arguments->common.operands[1], &entry->action);
	if (!arguments->then_given)
		entry->then = entry->action == ACTION_NONE || entry->action == ACTION_STOP ?
			ACTION_NONE : ACTION_STOP;
}

static error_t key_parse(int key, char *text, struct argp_state *state)
{
	struct entry_arguments *arguments = state->input;
	struct countermeasure *entry = &arguments->entry;

	switch (key) {
	case OPTION_APPLICATION:
		text_parse(state, "application", text, name_valid, entry->application,
			   sizeof(entry->application));
		return 0;
	case OPTION_VERSION:
		text_parse(state, "version", text, version_valid, entry->version,
			   sizeof(entry->version));
		return 0;
	case OPTION_GROUP:
		text_parse(state, "group", text, name_valid, entry->group,
			   sizeof(entry->group));
		return 0;
	case ARGP_KEY_END:
		command_operand(key, text, state);
		entry_finish(arguments, state);
		return 0;
	default:
		return command_operand(key, text, state);
	}
}

static error_t entry_parse(int key, char *text, struct argp_state *state)
{
	struct entry_arguments *arguments = state->input;
	struct countermeasure *entry = &arguments->entry;

	switch (key) {
	case OPTION_ATTEMPTS:
		entry->attempts = number_parse(state, "attempts", text, 1, LIST_ATTEMPTS_MAX);
		return 0;
	case OPTION_WINDOW:
		entry->window_s = number_parse(state, "window", text, 1, LIST_WINDOW_MAX_S);
		return 0;
	case OPTION_BACKOFF:
		entry->backoff_ms = number_parse(state, "backoff", text, 0,
						 LIST_BACKOFF_MAX_MS);
		return 0;
	case OPTION_THEN:
		action_operand(state, text, &entry->then);
		arguments->then_given = true;
		return 0;
	default:
		return key_parse(key, text, state);
	}
}

#define KEY_OPTIONS \
	{ "application", OPTION_APPLICATION, "NAME", 0, "Only for faults of this application", 1 }, \
	{ "version", OPTION_VERSION, "VERSION", 0, "Only for this version of it", 1 }, \
	{ "group", OPTION_GROUP, "NAME", 0, "Only for gateways of this group", 1 }

static const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };

static const char *kind_shown(const struct countermeasure *entry)
{
	return entry->kind[0] ? entry->kind : KIND_ANY;
}

/* @what for people; how it changed the list and its version as JSON. */
static int change_print(const struct cli *cli, struct store *store, bool changed,
			const struct countermeasure *entry, const char *what)
{
	struct error err = {};
	int64_t version = list_version(store, &err);
	json_auto_t *row = NULL;

	if (version < 0)
		return command_fail(&err);
	if (!cli->json) {
		printf("%s %s, policy version %lld\n", kind_shown(entry), what,
		       (long long)version);
		return 0;
	}
	row = json_pack("{s:s, s:b, s:I}", "kind", kind_shown(entry), "changed", changed,
			"policy_version", (json_int_t)version);
	command_print_json(row);
	return 0;
}

static int countermeasure_set(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		KEY_OPTIONS,
		{ "attempts", OPTION_ATTEMPTS, "N", 0,
		  "How often within the window (3)", 2 },
		{ "window", OPTION_WINDOW, "SECONDS", 0, "The window (60)", 2 },
		{ "backoff", OPTION_BACKOFF, "MS", 0,
		  "Wait before the second attempt (100)", 2 },
		{ "then", OPTION_THEN, "ACTION", 0,
		  "What follows when that does not help (stop; none after stop and none)", 2 },
		{},
	};
	static const struct argp argp = {
		.options = options,
		.parser = entry_parse,
		.args_doc = "KIND ACTION",
		.doc = "Say what gateways do about a kind of fault, from now on.\v"
		       "KIND covers the kinds below it: signal covers signal.segv; \"*\" covers all. "
		       "The longest KIND wins, then an entry with --application, then with "
		       "--version, then with --group. The actions are " ACTIONS ".",
		.children = children,
	};
	struct entry_arguments arguments = {
		.common = { .cli = cli, .operands_min = 2, .operands_max = 2 },
		.entry = { .attempts = ATTEMPTS_DEFAULT, .window_s = WINDOW_DEFAULT_S,
			   .backoff_ms = BACKOFF_DEFAULT_MS },
	};
	__cleanup_store struct store *store = NULL;
	struct error err = {};
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	store = store_open(cli->data, STORE_WRITE, &err);
	ret = store ? list_set(store, &arguments.entry, &err) : err.code;
	if (ret < 0)
		return command_fail(&err);
	return change_print(cli, store, ret, &arguments.entry, ret ? "set" : "unchanged");
}

static int countermeasure_remove(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = { KEY_OPTIONS, {} };
	static const struct argp argp = {
		.options = options,
		.parser = key_parse,
		.args_doc = "KIND",
		.doc = "Remove the entry for KIND with exactly these options.",
		.children = children,
	};
	struct entry_arguments arguments = {
		.common = { .cli = cli, .operands_min = 1, .operands_max = 1 },
	};
	__cleanup_store struct store *store = NULL;
	struct error err = {};
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	store = store_open(cli->data, STORE_WRITE, &err);
	ret = store ? list_remove(store, &arguments.entry, &err) : err.code;
	if (!ret)
		ret = error_set(&err, -ENOENT,
				"%s: no such entry; \"faultline-center countermeasure list\" shows them",
				kind_shown(&arguments.entry));
	if (ret < 0)
		return command_fail(&err);
	return change_print(cli, store, true, &arguments.entry, "removed");
}

static int countermeasure_list(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "kind", "KIND" },
		{ "application", "APPLICATION" },
		{ "version", "VERSION" },
		{ "group", "GROUP" },
		{ "action", "ACTION" },
		{ "attempts", "ATTEMPTS" },
		{ "window_s", "WINDOW/S" },
		{ "backoff_ms", "BACKOFF/MS" },
		{ "then", "THEN" },
		{},
	};
	struct arguments arguments = { .cli = cli };
	__cleanup_store struct store *store = NULL;
	struct error err = {};
	json_t *rows, *row;
	size_t i;

	command_arguments(&arguments, "", "List what gateways do about faults.", argc, argv);
	store = store_open(cli->data, STORE_READ, &err);
	rows = store ? list_rows(store, &err) : NULL;
	json_array_foreach(rows, i, row)
		if (!json_string_length(json_object_get(row, "kind")))
			json_object_set_new(row, "kind", json_string(KIND_ANY));
	return command_print_rows(cli, rows, columns, &err);
}

const struct command countermeasure_commands[] = {
	{ "countermeasure", "set", "say what gateways do about a kind of fault",
	  countermeasure_set },
	{ "countermeasure", "list", "list that", countermeasure_list },
	{ "countermeasure", "remove", "remove an entry", countermeasure_remove },
	{},
};
