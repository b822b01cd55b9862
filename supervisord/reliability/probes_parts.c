// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_parts.h"

#include "supervisord/reliability/probes_limits.h"
#include "supervisord/reliability/probes_prepare.h"

#define LIMITS_BLIND "limits that a system call ran into are not seen"
#define RANGE_BLIND "what is outside of a range is not seen"

const struct probes_part probes_parts[PART_COUNT] = {
	[PART_LIFECYCLE] = {
		.name = "lifecycle",
		.blind = "fatal signals and ends of processes are not seen",
		.elf = &probes_elf_lifecycle,
		.prepare = probes_prepare_pages,
	},
	[PART_LIMITS] = {
		.name = "limits",
		.blind = LIMITS_BLIND,
		.elf = &probes_elf_limits,
		.prepare = probes_limits_prepare,
		.hooks = probes_limits_hooks,
	},
	[PART_PROGRESS] = {
		.name = "progress",
		.blind = "hangs are not seen",
		.by_need = true,
		.elf = &probes_elf_progress,
	},
	[PART_RANGE] = {
		.name = "range",
		.blind = RANGE_BLIND,
		.by_need = true,
		.elf = &probes_elf_range,
	},
};

const struct probes_part probes_parts_beside[BESIDE_COUNT] = {
	[BESIDE_LIMITS] = {
		.name = "limits",
		.blind = LIMITS_BLIND,
		.elf = &probes_elf_limits,
		.prepare = probes_limits_prepare_beside,
		.hooks = probes_limits_hooks,
	},
	[BESIDE_RANGE] = {
		.name = "range",
		.blind = RANGE_BLIND,
		.pins = "module_range",
		.by_need = true,
		.elf = &probes_elf_range,
		.prepare = probes_prepare_beside,
	},
};
