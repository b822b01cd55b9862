// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_beside.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "supervisord/reliability/pins.h"
#include "supervisord/reliability/probes_parts.h"
#include "supervisord/reliability/probes_range.h"
#include "supervisord/reliability/probes_statistics.h"

#define MODULE_BTF "/sys/kernel/btf/faultline"

/** struct probes_beside - @range: its object is objects[BESIDE_RANGE] */
struct probes_beside {
	struct probes_object objects[BESIDE_COUNT];
	struct probes_range range;
	struct pins pins;
	char blind[2 * ERROR_TEXT_MAX];
};

/* Can programs call the module? */
static int callable(struct error *err)
{
	if (!access(MODULE_BTF, F_OK))
		return 0;
	return error_set(err, -EOPNOTSUPP,
			 "faultline.ko was built without BTF, so that BPF programs cannot call it");
}

/* Where ranges outlive a supervisor that dies. What one without the module left is of no more use. */
static void pins_begin(struct probes_beside *beside, const char *owner)
{
	struct error err = {};

	beside->pins.folder = -1;
	if (!owner || callable(&err))
		return;
	if (pins_open(&beside->pins, owner, &err)) {
		log_warning("BPF probes: ranges are not guarded while there is no supervisor: %s", err.text);
		return;
	}
	for (int i = 0; i < PART_COUNT; i++)
		probes_part_unpin(&probes_parts[i], &beside->pins);
}

static void limits_begin(struct probes_beside *beside)
{
	const struct probes_part *part = &probes_parts_beside[BESIDE_LIMITS];
	struct probes_object *limits = &beside->objects[BESIDE_LIMITS];
	struct error err = {};

	if (!callable(&err))
		probes_object_load(limits, part, NULL, &err);
	if (err.code)
		snprintf(beside->blind, sizeof(beside->blind), "%s: %s", part->blind, err.text);
	else
		probes_object_blind(limits, beside->blind, sizeof(beside->blind));
}

struct probes_beside *probes_beside_open(const char *owner)
{
	struct probes_beside *beside = alloc_zero(1, sizeof(*beside));

	for (int i = 0; i < BESIDE_COUNT; i++)
		beside->objects[i].part = &probes_parts_beside[i];
	beside->range.part = &probes_parts_beside[BESIDE_RANGE];
	beside->range.object = &beside->objects[BESIDE_RANGE];
	pins_begin(beside, owner);
	limits_begin(beside);
	probes_range_resume(&beside->range, &beside->pins);
	return beside;
}

const char *probes_beside_blind(const struct probes_beside *beside)
{
	return beside->blind[0] ? beside->blind : NULL;
}

int probes_beside_parts(const struct probes_beside *beside, struct source_part *parts, int room)
{
	int count = 0;

	for (; count < BESIDE_COUNT && count < room; count++)
		probes_object_measure(&beside->objects[count], &parts[count]);
	return count;
}

void probes_beside_statistics(const struct probes_beside *beside, struct source_statistics *statistics)
{
	int counters = probes_object_fd(&beside->objects[BESIDE_LIMITS], "counters");
	int cpus = libbpf_num_possible_cpus();
	__cleanup_free struct probes_counters *per_cpu = NULL;
	uint32_t zero = 0;

	if (counters >= 0 && cpus > 0) {
		per_cpu = alloc_zero(cpus, sizeof(*per_cpu));
		if (!bpf_map_lookup_elem(counters, &zero, per_cpu))
			for (int i = 0; i < cpus; i++)
				statistics->suppressed += per_cpu[i].suppressed;
	}
	for (int i = 0; i < BESIDE_COUNT; i++)
		probes_statistics_programs(statistics, &beside->objects[i]);
}

int probes_beside_range_possible(const struct probes_beside *beside, struct error *err)
{
	int ret = callable(err);

	return ret ? ret : probes_range_able(&beside->range, err);
}

int probes_beside_range(struct probes_beside *beside, uint32_t watch,
			const struct source_range *range, struct error *err)
{
	int ret = range->mode == RANGE_OFF ? 0 : callable(err);

	return ret ? ret : probes_range_change(&beside->range, &beside->pins, watch, range, err);
}

void probes_beside_learnt(const struct probes_beside *beside, uint32_t set, bool forget,
			  struct range *to)
{
	probes_range_learnt(&beside->range, set, forget, to);
}

void probes_beside_gone(struct probes_beside *beside, uint32_t watch)
{
	probes_range_set(&beside->range, &beside->pins, watch, RANGE_OFF, 0, NULL, NULL);
}

void probes_beside_close(struct probes_beside *beside)
{
	if (!beside)
		return;
	pins_clear(&beside->pins, "");
	pins_close(&beside->pins);
	for (int i = 0; i < BESIDE_COUNT; i++)
		probes_object_close(&beside->objects[i]);
	free(beside);
}
