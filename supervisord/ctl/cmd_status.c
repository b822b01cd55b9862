// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "lib/text.h"
#include "supervisord/ctl/ctl.h"

static void print_isolation(json_t *isolation)
{
	json_t *line;
	size_t i;

	printf("isolation     Landlock %s%s, seccomp %s; memory by %s, processes by %s, kill by %s\n",
	       json_integer_value(json_object_get(isolation, "landlock")) ? "ABI " : "",
	       ctl_text(isolation, "landlock"), ctl_text(isolation, "seccomp"),
	       ctl_text(isolation, "memory"), ctl_text(isolation, "processes"),
	       ctl_text(isolation, "kill"));
	json_array_foreach(json_object_get(isolation, "missing"), i, line)
		printf("  missing     %s\n", json_string_value(line));
}

/* What is left without them is the isolation above. */
static void print_ranges(json_t *ranges)
{
	if (json_is_true(json_object_get(ranges, "possible")))
		puts("ranges        can be learnt, reported and refused, if the kernel takes the programs when the first is");
	else
		printf("ranges        not guarded: %s\n", ctl_text(ranges, "why"));
}

/* "lifecycle: 4 programs, 1150 KiB" */
static void print_probes(json_t *probes)
{
	json_t *part;
	size_t i;

	json_array_foreach(probes, i, part) {
		printf("  %-11s %s: ", i ? "" : "probes", ctl_text(part, "name"));
		if (json_integer_value(json_object_get(part, "programs")))
			printf("%s program%s, %lld KiB of kernel memory\n", ctl_text(part, "programs"),
			       text_s(ctl_number(part, "programs")),
			       json_integer_value(json_object_get(part, "memory_bytes")) / 1024);
		else
			puts("not loaded");
	}
}

static void print_signatures(json_t *signatures)
{
	json_t *key;
	size_t i;

	if (!json_is_true(json_object_get(signatures, "required"))) {
		printf("signatures    not looked at: no key is set\n");
		return;
	}
	printf("signatures    needed, keys in %s:", ctl_text(signatures, "key"));
	json_array_foreach(json_object_get(signatures, "keys"), i, key)
		printf(" %s…", json_string_value(key));
	putchar('\n');
}

/* How the boot before this one ended. */
static void print_halt(json_t *halt)
{
	if (!halt)
		return;
	printf("booted        %s, reason: %s", ctl_text(halt, "booted"), ctl_text(halt, "reason"));
	if (json_object_get(halt, "gap_s"))
		printf("; nothing is recorded of %.0f s before", ctl_number(halt, "gap_s"));
	if (json_object_get(halt, "fault"))
		printf("; fault %s", ctl_text(halt, "fault"));
	putchar('\n');
}

static void print_watchdog(json_t *watchdog)
{
	if (json_object_get(watchdog, "manager_s"))
		printf("watchdog      the service manager's, %g s\n", ctl_number(watchdog, "manager_s"));
	if (json_object_get(watchdog, "device"))
		printf("watchdog      %s, %s s\n", ctl_text(watchdog, "device"), ctl_text(watchdog, "device_s"));
	if (json_object_get(watchdog, "error"))
		printf("watchdog      none: %s\n", ctl_text(watchdog, "error"));
}

static void print(json_t *status)
{
	json_t *center = json_object_get(status, "center");
	json_t *source = json_object_get(status, "source");

	printf("gateway       %s (group %s), %s, up %.0f s\n", ctl_text(status, "gateway"),
	       ctl_text(status, "group"), ctl_text(status, "version"),
	       ctl_number(status, "uptime_s"));
	if (json_is_true(json_object_get(center, "reachable")))
		printf("center        %s\n", ctl_text(center, "url"));
	else
		printf("center        %s, not reachable: %s\n", ctl_text(center, "url"),
		       ctl_text(center, "error"));
	if (json_array_size(json_object_get(center, "centers")) > 1) {
		json_t *other;
		size_t i;

		json_array_foreach(json_object_get(center, "centers"), i, other)
			if (!json_is_true(json_object_get(other, "current")))
				printf("  or          %s\n", ctl_text(other, "url"));
	}
	print_signatures(json_object_get(status, "signatures"));
	printf("countermeasures version %s\n", ctl_text(status, "policy_version"));
	if (json_object_get(status, "policy_refused"))
		printf("  refused     %s\n", ctl_text(status, "policy_refused"));
	printf("events        list %s\n", ctl_text(status, "events"));
	if (json_object_get(status, "events_refused"))
		printf("  refused     %s; what was in force before it stays\n", ctl_text(status, "events_refused"));
	if (json_object_get(status, "services_refused"))
		printf("services      refused: %s; what was in force before it stays\n",
		       ctl_text(status, "services_refused"));
	printf("kernel events %s", ctl_text(source, "name"));
	if (json_object_get(source, "emitted"))
		printf(": %s emitted = %s delivered + %s pending + %s lost",
		       ctl_text(source, "emitted"), ctl_text(source, "delivered"),
		       ctl_text(source, "pending"), ctl_text(source, "lost"));
	putchar('\n');
	ctl_print_module(json_object_get(source, "module"));
	ctl_print_counts(json_object_get(source, "counts"));
	print_probes(json_object_get(source, "probes"));
	if (json_object_get(source, "blind"))
		printf("  not seen    %s\n", ctl_text(source, "blind"));
	if (json_object_get(source, "error"))
		printf("  error       %s\n", ctl_text(source, "error"));
	print_isolation(json_object_get(status, "isolation"));
	print_ranges(json_object_get(status, "ranges"));
	print_watchdog(json_object_get(status, "watchdog"));
	print_halt(json_object_get(status, "halt"));
	printf("applications  %s\nruns          %s\nfaults        %s",
	       ctl_text(status, "applications"), ctl_text(status, "runs"),
	       ctl_text(status, "faults"));
	if (ctl_number(status, "untold"))
		printf(", the center has yet to be told of %s", ctl_text(status, "untold"));
	putchar('\n');
	if (json_object_get(status, "store_trouble"))
		printf("  not written %s; what is new of faults waits until it can be, events are lost\n",
		       ctl_text(status, "store_trouble"));
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	if (argc > 1)
		return ctl_usage(&ctl_status_command);
	return ctl_show(options, "status", NULL, print);
}

const struct ctl_command ctl_status_command = {
	"status", "", "How the gateway stands: center, source of kernel events, counts",
	NULL, run,
};
