// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/ctl.h"

static int run(const struct ctl_options *options, int argc, char **argv)
{
	static const struct ctl_column columns[] = {
		{ "SERVICE", "service" }, { "CALENDAR", "calendar" }, { "EVENT", "on_event" },
		{ "NEXT", "next" },	  { "LAST", "last" },	      { "RUNS", "runs" },
		{ "OUTCOME", "outcome" }, { NULL, NULL },
	};
	json_t *result = NULL;
	int status;

	if (argc > 1)
		return ctl_usage(&ctl_services_command);
	status = ctl_ask(options, "services", NULL, NULL, NULL, &result);
	if (status)
		return status;
	if (options->json)
		ctl_print_json(result);
	else
		ctl_table(result, columns, "no service runs by itself; services.xml names none");
	json_decref(result);
	return CTL_OK;
}

const struct ctl_command ctl_services_command = {
	"services", "", "The services that run by timetable or by event", NULL, run,
};
