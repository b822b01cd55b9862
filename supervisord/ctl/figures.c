// SPDX-License-Identifier: GPL-2.0-only
/* Figures in a fault's data (docs/formats.md, "Fault"), for a person. */
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "supervisord/ctl/ctl.h"

/* Its names have dots of their own, which ctl_text() takes for a path. */
static json_t *file(json_t *group, const char *name)
{
	return json_object_get(group, name);
}

static void print_bytes(json_t *value)
{
	if (json_is_integer(value))
		printf("%.1f MiB", json_integer_value(value) / 1048576.);
	else
		printf("no limit");
}

static void print_count(json_t *value)
{
	if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		printf("no limit");
}

/* The kernel counts from when the group was made: those that never happened say nothing. */
static void print_events(json_t *events)
{
	const char *name, *before = "; events: ";
	json_t *count;

	json_object_foreach(events, name, count) {
		if (json_integer_value(count) <= 0)
			continue;
		printf("%s%s %" JSON_INTEGER_FORMAT, before, name, json_integer_value(count));
		before = ", ";
	}
}

static void print_usage(json_t *group, const char *title, const char *controller,
			void (*print_value)(json_t *value))
{
	char name[32];
	json_t *value;

#define FILE_OF(what) (snprintf(name, sizeof(name), "%s." what, controller), file(group, name))
	value = FILE_OF("current");
	if (!value)
		return;
	printf("  %-13s ", title);
	print_value(value);
	value = FILE_OF("max");
	if (value) {
		printf(" of ");
		print_value(value);
	}
	value = FILE_OF("peak");
	if (value) {
		printf(", at most ");
		print_value(value);
	}
	print_events(FILE_OF("events"));
	putchar('\n');
#undef FILE_OF
}

/* Where nothing holds it together, of its first process alone. */
static void print_process(json_t *process)
{
	if (!json_object_get(process, "VmHWM"))
		return;
	printf("  process       ");
	if (json_object_get(process, "VmRSS")) {
		print_bytes(json_object_get(process, "VmRSS"));
		printf(" resident, ");
	}
	printf("at most ");
	print_bytes(json_object_get(process, "VmHWM"));
	if (json_object_get(process, "Threads"))
		printf(", %s thread%s", ctl_text(process, "Threads"),
		       text_s(ctl_number(process, "Threads")));
	putchar('\n');
}

static void print_cpu(json_t *stat)
{
	if (!stat)
		return;
	printf("  CPU           %.2f s", ctl_number(stat, "usage_usec") / 1e6);
	if (ctl_number(stat, "nr_throttled") > 0)
		printf(", held back %s time%s for %.2f s", ctl_text(stat, "nr_throttled"),
		       text_s(ctl_number(stat, "nr_throttled")),
		       ctl_number(stat, "throttled_usec") / 1e6);
	putchar('\n');
}

static void print_stall(const char *title, const char *resource, json_t *pressure, bool *begun)
{
	if (!pressure)
		return;
	if (*begun)
		printf(", ");
	else
		printf("  %-13s ", title);
	*begun = true;
	printf("%s %.1f %%", resource, ctl_number(pressure, "some.avg10"));
}

static void print_stalls(const char *title, json_t *object, const char *format)
{
	static const char *const resources[] = { "cpu", "memory", "io" };
	bool begun = false;

	for (int i = 0; i < 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s%s", resources[i], format);
		print_stall(title, resources[i], file(object, name), &begun);
	}
	if (begun)
		printf(" of the last 10 s\n");
}

static void print_limits(json_t *limits)
{
	const char *name;
	json_t *limit;
	bool begun = false;

	json_object_foreach(limits, name, limit) {
		if (!json_is_integer(json_object_get(limit, "soft")))
			continue;
		printf("%s%s %" JSON_INTEGER_FORMAT, begun ? ", " : "  rlimits       ", name,
		       json_integer_value(json_object_get(limit, "soft")));
		begun = true;
	}
	if (begun)
		putchar('\n');
}

void ctl_print_figures(json_t *data)
{
	json_t *figures = json_object_get(data, "figures");
	json_t *group = json_object_get(figures, "cgroup");

	if (!figures)
		return;
	puts("figures");
	print_usage(group, "memory", "memory", print_bytes);
	print_usage(group, "processes", "pids", print_count);
	print_process(json_object_get(figures, "process"));
	print_cpu(file(group, "cpu.stat"));
	print_stalls("waited for", group, ".pressure");
	print_stalls("gateway waits", json_object_get(figures, "pressure"), "");
	print_limits(json_object_get(figures, "limits"));
}
