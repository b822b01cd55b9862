// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center definition: script definitions (331). */
#include <stdio.h>

#include "center/catalogue/definitions.h"
#include "center/cli/command.h"
#include "lib/text.h"

/* Begins with struct arguments, as command_operand() needs it. */
struct add_arguments {
	struct arguments common;
	bool force;
};

static error_t add_parse(int key, char *text, struct argp_state *state)
{
	struct add_arguments *arguments = state->input;

	if (key != 'f')
		return command_operand(key, text, state);
	arguments->force = true;
	return 0;
}

static int definition_add(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "force", 'f', NULL, 0, "Also when the service's script no longer fits it", 0 },
		{},
	};
	static const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };
	static const struct argp argp = {
		.options = options,
		.parser = add_parse,
		.args_doc = "SERVICE.dtd",
		.doc = "Verify a script definition and check scripts of its service by it from now on.",
		.children = children,
	};
	struct add_arguments arguments = {
		.common = { .cli = cli, .operands_min = 1, .operands_max = 1 },
	};
	__cleanup_store struct store *store = NULL;
	json_auto_t *row = NULL;
	struct error err = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	store = store_open(&cli->place, STORE_WRITE, &err);
	if (!store || definitions_add(store, arguments.common.operands[0], arguments.force,
				      &row, &err))
		return command_fail(&err);
	if (cli->json)
		command_print_json(row);
	else
		printf("%s added, %zu event%s\n",
		       json_string_value(json_object_get(row, "service")),
		       json_array_size(json_object_get(row, "events")),
		       text_s(json_array_size(json_object_get(row, "events"))));
	return 0;
}

static int definition_list(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "service", "SERVICE" },
		{ "events", "EVENTS" },
		{},
	};
	struct arguments arguments = { .cli = cli };
	__cleanup_store struct store *store = NULL;
	struct error err = {};

	command_arguments(&arguments, "", "List the script definitions.", argc, argv);
	store = store_open(&cli->place, STORE_READ, &err);
	return command_print_rows(cli, store ? definitions_list(store, &err) : NULL, columns,
				  &err);
}

const struct command definition_commands[] = {
	{ "definition", "add", "verify a script definition and check scripts by it",
	  definition_add },
	{ "definition", "list", "list the script definitions", definition_list },
	{},
};
