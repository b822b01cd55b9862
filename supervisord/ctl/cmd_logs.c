// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
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

struct words {
	const char *application;
	int limit;
	bool follow;
};

static int words_parse(int argc, char **argv, struct words *words)
{
	static const struct option longs[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "number", required_argument, NULL, 'n' },
		{ NULL },
	};
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "fn:", longs, NULL)) >= 0)
		if (c == 'f')
			words->follow = true;
		else if (c != 'n')
			return ctl_usage(&ctl_logs_command);
		else if (!ctl_count(optarg, &words->limit))
			return ctl_wrong(&ctl_logs_command, optarg, CTL_COUNT_WHY);
	words->application = argv[optind];
	return optind + 1 == argc ? CTL_OK : ctl_usage(&ctl_logs_command);
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	struct words words = { .limit = 50 };
	json_t *result = NULL;
	int status = words_parse(argc, argv, &words);

	if (status)
		return status;
	status = ctl_ask(options, "logs",
			 json_pack("{s:s, s:i, s:b}", "application", words.application, "limit",
				   words.limit, "follow", words.follow),
			 print_line, (void *)options, &result);
	json_decref(result);
	return status;
}

const struct ctl_command ctl_logs_command = {
	"logs", "APP [-n NUMBER] [-f]", "What an application wrote to its standard error",
	"  -n, --number=NUMBER  how many of the last lines, 50 by default, 1000 at most\n"
	"  -f, --follow         go on with each new line, until interrupted\n"
	"\n"
	"The log of an application is kept when it is deleted: its last 256 to 512 KiB.\n"
	"With --json: one object a line.\n",
	run,
};
