// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "supervisord/ctl/ctl.h"

static void print_line(void *user, const char *method, json_t *line)
{
	const struct ctl_options *options = user;

	if (strcmp(method, "log"))
		return;
	if (options->json) {
		json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
		putchar('\n');
	} else {
		printf("%s %s[%s] %s\n", ctl_text(line, "time"), ctl_text(line, "application"),
		       ctl_text(line, "pid"), ctl_text(line, "text"));
	}
	fflush(stdout);
}

/* Return: the application, or NULL when the words are off. */
static const char *arguments_parse(int argc, char **argv, int *limit, bool *follow)
{
	const char *application = NULL;
	char rest;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-f") || !strcmp(argv[i], "--follow")) {
			*follow = true;
		} else if (!strcmp(argv[i], "-n") && i + 1 < argc) {
			if (sscanf(argv[++i], "%d%c", limit, &rest) != 1 || *limit < 1)
				return NULL;
		} else if (application || argv[i][0] == '-') {
			return NULL;
		} else {
			application = argv[i];
		}
	}
	return application;
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	json_t *result = NULL;
	bool follow = false;
	int limit = 50, status;
	const char *application = arguments_parse(argc, argv, &limit, &follow);

	if (!application)
		return ctl_usage(&ctl_logs_command);
	status = ctl_ask(options, "logs",
			 json_pack("{s:s, s:i, s:b}", "application", application, "limit",
				   limit, "follow", follow),
			 print_line, (void *)options, &result);
	json_decref(result);
	return status;
}

const struct ctl_command ctl_logs_command = {
	"logs", "APP [-n NUMBER] [-f]", "What an application wrote to its standard error",
	"  -n NUMBER     how many of the last lines, 50 by default, 1000 at most\n"
	"  -f, --follow  go on with each new line, until interrupted\n"
	"\n"
	"The log of an application is kept when it is deleted: its last 256 to 512 KiB.\n"
	"With --json: one object a line.\n",
	run,
};
