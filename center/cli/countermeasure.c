// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center countermeasure: the list of fault countermeasures (133). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "center/catalogue/signing.h"
#include "center/cli/command.h"
#include "center/fault/entry.h"
#include "center/fault/list.h"
#include "center/fault/match.h"

/* On the command line; an entry has "". */
#define KIND_ANY ENTRY_KIND_ANY

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
	OPTION_HEALTHY,
	OPTION_DECIDE,
	OPTION_PARAMETER,
	OPTION_AUTHOR,
	OPTION_REASON,
	OPTION_LIMIT,
	OPTION_SINCE,
	OPTION_KEY,
};

#define HISTORY_DEFAULT 50
#define HISTORY_MAX 1000

/* Begins with struct arguments, as command_operand() needs it. */
struct entry_arguments {
	struct arguments common;
	struct countermeasure entry;
	bool then_given;
	json_t *parameters;
	struct list_author author;
	char author_name[LIST_AUTHOR_MAX];
	const char *key_path;
	struct key *key;
	long since_s;
};

static void text_parse(struct argp_state *state, const char *option, const char *text,
		       bool (*valid)(const char *), char *target, size_t size)
{
	if (!valid(text))
		argp_error(state, "--%s %s: not a valid %s", option, text, option);
	snprintf(target, size, "%s", text);
}

static void author_default(struct entry_arguments *arguments)
{
	command_user(arguments->author_name, sizeof(arguments->author_name));
	if (!arguments->author.name)
		arguments->author.name = arguments->author_name;
	if (!arguments->author.reason)
		arguments->author.reason = "";
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
	struct error err = {};

	author_default(arguments);
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
	if (action_parameters_check(entry->action, entry->then, arguments->parameters, &err))
		argp_error(state, "%s", err.text);
	if (json_object_size(arguments->parameters) &&
	    json_dumpb(arguments->parameters, entry->parameters, sizeof(entry->parameters) - 1,
		       JSON_COMPACT | JSON_SORT_KEYS) > sizeof(entry->parameters) - 1)
		argp_error(state, "the parameters have more than %d bytes",
			   LIST_PARAMETERS_SIZE - 1);
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
	case OPTION_AUTHOR:
		arguments->author.name = command_line(state, "author", text, LIST_AUTHOR_MAX);
		return 0;
	case OPTION_KEY:
		arguments->key_path = text;
		return 0;
	case OPTION_REASON:
		arguments->author.reason = command_line(state, "reason", text, LIST_REASON_MAX);
		return 0;
	case ARGP_KEY_END:
		command_operand(key, text, state);
		entry_finish(arguments, state);
		return 0;
	default:
		return command_operand(key, text, state);
	}
}

/* What an entry may say beside its key and the attempts. */
static error_t more_parse(int key, char *text, struct argp_state *state)
{
	struct entry_arguments *arguments = state->input;
	struct countermeasure *entry = &arguments->entry;
	struct error err = {};

	switch (key) {
	case OPTION_HEALTHY:
		entry->healthy_s = command_number(state, "healthy", text, 1, ACTION_HEALTHY_MAX_S);
		return 0;
	case OPTION_DECIDE:
		if (strcmp(text, "center") && strcmp(text, "gateway"))
			argp_error(state, "--decide %s: center or gateway is needed", text);
		entry->at_gateway = !strcmp(text, "gateway");
		return 0;
	case OPTION_PARAMETER:
		if (!arguments->parameters)
			arguments->parameters = json_object();
		if (action_parameter_set(arguments->parameters, text, &err))
			argp_error(state, "--parameter: %s", err.text);
		return 0;
	case OPTION_SINCE:
		arguments->since_s = command_duration(state, "since", text);
		return 0;
	default:
		return key_parse(key, text, state);
	}
}

static error_t entry_parse(int key, char *text, struct argp_state *state)
{
	struct entry_arguments *arguments = state->input;
	struct countermeasure *entry = &arguments->entry;

	switch (key) {
	case OPTION_ATTEMPTS:
		entry->attempts = command_number(state, "attempts", text, 1, ACTION_ATTEMPTS_MAX);
		return 0;
	case OPTION_WINDOW:
		entry->window_s = command_number(state, "window", text, 1, ACTION_WINDOW_MAX_S);
		return 0;
	case OPTION_BACKOFF:
		entry->backoff_ms = command_number(state, "backoff", text, 0,
						   ACTION_BACKOFF_MAX_MS);
		return 0;
	case OPTION_THEN:
		action_operand(state, text, &entry->then);
		arguments->then_given = true;
		return 0;
	default:
		return more_parse(key, text, state);
	}
}

#define KEY_OPTIONS \
	{ "application", OPTION_APPLICATION, "NAME", 0, "Only for faults of this application", 1 }, \
	{ "version", OPTION_VERSION, "VERSION", 0, "Only for this version of it", 1 }, \
	{ "group", OPTION_GROUP, "NAME", 0, "Only for gateways of this group", 1 }

#define AUTHOR_OPTIONS \
	{ "author", OPTION_AUTHOR, "NAME", 0, "Who changes the list (the user who calls this)", 4 }, \
	{ "reason", OPTION_REASON, "TEXT", 0, "Why; shown by \"history\"", 4 }, \
	{ "key", OPTION_KEY, "FILE", 0, \
	  "Sign the list with this key; by default with the center's, where it has one", 4 }

#define ENTRY_OPTIONS \
	{ "attempts", OPTION_ATTEMPTS, "N", 0, "How often within the window (3)", 2 }, \
	{ "window", OPTION_WINDOW, "SECONDS", 0, "The window (60)", 2 }, \
	{ "backoff", OPTION_BACKOFF, "MS", 0, \
	  "Wait before the second attempt, doubled for each further one (100)", 2 }, \
	{ "then", OPTION_THEN, "ACTION", 0, \
	  "What follows when that does not help (stop; none after stop and none)", 2 }, \
	{ "healthy", OPTION_HEALTHY, "SECONDS", 0, \
	  "Attempts count anew after so long without a fault (300)", 2 }, \
	{ "parameter", OPTION_PARAMETER, "NAME=VALUE", 0, \
	  "A parameter of ACTION or of what follows: list of switch, signal of signal, service and timeout of run, seconds of hold, memory, files and processes of limits", 3 }, \
	{ "decide", OPTION_DECIDE, "WHERE", 0, \
	  "center (figure 12), or gateway: each does it at once and reports once (figure 16)", 3 }

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

/* The store to change the list in, and the key to sign it with; NULL with @err set. */
static struct store *list_open(struct entry_arguments *arguments, struct error *err)
{
	const struct store_place *place = &arguments->common.cli->place;

	if (key_find(arguments->key_path, place->data, &arguments->key, err))
		return NULL;
	arguments->author.key = arguments->key;
	arguments->author.sign = signing_list;
	return store_open(place, STORE_WRITE, err);
}

#define ENTRY_DEFAULT { .attempts = ENTRY_ATTEMPTS_DEFAULT, .window_s = ENTRY_WINDOW_DEFAULT_S, \
			.backoff_ms = ENTRY_BACKOFF_DEFAULT_MS }

/* All kinds of faults (docs/center.md, "Kinds of faults"), but that applications report some of their own. */
static const char *const kinds[] = {
	"signal.", "exit.nonzero", "exit.unexpected", "start.failed", "hang.dstate", "hang.starved",
	"hang.spin", "hang.deadlock", "hang.heartbeat", "hang.deadline", "limit.memory", "limit.stack",
	"limit.cpu", "limit.filesize", "range.file", "range.exec", "range.net", "range.capability",
	"range.operation", "download.signature", "download.refused", "script.refused", "gateway.halted",
	"application.",
};

/* A kind itself, or the first parts of one; what ends in a dot has names of its own behind it. */
static bool kind_fits(const char *kind, const char *known)
{
	size_t len = strlen(kind), known_len = strlen(known);

	if (known[known_len - 1] == '.' && !strncmp(kind, known, known_len))
		return strcmp(known, "signal.") || action_signal_known(kind + known_len);
	return !strncmp(kind, known, len) && (!known[len] || known[len] == '.');
}

static bool root_is(const char *known, const char *root, size_t len)
{
	return !strncmp(known, root, len) && known[len] == '.';
}

/* A kind that no fault is of does no harm, and nothing else either. */
static void kind_doubt(const struct countermeasure *entry)
{
	size_t len = strcspn(entry->kind, ".");
	bool root = false;

	if (!len)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (kind_fits(entry->kind, kinds[i]))
			return;
		root = root || root_is(kinds[i], entry->kind, len);
	}
	fprintf(stderr, COMMAND_PROGRAM ": note: no fault is of the kind \"%s\": a typing error? There are", entry->kind);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!root || root_is(kinds[i], entry->kind, len))
			fprintf(stderr, " %s%s", kinds[i], kinds[i][strlen(kinds[i]) - 1] == '.' ? "NAME" : "");
	fputc('\n', stderr);
}

static int countermeasure_set(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		KEY_OPTIONS,
		ENTRY_OPTIONS,
		AUTHOR_OPTIONS,
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
		.entry = ENTRY_DEFAULT,
	};
	__cleanup_store struct store *store = NULL;
	struct error err = {};
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	store = list_open(&arguments, &err);
	ret = store ? list_set(store, &arguments.entry, &arguments.author, &err) : err.code;
	key_free(arguments.key);
	json_decref(arguments.parameters);
	if (ret < 0)
		return command_fail(&err);
	kind_doubt(&arguments.entry);
	return change_print(cli, store, ret, &arguments.entry, ret ? "set" : "unchanged");
}

static int countermeasure_remove(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = { KEY_OPTIONS, AUTHOR_OPTIONS, {} };
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
	store = list_open(&arguments, &err);
	ret = store ? list_remove(store, &arguments.entry, &arguments.author, &err) : err.code;
	key_free(arguments.key);
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
		{ "decide", "DECIDE" },
		{},
	};
	struct arguments arguments = { .cli = cli };
	__cleanup_store struct store *store = NULL;
	struct error err = {};
	json_t *rows, *row;
	size_t i;

	command_arguments(&arguments, "", "List what gateways do about faults.", argc, argv);
	store = store_open(&cli->place, STORE_READ, &err);
	rows = store ? list_rows(store, &err) : NULL;
	json_array_foreach(rows, i, row)
		if (!json_string_length(json_object_get(row, "kind")))
			json_object_set_new(row, "kind", json_string(KIND_ANY));
	return command_print_rows(cli, rows, columns, &err);
}

static error_t history_parse(int key, char *text, struct argp_state *state)
{
	struct entry_arguments *arguments = state->input;

	switch (key) {
	case OPTION_LIMIT:
		arguments->entry.attempts = command_number(state, "limit", text, 1, HISTORY_MAX);
		return 0;
	case OPTION_AUTHOR:
	case OPTION_REASON:
	case OPTION_KEY:
		return key_parse(key, text, state);
	default:
		return command_operand(key, text, state);
	}
}

/* Its action, and what else the other one has not so: "restart attempts 5". */
static json_t *side_text(json_t *entry, json_t *other)
{
	static const char *const members[] = {
		"attempts", "window_s", "backoff_ms", "then", "healthy_s", "parameters", "decide" };
	json_t *text = json_incref(json_object_get(entry, "action"));

	for (size_t i = 0; json_is_object(entry) && json_is_object(other) && i < sizeof(members) / sizeof(*members); i++) {
		json_t *value = json_object_get(entry, members[i]), *longer;
		char *dump;

		if (json_equal(value, json_object_get(other, members[i])) ||
		    (json_is_object(value) && !json_object_size(value)))
			continue;
		dump = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
		longer = json_sprintf("%s %s %s", json_string_value(text), members[i],
				      dump ? dump : json_string_value(value));
		free(dump);
		json_decref(text);
		text = longer;
	}
	return text ? text : json_null();
}

/* For people: which entry, and what of it is another. */
static void change_describe(json_t *row)
{
	json_t *before = json_object_get(row, "before"), *after = json_object_get(row, "after");
	json_t *entry = json_is_object(after) ? after : before;
	static const char *const members[] = { "application", "version", "group" };
	const char *kind = json_string_value(json_object_get(row, "kind"));
	json_t *text = json_string(kind && kind[0] ? kind : KIND_ANY);

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		const char *value = json_string_value(json_object_get(entry, members[i]));
		json_t *longer;

		if (!value || !value[0])
			continue;
		longer = json_sprintf("%s %s %s", json_string_value(text), members[i], value);
		json_decref(text);
		text = longer;
	}
	json_object_set_new(row, "entry", text);
	json_object_set_new(row, "was", side_text(before, after));
	json_object_set_new(row, "is", side_text(after, before));
}

static int countermeasure_history(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "limit", OPTION_LIMIT, "N", 0, "At most so many, the newest (50)", 0 },
		{},
	};
	static const struct argp argp = {
		.options = options,
		.parser = history_parse,
		.doc = "Show how the list of countermeasures came to be, the newest change first. "
		       "--json shows each entry before and after.",
		.children = children,
	};
	static const struct column columns[] = {
		{ "policy_version", "VERSION" },
		{ "time", "TIME" },
		{ "author", "AUTHOR" },
		{ "change", "CHANGE" },
		{ "entry", "ENTRY" },
		{ "was", "BEFORE" },
		{ "is", "AFTER" },
		{ "reason", "REASON" },
		{},
	};
	struct entry_arguments arguments = {
		.common = { .cli = cli }, .entry = { .attempts = HISTORY_DEFAULT } };
	__cleanup_store struct store *store = NULL;
	json_t *rows, *row;
	size_t n;
	struct error err = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	store = store_open(&cli->place, STORE_READ, &err);
	rows = store ? list_history(store, arguments.entry.attempts, &err) : NULL;
	if (!cli->json)
		json_array_foreach(rows, n, row)
			change_describe(row);
	return command_print_rows(cli, rows, columns, &err);
}

/* The operand, or 0: the last change. Exits on wrong usage. */
static int64_t version_operand(const struct arguments *arguments)
{
	char *end;
	long long version;

	if (!arguments->n_operands)
		return 0;
	version = strtoll(arguments->operands[0], &end, 10);
	if (*end || version < 1) {
		fprintf(stderr, COMMAND_PROGRAM ": %s: not a policy version; \"faultline-center countermeasure history\" shows them\n",
			arguments->operands[0]);
		exit(COMMAND_USAGE);
	}
	return version;
}

static int countermeasure_undo(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = { AUTHOR_OPTIONS, {} };
	static const struct argp argp = {
		.options = options,
		.parser = history_parse,
		.args_doc = "[VERSION]",
		.doc = "Take back the change that made VERSION, or the last one that is neither an "
		       "undoing nor undone. This is a change of its own, with a version of its own.",
		.children = children,
	};
	struct entry_arguments arguments = { .common = { .cli = cli, .operands_max = 1 } };
	__cleanup_store struct store *store = NULL;
	struct error err = {};
	int64_t version, undone;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	author_default(&arguments);
	version = version_operand(&arguments.common);
	store = list_open(&arguments, &err);
	undone = store ? list_undo(store, version, &arguments.author, &err) : err.code;
	key_free(arguments.key);
	if (!undone)
		undone = error_set(&err, -ENOENT, version ?
				   "version %lld: no change of the list made it" :
				   "there is no change to undo", (long long)version);
	version = undone < 0 ? undone : list_version(store, &err);
	if (version < 0)
		return command_fail(&err);
	if (cli->json) {
		json_auto_t *row = json_pack("{s:I, s:I}", "undone", (json_int_t)undone,
					     "policy_version", (json_int_t)version);

		command_print_json(row);
	} else {
		printf("version %lld undone, policy version %lld\n", (long long)undone,
		       (long long)version);
	}
	return 0;
}

static int countermeasure_match(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		KEY_OPTIONS,
		ENTRY_OPTIONS,
		{ "since", OPTION_SINCE, "TIME", 0, "Look back so far: 90s, 15m, 12h, 7d (7d)", 3 },
		{},
	};
	static const struct argp argp = {
		.options = options,
		.parser = entry_parse,
		.args_doc = "KIND ACTION",
		.doc = "Show for which stored faults an entry would decide, were it in the list. "
		       "Nothing is changed. DID is what was decided then, WOULD what it would be.",
		.children = children,
	};
	static const struct column columns[] = {
		{ "received", "RECEIVED" },
		{ "gateway", "GATEWAY" },
		{ "kind", "KIND" },
		{ "application", "APPLICATION" },
		{ "version", "VERSION" },
		{ "countermeasure.action", "DID" },
		{ "would", "WOULD" },
		{ "id", "ID" },
		{},
	};
	struct entry_arguments arguments = {
		.common = { .cli = cli, .operands_min = 2, .operands_max = 2 },
		.entry = ENTRY_DEFAULT,
		.since_s = MATCH_SINCE_DEFAULT_S,
	};
	__cleanup_store struct store *store = NULL;
	json_t *rows = NULL;
	struct error err = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	json_decref(arguments.parameters);
	store = store_open(&cli->place, STORE_READ, &err);
	if (store)
		rows = match_find(store, &arguments.entry, arguments.since_s, &err);
	return command_print_rows(cli, rows, columns, &err);
}

const struct command countermeasure_commands[] = {
	{ "countermeasure", "set", "say what gateways do about a kind of fault",
	  countermeasure_set },
	{ "countermeasure", "list", "list that", countermeasure_list },
	{ "countermeasure", "remove", "remove an entry", countermeasure_remove },
	{ "countermeasure", "history", "show who changed the list, when and why",
	  countermeasure_history },
	{ "countermeasure", "undo", "take back a change of the list", countermeasure_undo },
	{ "countermeasure", "match", "show which stored faults an entry would match",
	  countermeasure_match },
	{},
};
