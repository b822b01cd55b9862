// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

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

/* What is shown is not what stands in the file. */
static void refused_tell(const struct ctl_options *options)
{
	json_t *status = NULL;

	if (ctl_ask(options, "status", NULL, NULL, NULL, &status))
		return;
	if (json_object_get(status, "services_refused"))
		fprintf(stderr, "faultctl: %s; the services before it stay in force\n",
			ctl_text(status, "services_refused"));
	json_decref(status);
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	int status;

	if (argc > 1)
		return ctl_usage(&ctl_services_command);
	status = ctl_show(options, "services", NULL, print);
	if (!status)
		refused_tell(options);
	return status;
}

const struct ctl_command ctl_services_command = {
	"services", "", "The services that run by timetable, by event or by request of the center", NULL, run,
};
