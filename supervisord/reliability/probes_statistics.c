// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_statistics.h"

#include <bpf/bpf.h>
#include <stdio.h>

#include "lib/cleanup.h"

static void records_add(struct source_statistics *statistics, uint32_t type, uint32_t kind, uint64_t records)
{
	if (records && statistics->n_counts < SOURCE_COUNTS_MAX)
		statistics->counts[statistics->n_counts++] = (struct source_count){
			.type = type, .kind = kind, .records = records };
}

static uint64_t records_of(const struct probes_counters *per_cpu, int cpus, int type, int kind)
{
	uint64_t records = 0;

	for (int i = 0; i < cpus; i++)
		records += per_cpu[i].records[PROBES_RECORD(type, kind)];
	return records;
}

void probes_statistics_counters(struct source_statistics *statistics,
				const struct probes_counters *per_cpu, int cpus)
{
	uint64_t *value = statistics->value;

	for (int i = 0; i < cpus; i++) {
		value[FAULTLINE_STATS_A_CAPTURES] += per_cpu[i].captures;
		value[FAULTLINE_STATS_A_CAPTURES_MISSED] += per_cpu[i].captures_missed;
		value[FAULTLINE_STATS_A_UNWATCHED] += per_cpu[i].unwatched;
		statistics->lost_full += per_cpu[i].lost_full;
		statistics->suppressed += per_cpu[i].suppressed;
	}
	for (int type = 0; type < PROBES_TYPES; type++) {
		/* There is no signal 0, and there is a last one. */
		int first = type == FAULTLINE_RECORD_FATAL;

		for (int kind = first; kind < first + PROBES_KINDS; kind++)
			records_add(statistics, type, kind, records_of(per_cpu, cpus, type, kind));
	}
}

void probes_statistics_watches(struct source_statistics *statistics, int watches)
{
	struct probes_watch watch;
	uint32_t id, *before = NULL;

	while (!bpf_map_get_next_key(watches, before, &id)) {
		if (!bpf_map_lookup_elem(watches, &id, &watch)) {
			statistics->value[FAULTLINE_STATS_A_WATCHES]++;
			statistics->value[FAULTLINE_STATS_A_PROCESSES] += watch.processes;
		}
		before = &id;
	}
}

void probes_statistics_programs(struct source_statistics *statistics,
				const struct probes_object *object)
{
	for (int i = 0; i < object->count; i++) {
		__cleanup_close int fd = probes_object_program(object, i);
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);
		struct source_cost *cost;

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
			continue;
		statistics->skipped += info.recursion_misses;
		if (!info.run_cnt || statistics->n_costs == SOURCE_COSTS_MAX)
			continue;
		cost = &statistics->costs[statistics->n_costs++];
		snprintf(cost->place, sizeof(cost->place), "%.*s", (int)sizeof(cost->place) - 1,
			 object->kept[i].name);
		cost->calls = info.run_cnt;
		cost->ns = info.run_time_ns;
	}
}
