// SPDX-License-Identifier: GPL-2.0-only
/* The source of kernel events in "faultctl status": what it has seen, missed and cost, and of the module what is switched off. */
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "supervisord/ctl/ctl.h"

#define COLUMN "  %-11s "

/* "fatal 4 (SIGSEGV 3, SIGABRT 1), exit 5": the kinds of a type stand together. */
static void print_records(json_t *records)
{
	const char *type = NULL;
	size_t i, j;
	json_t *row, *other;

	printf(COLUMN, "records");
	json_array_foreach(records, i, row) {
		json_int_t sum = 0;
		const char *kinds = " (";

		if (type && !strcmp(type, ctl_text(row, "type")))
			continue;
		printf("%s", type ? ", " : "");
		type = ctl_text(row, "type");
		json_array_foreach(records, j, other)
			if (!strcmp(type, ctl_text(other, "type")))
				sum += json_integer_value(json_object_get(other, "records"));
		printf("%s %" JSON_INTEGER_FORMAT, type, sum);
		json_array_foreach(records, j, other) {
			if (strcmp(type, ctl_text(other, "type")) || !json_object_get(other, "kind"))
				continue;
			printf("%s%s %s", kinds, ctl_text(other, "kind"), ctl_text(other, "records"));
			kinds = ", ";
		}
		printf("%s", strcmp(kinds, ", ") ? "" : ")");
	}
	puts(type ? "" : "none yet");
}

static void print_missed(json_t *source)
{
	static const struct {
		const char *member;
		const char *text;
	} causes[] = {
		{ "lost_no_slot", "records lost: no slot was free (slots)" },
		{ "lost_ring_full", "records lost: the ring was full" },
		{ "lost_supervisor_died", "records lost: a supervisor died before they were stored" },
		{ "captures_missed", "captures: no room was left for them" },
		{ "blocks_missed", "blocks of evidence: no buffer was free (blocks)" },
		{ "unwatched", "processes not watched: the table was full" },
		{ "threads_missed", "threads not looked at for hangs: the table is full" },
		{ "switched_off", "records of detectors that are switched off" },
		{ "refused", "records of BPF programs refused" },
		{ "runs_skipped", "runs of programs that the kernel left out, as they ran on that CPU already" },
		{ "suppressed", "limits that were reached within a second of their last record" },
	};
	bool missed = false;

	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++) {
		if (!json_integer_value(json_object_get(source, causes[i].member)))
			continue;
		printf(COLUMN "%s %s\n", missed ? "" : "missed", ctl_text(source, causes[i].member),
		       causes[i].text);
		missed = true;
	}
	if (!missed)
		printf(COLUMN "nothing\n", "missed");
}

/* Those that are switched off are what matters. */
static void print_detectors(json_t *parameters)
{
	static const char *const detectors[] = {
		"signals", "capturing", "exits", "hangs", "limits", "holds", "ranges",
	};

	for (int on = 1; on >= 0; on--) {
		bool first = true;

		for (size_t i = 0; i < sizeof(detectors) / sizeof(*detectors); i++) {
			if (json_is_true(json_object_get(parameters, detectors[i])) != on)
				continue;
			if (first)
				printf(COLUMN, on ? "detectors" : "  off");
			printf("%s%s", first ? "" : ", ", detectors[i]);
			first = false;
		}
		if (!first)
			putchar('\n');
	}
}

static void print_time(double ns)
{
	if (ns < 10e3)
		printf("%.0f ns", ns);
	else if (ns < 10e6)
		printf("%.1f us", ns / 1e3);
	else
		printf("%.1f ms", ns / 1e6);
}

static void print_costs(json_t *costs, bool measured, const char *how)
{
	json_t *cost;
	size_t i;

	json_array_foreach(costs, i, cost) {
		printf(COLUMN "%-19s %9s times, mean ", i ? "" : "cost", ctl_text(cost, "place"),
		       ctl_text(cost, "calls"));
		print_time(ctl_number(cost, "mean_ns"));
		if (json_object_get(cost, "worst_ns")) {
			printf(", worst ");
			print_time(ctl_number(cost, "worst_ns"));
		}
		printf(", in all ");
		print_time(ctl_number(cost, "ns"));
		putchar('\n');
	}
	if (!measured)
		printf(COLUMN "probes are not measured; %s does it\n", json_array_size(costs) ? "" : "cost", how);
}

void ctl_print_module(json_t *module)
{
	json_t *parameters = json_object_get(module, "parameters");

	if (!module)
		return;
	print_records(json_object_get(module, "records"));
	print_missed(module);
	printf(COLUMN "%s of at most %s watches, %s of %s processes; %s thread%s looked at for hangs\n", "watches",
	       ctl_text(module, "watches"), ctl_text(parameters, "max_watches"),
	       ctl_text(module, "processes"), ctl_text(parameters, "max_processes"),
	       ctl_text(module, "threads"), text_s(ctl_number(module, "threads")));
	print_detectors(parameters);
	print_costs(json_object_get(module, "costs"), json_is_true(json_object_get(parameters, "measure")),
		    "the module's parameter measure");
	if (json_object_get(module, "memory_bytes"))
		printf(COLUMN "%.1f MiB of the kernel's\n", "memory",
		       ctl_number(module, "memory_bytes") / (1 << 20));
}

/* The kernel measures programs only where it is told to: then there are costs. */
void ctl_print_counts(json_t *counts)
{
	json_t *costs = json_object_get(counts, "costs");

	if (!counts)
		return;
	print_records(json_object_get(counts, "records"));
	print_missed(counts);
	printf(COLUMN "%s watch%s, %s process%s\n", "watches", ctl_text(counts, "watches"),
	       ctl_number(counts, "watches") == 1 ? "" : "es", ctl_text(counts, "processes"),
	       ctl_number(counts, "processes") == 1 ? "" : "es");
	print_costs(costs, json_array_size(costs), "sysctl kernel.bpf_stats_enabled=1");
}
