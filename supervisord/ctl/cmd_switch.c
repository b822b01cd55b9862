// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "supervisord/ctl/ctl.h"

static void print(json_t *result)
{
	printf("list of events %s is in force\n", ctl_text(result, "events"));
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	if (argc != 2)
		return ctl_usage(&ctl_switch_command);
	return ctl_show(options, "switch", json_pack("{s:s}", "list", argv[1]), print);
}

const struct ctl_command ctl_switch_command = {
	"switch", "LIST", "Put another list of events in force, for services that start from now on",
	"LIST is NAME of events-NAME.xml in the configuration folder, or \"default\" for\n"
	"events.xml. The choice survives a restart; \"faultctl status\" shows it.\n",
	run,
};
