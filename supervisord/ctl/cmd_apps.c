// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/ctl.h"

static const struct ctl_column columns[] = {
	{ "NAME", "name" },   { "VERSION", "version" },	  { "STATE", "state" },
	{ "PID", "pid" },     { "STANDBY", "standby" },	  { "RESIDENCE", "residence" }, { "RESTARTS", "restarts" },
	{ "STATUS", "status" },
	{ NULL },
};

static int run(const struct ctl_options *options, int argc, char **argv)
{
	json_t *result = NULL;
	int status;

	if (argc > 1)
		return ctl_usage(&ctl_apps_command);
	status = ctl_ask(options, "applications", NULL, NULL, NULL, &result);
	if (status)
		return status;
	if (options->json)
		ctl_print_json(result);
	else
		ctl_table(result, columns, "No application is on this gateway.");
	json_decref(result);
	return CTL_OK;
}

const struct ctl_command ctl_apps_command = {
	"apps", "", "The applications on this gateway and their states", NULL, run,
};
