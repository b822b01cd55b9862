/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways to know that a process has faulted: the probes, and what there is without them. */
#ifndef TESTS_BENCH_PROBES_WAYS_H
#define TESTS_BENCH_PROBES_WAYS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct way
 * @know: waits until it is known that @pid, a child, has faulted or ended. Returns when that was
 */
struct way {
	const char *name;
	bool probes;
	bool connector;
	uint64_t (*know)(pid_t pid);
};

#define WAYS 4

extern const struct way ways[WAYS];

/** ways_connector_open - the kernel's process connector; false where it has none */
bool ways_connector_open(void);
void ways_connector_close(void);

#endif /* TESTS_BENCH_PROBES_WAYS_H */
