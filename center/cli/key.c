// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center key: the key by which gateways know what is this center's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center/catalogue/signing.h"
#include "center/cli/command.h"
#include "lib/file.h"

static int public_print(struct cli *cli, const struct key *key, const char *path)
{
	struct error err = {};
	char *text = key_public(key, &err);
	json_t *json;

	if (!text)
		return command_fail(&err);
	if (cli->json) {
		json = json_pack("{s:s*, s:s}", "file", path, "public", text);
		command_print_json(json);
		json_decref(json);
	} else {
		fputs(text, stdout);
	}
	free(text);
	return 0;
}

/* FILE, or where the center looks for it. */
static const char *path_of(const struct cli *cli, const struct arguments *arguments, char **usual)
{
	*usual = key_path(cli->place.data);
	return arguments->n_operands ? arguments->operands[0] : *usual;
}

static int key_make_run(struct cli *cli, int argc, char **argv)
{
	struct arguments arguments = { .cli = cli, .operands_max = 1 };
	__cleanup_free char *usual = NULL;
	__cleanup_key struct key *key = NULL;
	struct error err = {};
	const char *path;

	command_arguments(&arguments, "[FILE]",
			  "Make the key that this center signs applications and scripts with, and print "
			  "its public half, which gateways need. Without FILE it is signing-key.pem in "
			  "the data folder.", argc, argv);
	path = path_of(cli, &arguments, &usual);
	if ((path == usual && folder_make(cli->place.data, 0750, &err)) || key_make(path, &err) ||
	    key_find(path, cli->place.data, &key, &err))
		return command_fail(&err);
	return public_print(cli, key, path);
}

static int key_show_run(struct cli *cli, int argc, char **argv)
{
	struct arguments arguments = { .cli = cli, .operands_max = 1 };
	__cleanup_key struct key *key = NULL;
	struct error err = {};

	command_arguments(&arguments, "[FILE]", "Print the public half of the key, for gateways.", argc,
			  argv);
	if (key_find(arguments.n_operands ? arguments.operands[0] : NULL, cli->place.data, &key, &err))
		return command_fail(&err);
	if (!key) {
		error_set(&err, -ENOENT, "there is no key here; \"faultline-center key make\" makes one");
		return command_fail(&err);
	}
	return public_print(cli, key, NULL);
}

static int key_sign_run(struct cli *cli, int argc, char **argv)
{
	struct arguments arguments = { .cli = cli, .operands_max = 1 };
	__cleanup_store struct store *store = NULL;
	__cleanup_key struct key *key = NULL;
	struct error err = {};
	int n;

	command_arguments(&arguments, "[FILE]",
			  "Sign the current version of each application and each script once more: when "
			  "the key is new, or they were added without one.", argc, argv);
	if (key_find(arguments.n_operands ? arguments.operands[0] : NULL, cli->place.data, &key, &err))
		return command_fail(&err);
	if (!key) {
		error_set(&err, -ENOENT, "there is no key here; \"faultline-center key make\" makes one");
		return command_fail(&err);
	}
	store = store_open(&cli->place, STORE_WRITE, &err);
	n = store ? signing_all(store, key, &err) : err.code;
	if (n < 0)
		return command_fail(&err);
	if (cli->json)
		printf("{\"signed\": %d}\n", n);
	else
		printf("%d signed\n", n);
	return 0;
}

const struct command key_commands[] = {
	{ "key", "make", "make the key that signs what gateways run", key_make_run },
	{ "key", "show", "print its public half, for gateways", key_show_run },
	{ "key", "sign", "sign all that is here once more", key_sign_run },
	{},
};
