// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center script: scripts (12). */
#include <stdio.h>

#include "center/catalogue/scripts.h"
#include "center/cli/command.h"
#include "lib/text.h"

/* Begins with struct arguments, as command_operand() needs it. */
struct add_arguments {
	struct arguments common;
	const char *key;
};

static error_t add_parse(int key, char *text, struct argp_state *state)
{
	struct add_arguments *arguments = state->input;

	if (key != 'k')
		return command_operand(key, text, state);
	arguments->key = text;
	return 0;
}

static int script_add(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "key", 'k', "FILE", 0, "Sign it with this key; by default with the center's, where it has one", 0 },
		{},
	};
	static const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };
	static const struct argp argp = {
		.options = options,
		.parser = add_parse,
		.args_doc = "SERVICE.xml",
		.doc = "Verify a script by its service's definition and give it to gateways in place of "
		       "the one before.",
		.children = children,
	};
	struct add_arguments arguments = {
		.common = { .cli = cli, .operands_min = 1, .operands_max = 1 },
	};
	__cleanup_store struct store *store = NULL;
	__cleanup_key struct key *key = NULL;
	json_auto_t *row = NULL;
	struct error err = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (key_find(arguments.key, cli->place.data, &key, &err))
		return command_fail(&err);
	store = store_open(&cli->place, STORE_WRITE, &err);
	if (!store || scripts_add(store, arguments.common.operands[0], key, &row, &err))
		return command_fail(&err);
	if (cli->json)
		command_print_json(row);
	else
		printf("%s edition %lld %s, %lld step%s\n",
		       json_string_value(json_object_get(row, "service")),
		       json_integer_value(json_object_get(row, "edition")),
		       json_is_true(json_object_get(row, "changed")) ?
		       "added" : "was there already, with the same content",
		       json_integer_value(json_object_get(row, "steps")),
		       text_s(json_integer_value(json_object_get(row, "steps"))));
	return 0;
}

static int script_list(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "service", "SERVICE" },
		{ "edition", "EDITION" },
		{ "signed", "SIGNED" },
		{ "size", "BYTES" },
		{ "sha256", "SHA256" },
		{ "added", "ADDED" },
		{},
	};
	struct arguments arguments = { .cli = cli };
	__cleanup_store struct store *store = NULL;
	struct error err = {};

	command_arguments(&arguments, "", "List the scripts that gateways can download.", argc,
			  argv);
	store = store_open(&cli->place, STORE_READ, &err);
	return command_print_rows(cli, store ? scripts_list(store, &err) : NULL, columns, &err);
}

const struct command script_commands[] = {
	{ "script", "add", "verify a script and give it to gateways", script_add },
	{ "script", "list", "list the scripts", script_list },
	{},
};
