// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/source_status.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "supervisord/reliability/detector.h"
#include "supervisord/reliability/source.h"
#include "supervisord/reliability/usage.h"

#define MODULE "/sys/module/faultline"
#define PARAMETER_MAX 4096

DEFINE_CLEANUP(DIR *, closedir)

static const char *const types[] = {
	[FAULTLINE_RECORD_FATAL] = "fatal",
	[FAULTLINE_RECORD_EXIT] = "exit",
	[FAULTLINE_RECORD_HANG] = "hang",
	[FAULTLINE_RECORD_HANG_OVER] = "hang-over",
	[FAULTLINE_RECORD_LIMIT] = "limit",
	[FAULTLINE_RECORD_HELD] = "held",
	[FAULTLINE_RECORD_RANGE] = "range",
};

/* "SIGSEGV", "hang.deadlock", "limit.memory", "range.file"; NULL where a type has no kinds. */
static json_t *kind_name(const struct source_count *count)
{
	struct faultline_record record = { .type = count->type, .code = count->kind };
	char name[16];

	switch (count->type) {
	case FAULTLINE_RECORD_FATAL:
	case FAULTLINE_RECORD_HELD:
		return json_string(detector_signal_name(count->kind, name));
	case FAULTLINE_RECORD_LIMIT:
		return json_string(usage_kind(&record));
	case FAULTLINE_RECORD_HANG_OVER:
		record.type = FAULTLINE_RECORD_HANG;
		return json_string(detector_record(&record).kind);
	case FAULTLINE_RECORD_HANG:
	case FAULTLINE_RECORD_RANGE:
		return json_string(detector_record(&record).kind);
	}
	return NULL;
}

static json_t *records_describe(const struct source_statistics *statistics)
{
	json_t *records = json_array();

	for (int i = 0; i < statistics->n_counts; i++) {
		const struct source_count *count = &statistics->counts[i];

		/* A later module's, of which this daemon makes nothing. */
		if (count->type >= sizeof(types) / sizeof(*types) || !types[count->type])
			continue;
		json_array_append_new(records, json_pack("{s:s, s:o*, s:I}", "type", types[count->type],
							 "kind", kind_name(count), "records",
							 (json_int_t)count->records));
	}
	return records;
}

static void cost_add(json_t *costs, const char *place, uint64_t calls, uint64_t ns, uint64_t worst_ns)
{
	json_t *cost;

	if (!calls)
		return;
	cost = json_pack("{s:s, s:I, s:I, s:f}", "place", place, "calls", (json_int_t)calls, "ns",
			 (json_int_t)ns, "mean_ns", (double)ns / calls);
	if (worst_ns)
		json_object_set_new(cost, "worst_ns", json_integer((json_int_t)worst_ns));
	json_array_append_new(costs, cost);
}

/* The passes are always measured: they are few, and nobody waits for them. */
static json_t *costs_describe(const struct source_statistics *statistics)
{
	const uint64_t *value = statistics->value;
	json_t *costs = json_array();

	for (int i = 0; i < statistics->n_costs; i++)
		cost_add(costs, statistics->costs[i].place, statistics->costs[i].calls,
			 statistics->costs[i].ns, statistics->costs[i].worst_ns);
	cost_add(costs, "hang scan", value[FAULTLINE_STATS_A_SCANS], value[FAULTLINE_STATS_A_SCAN_NS], 0);
	cost_add(costs, "limit pass", value[FAULTLINE_STATS_A_LIMIT_PASSES],
		 value[FAULTLINE_STATS_A_LIMIT_NS], 0);
	return costs;
}

static json_t *parameter_read(const char *name)
{
	__cleanup_free char *path = alloc_format(MODULE "/parameters/%s", name);
	__cleanup_free char *text = file_read(path, PARAMETER_MAX, NULL, NULL);

	if (!text)
		return NULL;
	if (*text == 'Y' || *text == 'N')
		return json_boolean(*text == 'Y');
	return json_integer(strtoll(text, NULL, 10));
}

static json_t *parameters_describe(void)
{
	__cleanup(closedirp) DIR *folder = opendir(MODULE "/parameters");
	json_t *parameters = json_object(), *value;
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (*entry->d_name != '.' && (value = parameter_read(entry->d_name)))
			json_object_set_new(parameters, entry->d_name, value);
	return parameters;
}

/* "0x…-0x… 69632 fl_capture_init+0x5c/0xb0 [faultline] pages=16 vmalloc N0=16" */
static uint64_t allocated_bytes(void)
{
	__cleanup_fclose FILE *file = fopen("/proc/vmallocinfo", "re");
	__cleanup_free char *line = NULL;
	uint64_t bytes = 0;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0) {
		const char *pages = strstr(line, " pages=");

		if (pages && strstr(line, " [faultline] "))
			bytes += strtoull(pages + strlen(" pages="), NULL, 10) * sysconf(_SC_PAGESIZE);
	}
	return bytes;
}

/* Its code and data, and all that it has allocated, which is all that it ever does. */
static json_t *memory_describe(void)
{
	__cleanup_free char *own = file_read(MODULE "/coresize", PARAMETER_MAX, NULL, NULL);
	uint64_t bytes = allocated_bytes() + (own ? strtoull(own, NULL, 10) : 0);

	return bytes ? json_integer((json_int_t)bytes) : NULL;
}

/* @module: the module alone has it */
static const struct {
	const char *name;
	enum faultline_stats_attr attr;
	bool module;
} values[] = {
	{ "watches", FAULTLINE_STATS_A_WATCHES },
	{ "processes", FAULTLINE_STATS_A_PROCESSES },
	{ "threads", FAULTLINE_STATS_A_THREADS, true },
	{ "captures", FAULTLINE_STATS_A_CAPTURES },
	{ "lost_no_slot", FAULTLINE_STATS_A_LOST_NO_SLOT, true },
	{ "captures_missed", FAULTLINE_STATS_A_CAPTURES_MISSED },
	{ "blocks_missed", FAULTLINE_STATS_A_BLOCKS_MISSED, true },
	{ "unwatched", FAULTLINE_STATS_A_UNWATCHED },
	{ "threads_missed", FAULTLINE_STATS_A_THREADS_MISSED },
	{ "switched_off", FAULTLINE_STATS_A_SWITCHED_OFF, true },
	{ "refused", FAULTLINE_STATS_A_REFUSED, true },
};

static void number_add(json_t *object, const char *name, uint64_t number)
{
	json_object_set_new(object, name, json_integer((json_int_t)number));
}

json_t *source_status_describe(const struct gateway *gateway)
{
	bool module = gateway->source_ops == &source_module;
	struct source_statistics statistics;
	json_t *object;

	if (gateway->source_ops->statistics(gateway->source, &statistics))
		return NULL;
	object = json_pack("{s:o, s:o}", "records", records_describe(&statistics),
			   "costs", costs_describe(&statistics));
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (module || !values[i].module)
			number_add(object, values[i].name, statistics.value[values[i].attr]);
	if (module) {
		json_object_set_new(object, "parameters", parameters_describe());
		json_object_update_new(object, json_pack("{s:o*}", "memory_bytes", memory_describe()));
	} else {
		number_add(object, "lost_ring_full", statistics.lost_full);
		number_add(object, "lost_supervisor_died", statistics.lost_died);
	}
	number_add(object, "suppressed", statistics.suppressed);
	number_add(object, "runs_skipped", statistics.skipped);
	return object;
}
