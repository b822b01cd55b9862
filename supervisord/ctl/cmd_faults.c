// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/ctl.h"

static const struct ctl_column columns[] = {
	{ "ID", "id" },		  { "TIME", "time" },
	{ "KIND", "kind" },	  { "APPLICATION", "application" },
	{ "VERSION", "version" }, { "STATE", "state" },
	{ "ACTION", "outcome.action" }, { NULL },
};

static int run(const struct ctl_options *options, int argc, char **argv)
{
	json_t *result = NULL;
	int limit = 50, status;

	if (!ctl_limit(argc, argv, &limit))
		return ctl_usage(&ctl_faults_command);
	status = ctl_ask(options, "faults", json_pack("{s:i}", "limit", limit), NULL, NULL,
			 &result);
	if (status)
		return status;
	if (options->json)
		ctl_print_json(result);
	else
		ctl_table(result, columns, "No fault is recorded.");
	json_decref(result);
	return CTL_OK;
}

const struct ctl_command ctl_faults_command = {
	"faults", "[-n NUMBER]", "The last faults, newest first",
	"  -n NUMBER  how many, 50 by default, 1000 at most\n", run,
};
