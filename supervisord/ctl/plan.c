// SPDX-License-Identifier: GPL-2.0-only
/* How what a script does is shown, before it runs. */
#include <stdio.h>
#include <stdlib.h>

#include "supervisord/ctl/ctl.h"

static void print_arguments(json_t *line)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(line, "arguments"), name, value) {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

		printf(" %s=%s (%s)", name, text ? text : "",
		       ctl_text(json_object_get(line, "ranges"), name));
		free(text);
	}
}

void ctl_plan_line(json_t *line)
{
	int depth = json_integer_value(json_object_get(line, "depth"));

	printf("%6s  %*s%s", ctl_text(line, "line"), 2 * depth, "",
	       ctl_text(line, json_object_get(line, "text") ? "text" : "event"));
	print_arguments(line);
	if (json_is_true(json_object_get(line, "once")))
		fputs(", once", stdout);
	if (json_object_get(line, "application"))
		printf(" -> %s %s", ctl_text(line, "application"),
		       ctl_text(line, "processing"));
	if (json_object_get(line, "timeout_s"))
		printf(", within %s s", ctl_text(line, "timeout_s"));
	putchar('\n');
}

void ctl_plan(json_t *summary)
{
	json_int_t n = json_integer_value(json_object_get(summary, "steps"));
	json_int_t left_out = json_integer_value(json_object_get(summary, "left_out"));
	size_t i;
	json_t *application;

	if (left_out)
		printf("        and %" JSON_INTEGER_FORMAT " lines more\n", left_out);
	printf("%s: valid; at most %" JSON_INTEGER_FORMAT " step%s", ctl_text(summary, "service"),
	       n, n == 1 ? "" : "s");
	if (!json_array_size(json_object_get(summary, "absent"))) {
		printf(" and %s s\n", ctl_text(summary, "duration_s"));
		return;
	}
	printf("; how long they may take is not known without the data of");
	json_array_foreach(json_object_get(summary, "absent"), i, application)
		printf("%s %s", i ? "," : "", json_string_value(application));
	putchar('\n');
}
