/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the module's benchmark share: figures, the clock, and
 * watched processes. All run in a VM, as they load and unload the module.
 */
#ifndef KMOD_BENCH_H
#define KMOD_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "victims.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* CLOCK_MONOTONIC. */
int64_t now_ns(void);

/* Say what failed, and exit with 1. @err: a negative errno. */
_Noreturn void die(const char *what, int err);

/* The calling process stays on this CPU, and so do those that it forks. */
void pin(int cpu);

/* For the watched process that only has to be there; the other ends it. */
void sleep_for_ever(void *with);
void victim_kill(struct victim *victim);

/* That many values of one thing; reordered by quantile(). */
struct figures {
	int64_t *values;
	int count;
};

/* @part: 0 the best, 0.5 the median, 1 the worst. */
int64_t quantile(const struct figures *figures, double part);

/* A row of the result: best, p50, p99, worst. @base: NULL, or what best and p50 are a ratio of. */
void row_print(const char *what, const char *unit, const struct figures *figures,
	       const struct figures *base);

/* The parts: each measures and prints its rows. */
void unwatched_bench(void);
void latency_bench(void);
void capture_bench(void);

/**
 * struct storm - what came of a storm of records
 * @per_s: as many as were asked for; 0: as fast as possible
 * @emitted: that the module has taken, @lost of them lost
 * @delivered: that a reader has read and acknowledged
 * @busy: calls that the module refused, as another CPU held its lock
 * @made_ns: until all were made
 * @read_ns: until all that was to be delivered was
 * @exact: module, BPF programs and reader have counted the same
 */
struct storm {
	uint64_t per_s;
	uint64_t emitted, lost, delivered, busy;
	int64_t made_ns, read_ns;
	bool exact;
};

#define STORMS 2

/* Rows of single records, and storms, whose figures are for the end of the result. */
void stream_bench(struct storm storms[STORMS]);

#endif /* KMOD_BENCH_H */
