/* SPDX-License-Identifier: GPL-2.0-only */
/* The objects that the probes consist of. */
#ifndef SUPERVISORD_PROBES_PARTS_H
#define SUPERVISORD_PROBES_PARTS_H

#include "supervisord/reliability/probes_object.h"

/* In the order in which they are loaded: the first one makes the maps that all share, and no other goes without it. */
enum {
	PART_LIFECYCLE,
	PART_LIMITS,
	PART_PROGRESS,	/* only while a watch has thresholds */
	PART_RANGE,	/* only while a watch has a range */
	PART_COUNT
};

extern const struct probes_part probes_parts[PART_COUNT];

/* Beside the module, which sees the rest itself; each by itself. */
enum {
	BESIDE_LIMITS,
	BESIDE_RANGE,	/* only while a watch has a range */
	BESIDE_COUNT
};

extern const struct probes_part probes_parts_beside[BESIDE_COUNT];

#endif /* SUPERVISORD_PROBES_PARTS_H */
