// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_parts.h"

/* The skeletons look at the shared memory by its type. */
#include "bpf/probes.h"

#include "bpf/lifecycle.skel.h"

const struct probes_part probes_parts[PART_COUNT] = {
	[PART_LIFECYCLE] = {
		.name = "lifecycle",
		.blind = "fatal signals and ends of processes",
		.elf = probes_lifecycle__elf_bytes,
	},
};
