// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/ctl.h"

static const struct ctl_column columns[] = {
	{ "TIME", "time" }, { "PART", "part" }, { "EVENT", "name" }, { "TEXT", "text" },
	{ NULL },
};

/* The newest come first from the gateway; a person reads downwards. */
static json_t *reversed(json_t *array)
{
	json_t *other = json_array();

	for (size_t i = json_array_size(array); i--;)
		json_array_append(other, json_array_get(array, i));
	json_decref(array);
	return other;
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	json_t *result = NULL;
	int limit = 50, status;

	if (!ctl_limit(argc, argv, &limit))
		return ctl_usage(&ctl_events_command);
	status = ctl_ask(options, "events", json_pack("{s:i}", "limit", limit), NULL, NULL,
			 &result);
	if (status)
		return status;
	result = reversed(result);
	if (options->json)
		ctl_print_json(result);
	else
		ctl_table(result, columns, "No event is recorded.");
	json_decref(result);
	return CTL_OK;
}

const struct ctl_command ctl_events_command = {
	"events", "[-n NUMBER]", "The last events, oldest first",
	"  -n NUMBER  how many, 50 by default, 1000 at most\n", run,
};
