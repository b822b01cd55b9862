// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "supervisord/ctl/ctl.h"

static void print(json_t *range)
{
	static const struct ctl_column columns[] = {
		{ "WHAT", "type" }, { "NAME", "name" }, { "ACCESS", "access" }, { "PORT", "port" },
		{ NULL, NULL },
	};

	printf("range of %s: %s%s\n", ctl_text(range, "application"), ctl_text(range, "mode"),
	       json_is_true(json_object_get(range, "complete")) ||
	       !json_array_size(json_object_get(range, "entries")) ? "" : ", incomplete");
	if (json_object_get(range, "why"))
		printf("  not guarded %s\n", ctl_text(range, "why"));
	ctl_table(json_object_get(range, "entries"), columns, "nothing was learnt");
}

/* What is asked of the gateway; NULL: the words are off. */
static const char *action_of(int argc, char **argv)
{
	if (argc == 3 && (!strcmp(argv[1], "show") || !strcmp(argv[1], "learn")))
		return argv[1];
	if (argc == 4 && !strcmp(argv[1], "set") && strcmp(argv[3], "learn") && strcmp(argv[3], "show"))
		return argv[3];
	return NULL;
}

static void print_mode(json_t *range)
{
	printf("range of %s: %s\n", ctl_text(range, "application"), ctl_text(range, "mode"));
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	const char *action = action_of(argc, argv);

	if (!action)
		return ctl_usage(&ctl_range_command);
	return ctl_show(options, "range", json_pack("{s:s, s:s}", "application", argv[2], "action", action),
			strcmp(argv[1], "show") ? print_mode : print);
}

const struct ctl_command ctl_range_command = {
	"range", "learn|show|set APP [MODE]",
	"What an application may open, execute, connect to: learn it, then guard it",
	"range learn APP         note what it does from now on, beginning anew\n"
	"range set APP report    end that; what is beyond is a fault, range.*\n"
	"range set APP refuse    likewise, and it fails\n"
	"range set APP off       leave it alone\n"
	"range show APP          what its range is, or what was noted so far\n"
	"\n"
	"The choice survives a restart. What was learnt is in ranges/APP.xml below the\n"
	"state folder and may be edited. See docs/probes.md, \"The range of operation\".\n",
	run,
};
