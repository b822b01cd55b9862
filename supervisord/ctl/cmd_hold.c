// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "supervisord/ctl/ctl.h"

static void print_all(json_t *holds)
{
	static const struct ctl_column columns[] = {
		{ "APPLICATION", "application" }, { "HELD", "held" }, { "PID", "pid" },
		{ "THREAD", "tid" },		  { "SIGNAL", "signal" }, { "LEFT", "left_s" },
		{ "NEXT FAULT", "seconds" },	  { NULL },
	};

	ctl_table(holds, columns, "No fault is held, and none is to be.");
}

static void print_set(json_t *hold)
{
	const char *application = ctl_text(hold, "application");

	if (!json_integer_value(json_object_get(hold, "seconds")))
		printf("faults of %s are not held\n", application);
	else
		printf("the next fault of %s is held for %s s; \"faultctl release %s\" ends that\n",
		       application, ctl_text(hold, "seconds"), application);
}

static int hold(const struct ctl_options *options, int argc, char **argv)
{
	int seconds = -1;
	json_t *params;
	char rest;

	if (argc == 1)
		return ctl_show(options, "holds", NULL, print_all);
	if (argc == 3 && !strcmp(argv[2], "off"))
		seconds = 0;
	else if (argc == 3 && (sscanf(argv[2], "%d%c", &seconds, &rest) != 1 || seconds < 1))
		return ctl_usage(&ctl_hold_command);
	if (argc > 3)
		return ctl_usage(&ctl_hold_command);
	params = json_pack("{s:s}", "application", argv[1]);
	if (seconds >= 0)
		json_object_set_new(params, "seconds", json_integer(seconds));
	return ctl_show(options, "hold", params, print_set);
}

static void print_released(json_t *result)
{
	printf("the held fault of %s goes on\n", ctl_text(result, "application"));
}

static int release(const struct ctl_options *options, int argc, char **argv)
{
	if (argc != 2)
		return ctl_usage(&ctl_release_command);
	return ctl_show(options, "release", json_pack("{s:s}", "application", argv[1]), print_released);
}

const struct ctl_command ctl_hold_command = {
	"hold", "[APP [SECONDS|off]]", "Hold the application's next fatal fault, to look at it",
	"Its process waits in the kernel as it was at the fault, 600 seconds by default, and\n"
	"\"gdb -p PID\" shows it; what is to be done about the fault waits. It goes on when the\n"
	"time is over, on \"faultctl release APP\", when the debugger lets it, or is killed.\n"
	"Without APP: what is held now, and whose next fault is to be. Needs the kernel module.\n", hold,
};

const struct ctl_command ctl_release_command = {
	"release", "APP", "Let the application's held fault go on", NULL, release,
};
