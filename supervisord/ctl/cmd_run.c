// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisord/ctl/ctl.h"

/* Which color a part of the system has on a terminal. */
static const char *part_color(const char *part)
{
	static const struct {
		const char *part;
		const char *color;
	} colors[] = {
		{ "kernel", "31;1" },	   { "fault", "31" },	  { "center", "35" },
		{ "restoration", "32;1" }, { "remote", "34" },	  { "runtime", "36" },
		{ "script", "0" },	   { "application", "2" },
	};

	for (size_t i = 0; i < sizeof(colors) / sizeof(*colors); i++)
		if (!strcmp(colors[i].part, part))
			return colors[i].color;
	return "0";
}

/* struct view - how a run is shown; @children: also each child of an application that ends by itself */
struct view {
	const struct ctl_options *options;
	bool children;
};

/* A shell has one for each command; one that a signal ends is worth a line. */
static bool child_ended(json_t *params)
{
	const json_t *data = json_object_get(params, "data");

	return !strcmp(ctl_text(params, "event"), "process.ended") &&
	       json_is_false(json_object_get(data, "main")) && !json_object_get(data, "signal");
}

static void print_progress(void *user, const char *method, json_t *params)
{
	const struct view *view = user;
	const struct ctl_options *options = view->options;
	const char *part = ctl_text(params, "part");

	if (strcmp(method, "progress") || (!options->json && !view->children && child_ended(params)))
		return;
	if (options->json) {
		json_dumpf(params, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
		putchar('\n');
	} else if (options->color) {
		printf("%10.2f ms  \033[%sm%-11s %s\033[0m\n", ctl_number(params, "t_ms"),
		       part_color(part), part, ctl_text(params, "text"));
	} else {
		printf("%10.2f ms  %-11s %s\n", ctl_number(params, "t_ms"), part,
		       ctl_text(params, "text"));
	}
	fflush(stdout);
}

static void print_line(void *user, const char *method, json_t *params)
{
	const struct ctl_options *options = user;

	if (strcmp(method, "line"))
		return;
	if (!options->json) {
		ctl_plan_line(params);
		return;
	}
	json_dumpf(params, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
	putchar('\n');
}

static int dry_run(const struct ctl_options *options, const char *service)
{
	json_t *result = NULL;
	int status = ctl_ask(options, "plan", json_pack("{s:s}", "service", service),
			     print_line, (void *)options, &result);

	if (status)
		return status;
	if (options->json) {
		json_dumpf(result, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
		putchar('\n');
	} else {
		ctl_plan(result);
	}
	json_decref(result);
	return CTL_OK;
}

/* Who ends the command may take that for the end of the service. */
static void interrupted(int number)
{
	static const char text[] = "\nfaultctl: the service goes on; \"faultctl events -f\" shows how\n";
	ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)written;
	signal(number, SIG_DFL);
	raise(number);
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "dry-run", no_argument, NULL, 'd' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL },
	};
	struct view view = { .options = options };
	json_t *result = NULL;
	bool dry = false;
	int status, c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "v", longs, NULL)) >= 0)
		switch (c) {
		case 'd':
			dry = true;
			break;
		case 'v':
			view.children = true;
			break;
		default:
			return ctl_usage(&ctl_run_command);
		}
	if (optind != argc - 1)
		return ctl_usage(&ctl_run_command);
	if (dry)
		return dry_run(options, argv[optind]);
	signal(SIGINT, interrupted);
	status = ctl_ask(options, "run", json_pack("{s:s}", "service", argv[optind]),
			 print_progress, &view, &result);
	if (status)
		return status;
	if (options->json) {
		json_dumpf(result, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
		putchar('\n');
	}
	json_decref(result);
	return CTL_OK;
}

const struct ctl_command ctl_run_command = {
	"run", "[--dry-run] [-v] SERVICE", "Run a service and show what happens until it is finished",
	"Each line has the milliseconds since the request, the part of the system that\n"
	"speaks, and what happened. With --json: one object a line, the result last.\n"
	"The service goes on when this command is interrupted.\n\n"
	"  --dry-run      fetch and check the script, and show what it would do (as \"script check\"\n"
	"                 does, the first 1000 lines), without fetching or starting an application\n"
	"  -v, --verbose  show also each end of an application's child process; otherwise, without\n"
	"                 --json, only of one that a signal ended\n",
	run,
};
