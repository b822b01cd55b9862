// SPDX-License-Identifier: GPL-2.0-only
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

static void print_progress(void *user, const char *method, json_t *params)
{
	const struct ctl_options *options = user;
	const char *part = ctl_text(params, "part");

	if (strcmp(method, "progress"))
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
	json_t *result = NULL;
	int status;

	if (argc == 3 && !strcmp(argv[2], "--dry-run"))
		return dry_run(options, argv[1]);
	if (argc == 3 && !strcmp(argv[1], "--dry-run"))
		return dry_run(options, argv[2]);
	if (argc != 2)
		return ctl_usage(&ctl_run_command);
	signal(SIGINT, interrupted);
	status = ctl_ask(options, "run", json_pack("{s:s}", "service", argv[1]),
			 print_progress, (void *)options, &result);
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
	"run", "[--dry-run] SERVICE", "Run a service and show what happens until it is finished",
	"Each line has the milliseconds since the request, the part of the system that\n"
	"speaks, and what happened. With --json: one object a line, the result last.\n"
	"The service goes on when this command is interrupted.\n\n"
	"  --dry-run  fetch and check the script, and show what it would do (as \"script check\"\n"
	"             does, the first 1000 lines), without fetching or starting an application\n",
	run,
};
