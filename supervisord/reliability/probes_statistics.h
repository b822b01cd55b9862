/* SPDX-License-Identifier: GPL-2.0-only */
/* What the probes have seen, missed and cost, out of their maps. */
#ifndef SUPERVISORD_PROBES_STATISTICS_H
#define SUPERVISORD_PROBES_STATISTICS_H

#include "bpf/probes.h"
#include "supervisord/reliability/probes_object.h"
#include "supervisord/reliability/source.h"

/** probes_statistics_counters - add what the programs counted on each CPU */
void probes_statistics_counters(struct source_statistics *statistics,
				const struct probes_counters *per_cpu, int cpus);

/** probes_statistics_watches - fill in how many watches and processes there are, from the map @watches */
void probes_statistics_watches(struct source_statistics *statistics, int watches);

/** probes_statistics_programs - add what the kernel counts of an object's programs: costs, as far as it was measuring */
void probes_statistics_programs(struct source_statistics *statistics,
				const struct probes_object *object);

#endif /* SUPERVISORD_PROBES_STATISTICS_H */
