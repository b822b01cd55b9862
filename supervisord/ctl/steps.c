// SPDX-License-Identifier: GPL-2.0-only
/* How the steps of a script are shown, before it runs. */
#include <stdio.h>

#include "supervisord/ctl/ctl.h"

static void print_arguments(json_t *step)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(step, "arguments"), name, value) {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

		printf(" %s=%s (%s)", name, text ? text : "",
		       ctl_text(json_object_get(step, "ranges"), name));
		free(text);
	}
}

void ctl_step(json_t *step)
{
	printf("%6s  %s", ctl_text(step, "line"), ctl_text(step, "event"));
	print_arguments(step);
	if (json_object_get(step, "application"))
		printf(" -> %s %s", ctl_text(step, "application"),
		       ctl_text(step, "processing"));
	if (json_object_get(step, "timeout_s"))
		printf(", within %s s", ctl_text(step, "timeout_s"));
	putchar('\n');
}

void ctl_plan(json_t *summary, json_int_t shown)
{
	json_int_t n = json_integer_value(json_object_get(summary, "steps"));
	size_t i;
	json_t *application;

	if (shown < n)
		printf("        and %" JSON_INTEGER_FORMAT " more\n", n - shown);
	printf("%s: valid, %" JSON_INTEGER_FORMAT " step%s", ctl_text(summary, "service"), n,
	       n == 1 ? "" : "s");
	if (!json_array_size(json_object_get(summary, "absent"))) {
		printf(", %s s at most\n", ctl_text(summary, "duration_s"));
		return;
	}
	printf("; how long they may take is not known without the data of");
	json_array_foreach(json_object_get(summary, "absent"), i, application)
		printf("%s %s", i ? "," : "", json_string_value(application));
	putchar('\n');
}
