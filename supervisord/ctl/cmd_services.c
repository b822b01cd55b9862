// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/ctl.h"

static void print(json_t *services)
{
	static const struct ctl_column columns[] = {
		{ "SERVICE", "service" }, { "CALENDAR", "calendar" }, { "EVENT", "on_event" },
		{ "ASKED BY", "author" }, { "NEXT", "next" },	      { "LAST", "last" },
		{ "RUNS", "runs" },	  { "OUTCOME", "outcome" },   { NULL, NULL },
	};

	ctl_table(services, columns,
		  "no service runs by itself; services.xml names none, and the center has requested none");
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	if (argc > 1)
		return ctl_usage(&ctl_services_command);
	return ctl_show(options, "services", NULL, print);
}

const struct ctl_command ctl_services_command = {
	"services", "", "The services that run by timetable, by event or by request of the center", NULL, run,
};
