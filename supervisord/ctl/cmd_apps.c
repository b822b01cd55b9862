// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/ctl.h"

static const struct ctl_column columns[] = {
	{ "NAME", "name" },   { "VERSION", "version" },	  { "STATE", "state" },
	{ "PID", "pid" },     { "STANDBY", "standby" },	  { "RESIDENCE", "residence" }, { "RESTARTS", "restarts" },
	{ "STATUS", "status" },
	{ NULL },
};

static void print(json_t *apps)
{
	ctl_table(apps, columns, "No application is on this gateway.");
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	if (argc > 1)
		return ctl_usage(&ctl_apps_command);
	return ctl_show(options, "applications", NULL, print);
}

const struct ctl_command ctl_apps_command = {
	"apps", "", "The applications on this gateway and their states", NULL, run,
};
