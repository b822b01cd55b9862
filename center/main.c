// SPDX-License-Identifier: GPL-2.0-only
/*
 * The center (1): it holds applications (11), scripts (12) and the fault
 * countermeasure means (13). This is its command line; "serve" is the daemon, all
 * other commands work on the same data folder, also while the daemon runs.
 */
#include <libxml/parser.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center/cli/command.h"

static const struct command *const nouns[] = {
	serve_commands,
	app_commands,
	definition_commands,
	script_commands,
	countermeasure_commands,
	fault_commands,
	request_commands,
	gateway_commands,
	administrator_commands,
	key_commands,
};

#define N_NOUNS (sizeof(nouns) / sizeof(nouns[0]))

static void version_print(FILE *stream, struct argp_state *state)
{
	fprintf(stream, COMMAND_PROGRAM " %s\n", FAULTLINE_VERSION);
}

struct global_arguments {
	struct cli *cli;
	int command;
};

static error_t global_parse(int key, char *text, struct argp_state *state)
{
	struct global_arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = arguments->cli;
		return 0;
	case ARGP_KEY_ARG:
		/* The rest is the command's. */
		arguments->command = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "a command is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void noun_list(FILE *stream, const struct command *noun)
{
	for (const struct command *c = noun; c->noun && c->summary; c++)
		fprintf(stream, "  %-14s %-7s %s\n", c->noun, c->verb ? c->verb : "", c->summary);
}

/* The list of commands, behind the options in --help. */
static char *help_filter(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t size;
	FILE *stream;

	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	stream = open_memstream(&list, &size);
	if (!stream)
		return NULL;
	fprintf(stream, "Commands:\n");
	for (size_t i = 0; i < N_NOUNS; i++)
		noun_list(stream, nouns[i]);
	fprintf(stream, "\nEach has its own --help.");
	fclose(stream);
	return list;
}

static bool help_wanted(const char *verb)
{
	return verb && (!strcmp(verb, "--help") || !strcmp(verb, "-?") || !strcmp(verb, "help"));
}

/* Finds what argv[0] and argv[1] name; says what there is instead, with @status 0 where that was asked for. */
static const struct command *command_find(int argc, char **argv, int *status)
{
	const char *verb = argc > 1 ? argv[1] : NULL;

	*status = COMMAND_USAGE;
	for (size_t i = 0; i < N_NOUNS; i++) {
		if (strcmp(nouns[i]->noun, argv[0]))
			continue;
		for (const struct command *c = nouns[i]; c->noun; c++)
			if (!c->verb || (verb && !strcmp(c->verb, verb)))
				return c;
		if (help_wanted(verb)) {
			noun_list(stdout, nouns[i]);
			puts("\nEach has its own --help.");
			*status = 0;
			return NULL;
		}
		fprintf(stderr, COMMAND_PROGRAM ": %s: one of these is needed:", argv[0]);
		for (const struct command *c = nouns[i]; c->noun; c++)
			fprintf(stderr, " %s", c->verb);
		fprintf(stderr, "\n");
		return NULL;
	}
	fprintf(stderr, COMMAND_PROGRAM ": there is no command \"%s\"; see --help\n", argv[0]);
	return NULL;
}

static int command_run(struct cli *cli, int argc, char **argv)
{
	int status;
	const struct command *command = command_find(argc, argv, &status);
	char name[64];

	if (!command)
		return status;
	snprintf(name, sizeof(name), COMMAND_PROGRAM " %s%s%s", command->noun,
		 command->verb ? " " : "", command->verb ? command->verb : "");
	argc -= !!command->verb;
	argv += !!command->verb;
	argv[0] = name;
	/* --version is an option of commands. */
	argp_program_version_hook = NULL;
	return command->run(cli, argc, argv);
}

int main(int argc, char **argv)
{
	static const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };
	static const struct argp argp = {
		.parser = global_parse,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "The center of Faultline: applications, scripts and countermeasures for gateways.\v"
		       "Commands",
		.children = children,
		.help_filter = help_filter,
	};
	struct cli cli = { .place = { .data = COMMAND_DATA_DEFAULT } };
	struct global_arguments arguments = { .cli = &cli };
	int ret;

	/* Paths in bundles are UTF-8, whatever the caller's locale. */
	setlocale(LC_CTYPE, "C.UTF-8");
	argp_err_exit_status = COMMAND_USAGE;
	argp_program_version_hook = version_print;
	cli.place.url = getenv(COMMAND_STORE_VARIABLE);
	if (cli.place.url && !store_url_valid(cli.place.url)) {
		fprintf(stderr, COMMAND_PROGRAM ": $" COMMAND_STORE_VARIABLE ": postgresql://… is needed\n");
		return COMMAND_USAGE;
	}
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	ret = command_run(&cli, argc - arguments.command, argv + arguments.command);
	xmlCleanupParser();
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, COMMAND_PROGRAM ": the output cannot be written: %m\n");
		return COMMAND_FAILED;
	}
	return ret;
}
