// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/text.h"
#include "supervisord/ctl/ctl.h"

/* What fits a line of the control socket however it has to be written there. */
#define LIST_SIZE_MAX (48 << 10)

static void print_set(json_t *result)
{
	printf("%s event%s", ctl_text(result, "events"), text_s(ctl_number(result, "events")));
	if (json_is_true(json_object_get(result, "in_force")))
		puts(", in force for services that start from now on");
	else
		printf(" kept in events.xml, but list %s is in force; \"faultctl switch default\" changes that\n",
		       ctl_text(result, "list"));
}

static int list_set(const struct ctl_options *options, const char *path)
{
	__cleanup_free char *text = NULL;
	struct error err = { 0 };
	json_t *params;

	text = file_read(path, LIST_SIZE_MAX, NULL, &err);
	params = text ? json_pack("{s:s, s:s}", "name", path, "text", text) : NULL;
	if (!params) {
		fprintf(stderr, "faultctl: %s\n", err.code == -EFBIG ?
			"the list is longer than 48 KiB; put it in the place of events.xml, the gateway sees that" :
			err.code ? err.text : "the list is not UTF-8");
		return CTL_FAILED;
	}
	return ctl_show(options, "events-set", params, print_set);
}

static void print_list(json_t *list)
{
	static const struct ctl_column columns[] = {
		{ "EVENT", "event" },
		{ "APPLICATION", "application" },
		{ "PROCESSING", "processing" },
		{ NULL, NULL },
	};

	ctl_table(list, columns, "the list of events is empty");
}

static int list_show(const struct ctl_options *options)
{
	return ctl_show(options, "events-list", NULL, print_list);
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "set"))
		return list_set(options, argv[2]);
	if (argc == 2 && !strcmp(argv[1], "show"))
		return list_show(options);
	return ctl_usage(&ctl_events_list_command);
}

const struct ctl_command ctl_events_list_command = {
	"events-list", "show | set FILE", "Show or exchange the list of events",
	"FILE takes the place of events.xml once all of it is good; a bad one is refused and\n"
	"the old one stays. A run that is under way ends on the list it began with.\n",
	run,
};
