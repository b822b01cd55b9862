// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "supervisord/ctl/ctl.h"

static const struct ctl_column columns[] = {
	{ "ID", "id" },		  { "TIME", "time" },
	{ "KIND", "kind" },	  { "APPLICATION", "application" },
	{ "VERSION", "version" }, { "STATE", "state" },
	{ "ACTION", "outcome.action" }, { NULL },
};

static void print(json_t *faults)
{
	ctl_table(faults, columns, "No fault is recorded.");
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	bool limited = argc == 3 && (!strcmp(argv[1], "-n") || !strcmp(argv[1], "--number"));
	int limit = 50;

	if (argc != 1 && !limited)
		return ctl_usage(&ctl_faults_command);
	if (limited && !ctl_count(argv[2], &limit))
		return ctl_wrong(&ctl_faults_command, argv[2], CTL_COUNT_WHY);
	return ctl_show(options, "faults", json_pack("{s:i}", "limit", limit), print);
}

const struct ctl_command ctl_faults_command = {
	"faults", "[-n NUMBER]", "The last faults, newest first",
	"  -n, --number=NUMBER  how many, 50 by default, 1000 at most\n", run,
};
