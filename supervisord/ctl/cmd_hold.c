// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "supervisord/ctl/ctl.h"

static int ask(const struct ctl_options *options, const char *method, json_t *params,
	       json_t **result)
{
	int status = ctl_ask(options, method, params, NULL, NULL, result);

	if (!status && options->json)
		ctl_print_json(*result);
	return status;
}

static int hold(const struct ctl_options *options, int argc, char **argv)
{
	json_t *result = NULL, *params;
	int seconds = -1, status;
	char rest;

	if (argc == 3 && !strcmp(argv[2], "off"))
		seconds = 0;
	else if (argc == 3 && (sscanf(argv[2], "%d%c", &seconds, &rest) != 1 || seconds < 1))
		return ctl_usage(&ctl_hold_command);
	if (argc < 2 || argc > 3)
		return ctl_usage(&ctl_hold_command);
	params = json_pack("{s:s}", "application", argv[1]);
	if (seconds >= 0)
		json_object_set_new(params, "seconds", json_integer(seconds));
	status = ask(options, "hold", params, &result);
	if (status)
		return status;
	if (!options->json && !seconds)
		printf("faults of %s are not held\n", argv[1]);
	else if (!options->json)
		printf("the next fault of %s is held for %s s; \"faultctl release %s\" ends that\n",
		       argv[1], ctl_text(result, "seconds"), argv[1]);
	json_decref(result);
	return CTL_OK;
}

static int release(const struct ctl_options *options, int argc, char **argv)
{
	json_t *result = NULL;
	int status;

	if (argc != 2)
		return ctl_usage(&ctl_release_command);
	status = ask(options, "release", json_pack("{s:s}", "application", argv[1]), &result);
	if (!status && !options->json)
		printf("the held fault of %s goes on\n", argv[1]);
	json_decref(result);
	return status;
}

const struct ctl_command ctl_hold_command = {
	"hold", "APP [SECONDS|off]", "Hold the application's next fatal fault, to look at it",
	"Its process waits in the kernel as it was at the fault, 600 seconds by default, and\n"
	"\"gdb -p PID\" shows it; what is to be done about the fault waits. It goes on when the\n"
	"time is over, on \"faultctl release APP\", when the debugger lets it, or is killed.\n"
	"Needs the kernel module.\n", hold,
};

const struct ctl_command ctl_release_command = {
	"release", "APP", "Let the application's held fault go on", NULL, release,
};
