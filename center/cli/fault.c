// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center fault: the fault data (341) that gateways have reported. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center/cli/command.h"
#include "center/fault/faults.h"
#include "lib/fault_export.h"
#include "lib/text.h"

enum { OPTION_GATEWAY = 0x200, OPTION_KIND, OPTION_LIMIT, OPTION_DAYS };

/* Begins with struct arguments, as command_operand() needs it. */
struct fault_arguments {
	struct arguments common;
	const char *gateway;
	const char *kind;
	int limit;
	long days;
};

static error_t fault_parse(int key, char *text, struct argp_state *state)
{
	struct fault_arguments *arguments = state->input;

	switch (key) {
	case OPTION_GATEWAY:
		if (!name_valid(text))
			argp_error(state, "--gateway %s: not the name of a gateway", text);
		arguments->gateway = text;
		return 0;
	case OPTION_KIND:
		if (!kind_valid(text))
			argp_error(state, "--kind %s: not a kind of fault", text);
		arguments->kind = text;
		return 0;
	case OPTION_LIMIT:
		arguments->limit = command_number(state, "limit", text, 1, FAULTS_LIMIT_MAX);
		return 0;
	case OPTION_DAYS:
		arguments->days = command_number(state, "older-than", text, 0, COMMAND_DAYS_MAX);
		return 0;
	default:
		return command_operand(key, text, state);
	}
}

static const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };

static int fault_list(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "gateway", OPTION_GATEWAY, "NAME", 0, "Only those of this gateway", 0 },
		{ "kind", OPTION_KIND, "KIND", 0, "Only this kind and those below it", 0 },
		{ "limit", OPTION_LIMIT, "N", 0, "At most so many, the newest (100)", 0 },
		{},
	};
	static const struct argp argp = {
		.options = options,
		.parser = fault_parse,
		.doc = "List the faults that gateways have reported, the newest first.",
		.children = children,
	};
	static const struct column columns[] = {
		{ "received", "RECEIVED" },
		{ "gateway", "GATEWAY" },
		{ "kind", "KIND" },
		{ "application", "APPLICATION" },
		{ "version", "VERSION" },
		{ "countermeasure.action", "ACTION" },
		{ "decided_by", "DECIDED BY" },
		{ "outcome.result", "OUTCOME" },
		{ "id", "ID" },
		{},
	};
	struct fault_arguments arguments = {
		.common = { .cli = cli },
		.limit = FAULTS_LIMIT_DEFAULT,
	};
	__cleanup_store struct store *store = NULL;
	struct error err = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	store = store_open(&cli->place, STORE_READ, &err);
	return command_print_rows(cli, store ? faults_list(store, arguments.gateway,
							   arguments.kind, NULL,
							   arguments.limit, &err) : NULL,
				  columns, &err);
}

static void fault_print(json_t *fault)
{
	const char *key;
	json_t *value;

	json_object_foreach(fault, key, value) {
		char *text = json_dumps(value, JSON_ENCODE_ANY |
					(strcmp(key, "data") ? 0 : JSON_INDENT(2)));

		if (json_is_string(value))
			printf("%-15s %s\n", key, json_string_value(value));
		else
			printf("%-15s %s\n", key, json_is_null(value) || !text ? "-" : text);
		free(text);
	}
}

static const struct argp_option find_options[] = {
	{ "gateway", OPTION_GATEWAY, "NAME", 0, "The one of this gateway", 0 },
	{},
};

/* The one that is named first; new reference, or NULL with @err set. */
static json_t *fault_find(const struct fault_arguments *arguments, struct error *err)
{
	const char *text = arguments->common.operands[0];
	__cleanup_store struct store *store = store_open(&arguments->common.cli->place, STORE_READ, err);
	json_auto_t *rows = NULL;
	struct fault_id id;

	if (!store)
		return NULL;
	if (fault_id_parse(text, &id)) {
		error_set(err, -EINVAL, "%s: not the id of a fault; \"faultline-center fault list\" shows them",
			  text);
		return NULL;
	}
	rows = faults_show(store, &id, arguments->gateway, err);
	if (!rows)
		return NULL;
	if (json_array_size(rows) == 1)
		return json_incref(json_array_get(rows, 0));
	error_set(err, -ENOENT, json_array_size(rows) ?
		  "%s: several gateways have a fault with this id; say which with --gateway" :
		  "%s: no such fault; \"faultline-center fault list\" shows them", text);
	return NULL;
}

/* As its gateway exports it: what happened there, and what is known of it here. */
static json_t *fault_as_exported(json_t *fault)
{
	static const char *const members[] = {
		"id", "gateway", "group", "kind", "application", "version", "time", "received", "countermeasure", "outcome", "data",
	};
	json_t *outcome = json_object_get(fault, "outcome");
	json_t *state = json_object_get(outcome, "result");
	json_t *exported = json_pack("{s:b, s:o}", "reported", 1,
				     "state", state ? json_incref(state) : json_string("decided"));

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		json_t *value = json_object_get(fault, members[i]);

		if (value && !json_is_null(value))
			json_object_set(exported, members[i], value);
	}
	return exported;
}

static int fault_export(struct cli *cli, int argc, char **argv)
{
	static const struct argp argp = {
		.options = find_options,
		.parser = fault_parse,
		.args_doc = "ID FILE",
		.doc = "Write a fault into FILE, which must not be there yet."
		       "\v\"faultctl fault show -i FILE\" makes a page of it, \"faultctl fault core -i FILE\" a core file for gdb.",
		.children = children,
	};
	struct fault_arguments arguments = {
		.common = { .cli = cli, .operands_min = 2, .operands_max = 2 },
	};
	json_auto_t *fault = NULL, *exported = NULL;
	struct error err = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	fault = fault_find(&arguments, &err);
	exported = fault ? fault_as_exported(fault) : NULL;
	if (!exported || fault_export_write(arguments.common.operands[1], exported, &err))
		return command_fail(&err);
	return 0;
}

static int fault_show(struct cli *cli, int argc, char **argv)
{
	static const struct argp argp = {
		.options = find_options,
		.parser = fault_parse,
		.args_doc = "ID",
		.doc = "Show a fault with all its data, its countermeasure and its outcome.",
		.children = children,
	};
	struct fault_arguments arguments = {
		.common = { .cli = cli, .operands_min = 1, .operands_max = 1 },
	};
	json_auto_t *fault = NULL;
	struct error err = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	fault = fault_find(&arguments, &err);
	if (!fault)
		return command_fail(&err);
	if (cli->json)
		command_print_json(fault);
	else
		fault_print(fault);
	return 0;
}

static int fault_prune(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "gateway", OPTION_GATEWAY, "NAME", 0, "Only those of this gateway", 0 },
		{ "older-than", OPTION_DAYS, "DAYS", 0, "Those received before so many days (needed)", 0 },
		{},
	};
	static const struct argp argp = {
		.options = options,
		.parser = fault_parse,
		.doc = "Forget old faults with their outcomes. A gateway that reports one of them again "
		       "is answered by the list of then.",
		.children = children,
	};
	struct fault_arguments arguments = { .common = { .cli = cli }, .days = -1 };
	__cleanup_store struct store *store = NULL;
	json_auto_t *row = NULL;
	struct error err = {};
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.days < 0) {
		fprintf(stderr, "%s: --older-than is needed\n", argv[0]);
		return COMMAND_USAGE;
	}
	store = store_open(&cli->place, STORE_WRITE, &err);
	ret = store ? store_begin(store, &err) : err.code;
	if (!ret)
		ret = faults_prune(store, arguments.gateway,
				   store_now() - arguments.days * 86400000L, &err);
	if (ret >= 0 && store_commit(store, &err))
		ret = err.code;
	if (ret < 0)
		return command_fail(&err);
	row = json_pack("{s:i}", "forgotten", ret);
	if (cli->json)
		command_print_json(row);
	else
		printf("%d fault%s forgotten\n", ret, text_s(ret));
	return 0;
}

const struct command fault_commands[] = {
	{ "fault", "list", "list the faults that gateways have reported", fault_list },
	{ "fault", "show", "show one with all its data", fault_show },
	{ "fault", "export", "write one into a file, for faultctl fault show", fault_export },
	{ "fault", "prune", "forget old ones", fault_prune },
	{},
};
