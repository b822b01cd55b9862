// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center gateway and administrator: who may ask the center, and as whom. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "center/access/gateways.h"
#include "center/access/tokens.h"
#include "center/cli/command.h"

static int token_add(struct cli *cli, int argc, char **argv, enum role role, const char *help)
{
	struct arguments arguments = { .cli = cli, .operands_min = 1, .operands_max = 1 };
	__cleanup_store struct store *store = NULL;
	json_auto_t *row = NULL;
	char token[TOKEN_SIZE];
	struct error err = {};
	const char *name;

	command_arguments(&arguments, "NAME", help, argc, argv);
	name = arguments.operands[0];
	if (!name_valid(name)) {
		error_set(&err, -EINVAL, "%s: lower-case letters, digits and dashes are allowed, 63 at most",
			  name);
		return command_fail(&err);
	}
	store = store_open(&cli->place, STORE_WRITE, &err);
	if (!store || tokens_add(store, role, name, token, &err))
		return command_fail(&err);
	if (!cli->json) {
		printf("%s\n", token);
		return 0;
	}
	row = json_pack("{s:s, s:s, s:s}", "role", role_name(role), "name", name, "token", token);
	command_print_json(row);
	return 0;
}

static int token_remove(struct cli *cli, int argc, char **argv, enum role role, const char *help)
{
	struct arguments arguments = { .cli = cli, .operands_min = 1, .operands_max = 1 };
	__cleanup_store struct store *store = NULL;
	struct error err = {};
	int ret;

	command_arguments(&arguments, "NAME", help, argc, argv);
	store = store_open(&cli->place, STORE_WRITE, &err);
	ret = store ? tokens_remove(store, role, arguments.operands[0], &err) : err.code;
	if (!ret)
		ret = error_set(&err, -ENOENT, "%s: this %s has no token", arguments.operands[0],
				role_name(role));
	if (ret < 0)
		return command_fail(&err);
	if (!cli->json)
		printf("%s's token is worth nothing from now on\n", arguments.operands[0]);
	return 0;
}

/* Those of a role, without the hashes. */
static json_t *rows_of(struct store *store, enum role role, struct error *err)
{
	json_auto_t *all = tokens_list(store, err);
	json_t *rows = all ? json_array() : NULL, *row;
	size_t i;

	json_array_foreach(all, i, row) {
		if (strcmp(json_string_value(json_object_get(row, "role")), role_name(role)))
			continue;
		json_object_del(row, "sha256");
		json_array_append(rows, row);
	}
	return rows;
}

static int gateway_add(struct cli *cli, int argc, char **argv)
{
	return token_add(cli, argc, argv, ROLE_GATEWAY,
			 "Give a gateway a token and print it, this once. Put it into a file on the gateway that "
			 "token-file in its gateway.xml names. From the first token on no gateway is served without.");
}

static int gateway_remove(struct cli *cli, int argc, char **argv)
{
	return token_remove(cli, argc, argv, ROLE_GATEWAY, "Take a gateway's token away.");
}

/* What was seen, and who has a token: a gateway may be in one of the two alone. */
static json_t *gateway_rows(struct store *store, struct error *err)
{
	json_auto_t *tokens = rows_of(store, ROLE_GATEWAY, err);
	json_auto_t *rows = tokens ? gateways_list(store, err) : NULL;
	json_t *token, *row;
	size_t i, j;

	json_array_foreach(tokens, i, token) {
		json_t *name = json_object_get(token, "name"), *found = NULL;

		json_array_foreach(rows, j, row)
			if (json_equal(json_object_get(row, "name"), name))
				found = row;
		if (rows && !found) {
			found = json_pack("{s:O, s:n}", "name", name, "seen");
			json_array_append_new(rows, found);
		}
		json_object_set_new(found, "token", json_true());
	}
	return steal_pointer(&rows);
}

static int gateway_list(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "NAME" },
		{ "token", "TOKEN" },
		{ "seen", "SEEN" },
		{ "address", "ADDRESS" },
		{ "software", "SOFTWARE" },
		{ "state.source", "SOURCE" },
		{},
	};
	struct arguments arguments = { .cli = cli };
	__cleanup_store struct store *store = NULL;
	struct error err = {};

	command_arguments(&arguments, "", "List the gateways that were seen or have a token.", argc,
			  argv);
	store = store_open(&cli->place, STORE_READ, &err);
	return command_print_rows(cli, store ? gateway_rows(store, &err) : NULL, columns, &err);
}

static int administrator_add(struct cli *cli, int argc, char **argv)
{
	return token_add(cli, argc, argv, ROLE_ADMINISTRATOR,
			 "Give an administrator a token for the console and the HTTP interface and print it, this "
			 "once. NAME is the author of what is changed with it.");
}

static int administrator_remove(struct cli *cli, int argc, char **argv)
{
	return token_remove(cli, argc, argv, ROLE_ADMINISTRATOR, "Take an administrator's token away.");
}

static int administrator_list(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = { { "name", "NAME" }, { "added", "ADDED" }, {} };
	struct arguments arguments = { .cli = cli };
	__cleanup_store struct store *store = NULL;
	struct error err = {};

	command_arguments(&arguments, "", "List the administrators.", argc, argv);
	store = store_open(&cli->place, STORE_READ, &err);
	return command_print_rows(cli, store ? rows_of(store, ROLE_ADMINISTRATOR, &err) : NULL,
				  columns, &err);
}

const struct command gateway_commands[] = {
	{ "gateway", "add", "give a gateway a token", gateway_add },
	{ "gateway", "list", "list the gateways", gateway_list },
	{ "gateway", "remove", "take a gateway's token away", gateway_remove },
	{},
};

const struct command administrator_commands[] = {
	{ "administrator", "add", "give an administrator a token", administrator_add },
	{ "administrator", "list", "list the administrators", administrator_list },
	{ "administrator", "remove", "take an administrator's token away", administrator_remove },
	{},
};
