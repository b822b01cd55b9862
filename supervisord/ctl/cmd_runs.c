// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "supervisord/ctl/ctl.h"

static void print(json_t *runs)
{
	static const struct ctl_column columns[] = {
		{ "SERVICE", "service" }, { "STATE", "state" }, { "SECONDS", "seconds" }, { "FAULTS", "faults" },
		{ "STEP", "step" },	  { "OF", "steps" },	{ "LINE", "line" },	  { "EVENT", "event" },
		{ NULL },
	};

	ctl_table(runs, columns, "No service is running.");
}

static int runs(const struct ctl_options *options, int argc, char **argv)
{
	if (argc > 1)
		return ctl_usage(&ctl_runs_command);
	return ctl_show(options, "runs", NULL, print);
}

static void print_stopped(json_t *result)
{
	printf("%s is stopped; its transient applications are ended\n", ctl_text(result, "service"));
}

static int stop(const struct ctl_options *options, int argc, char **argv)
{
	if (argc != 2)
		return ctl_usage(&ctl_stop_command);
	return ctl_show(options, "stop", json_pack("{s:s}", "service", argv[1]), print_stopped);
}

const struct ctl_command ctl_runs_command = {
	"runs", "", "The services that run now, and where their scripts stand", NULL, runs,
};

const struct ctl_command ctl_stop_command = {
	"stop", "SERVICE", "End a service that runs: no further step of its script is done",
	"It has failed then. What an application does at this moment is not waited for: what\n"
	"it has done to the equipment stays as it is. A resident application goes on running.\n",
	stop,
};
