// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisord/ctl/ctl.h"

#define SOCKET "/run/faultline/control.sock"

static const struct ctl_command *const commands[] = {
	&ctl_status_command, &ctl_apps_command, &ctl_run_command, &ctl_runs_command, &ctl_stop_command,
	&ctl_script_command, &ctl_services_command, &ctl_events_command, &ctl_faults_command, &ctl_fault_command,
	&ctl_logs_command, &ctl_range_command, &ctl_switch_command, &ctl_events_list_command, &ctl_hold_command,
	&ctl_release_command,
};

/* Where the summaries begin. */
#define SUMMARY_COLUMN 37

#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

static void help(void)
{
	puts("Usage: faultctl [OPTION]... COMMAND\n"
	     "Ask the gateway and let it run services.\n");
	for (size_t i = 0; i < N_COMMANDS; i++) {
		int width = printf("  %s %s", commands[i]->name, commands[i]->arguments);

		/* What is too long for its column has the summary on a line of its own. */
		if (width >= SUMMARY_COLUMN) {
			putchar('\n');
			width = 0;
		}
		printf("%*s%s\n", SUMMARY_COLUMN - width, "", commands[i]->summary);
	}
	puts("\n"
	     "  -s, --socket=FILE  the gateway's socket, " SOCKET " by default;\n"
	     "                     $FAULTLINE_SOCKET is looked at as well\n"
	     "  -j, --json         print JSON\n"
	     "  -h, --help         this text; behind a command: about that command\n"
	     "  -V, --version      the version\n"
	     "\n"
	     "Exit status: 0 done, 1 the gateway refuses or failed, 2 wrong usage,\n"
	     "3 the gateway does not answer. See faultctl(1).");
}

static void usage_print(FILE *to, const struct ctl_command *command)
{
	fprintf(to, "Usage: faultctl [OPTION]... %s%s%s\n", command->name,
		*command->arguments ? " " : "", command->arguments);
}

static void command_help(const struct ctl_command *command)
{
	usage_print(stdout, command);
	printf("%s.\n", command->summary);
	if (command->help)
		printf("\n%s", command->help);
}

int ctl_usage(const struct ctl_command *command)
{
	usage_print(stderr, command);
	fprintf(stderr, "Try \"faultctl %s --help\".\n", command->name);
	return CTL_USAGE;
}

int ctl_wrong(const struct ctl_command *command, const char *word, const char *why)
{
	fprintf(stderr, "faultctl: %s: %s\n", word, why);
	return ctl_usage(command);
}

bool ctl_count(const char *text, int *n)
{
	char rest;

	return sscanf(text, "%d%c", n, &rest) == 1 && *n >= 1 && *n <= CTL_COUNT_MAX;
}

static int command_run(const struct ctl_options *options, int argc, char **argv)
{
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i]->name, argv[0]))
			continue;
		/* As in "faultctl script check --help". */
		for (int k = 1; k < argc; k++)
			if (!strcmp(argv[k], "--help") || !strcmp(argv[k], "-h")) {
				command_help(commands[i]);
				return CTL_OK;
			}
		return commands[i]->run(options, argc, argv);
	}
	fprintf(stderr, "faultctl: there is no command \"%s\"; try \"faultctl --help\"\n",
		argv[0]);
	return CTL_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL },
	};
	struct ctl_options options = {
		.socket = getenv("FAULTLINE_SOCKET"),
		.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
	};
	int c;

	/* Options end where the command begins; what follows is the command's. */
	while ((c = getopt_long(argc, argv, "+s:jhV", longs, NULL)) >= 0)
		switch (c) {
		case 's':
			options.socket = optarg;
			break;
		case 'j':
			options.json = true;
			break;
		case 'h':
			help();
			return CTL_OK;
		case 'V':
			puts("faultctl " FAULTLINE_VERSION);
			return CTL_OK;
		default:
			fputs("Try \"faultctl --help\".\n", stderr);
			return CTL_USAGE;
		}
	if (!options.socket)
		options.socket = SOCKET;
	if (optind == argc) {
		help();
		return CTL_USAGE;
	}
	/* As in "faultctl status --json", wherever it stands. */
	for (int i = optind + 1; i < argc;)
		if (!strcmp(argv[i], "--json")) {
			options.json = true;
			memmove(&argv[i], &argv[i + 1], (argc-- - i) * sizeof(*argv));
		} else {
			i++;
		}
	return command_run(&options, argc - optind, argv + optind);
}
