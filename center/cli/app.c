// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center app: applications (11). */
#include <stdio.h>

#include "center/catalogue/applications.h"
#include "center/cli/command.h"

static int app_add(struct cli *cli, int argc, char **argv)
{
	struct arguments arguments = { .cli = cli, .operands_min = 1, .operands_max = 1 };
	__cleanup_store struct store *store = NULL;
	json_auto_t *row = NULL;
	struct error err = {};
	bool known = false;

	command_arguments(&arguments, "BUNDLE",
			  "Verify a bundle and give it to the gateways that ask for its application. "
			  "The version added last is the one that they run.", argc, argv);
	store = store_open(&cli->place, STORE_WRITE, &err);
	if (!store || applications_add(store, arguments.operands[0], &row, &known, &err))
		return command_fail(&err);
	if (cli->json)
		command_print_json(row);
	else
		printf("%s %s %s\n", json_string_value(json_object_get(row, "name")),
		       json_string_value(json_object_get(row, "version")),
		       known ? "was there already, with the same content" : "added");
	return 0;
}

static int app_list(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "NAME" },
		{ "version", "VERSION" },
		{ "current", "CURRENT" },
		{ "runtime", "RUNTIME" },
		{ "residence", "RESIDENCE" },
		{ "size", "BYTES" },
		{ "added", "ADDED" },
		{},
	};
	struct arguments arguments = { .cli = cli };
	__cleanup_store struct store *store = NULL;
	struct error err = {};

	command_arguments(&arguments, "", "List the applications that gateways can download.",
			  argc, argv);
	store = store_open(&cli->place, STORE_READ, &err);
	return command_print_rows(cli, store ? applications_list(store, &err) : NULL, columns,
				  &err);
}

const struct command app_commands[] = {
	{ "app", "add", "verify a bundle and give it to gateways", app_add },
	{ "app", "list", "list the applications", app_list },
	{},
};
