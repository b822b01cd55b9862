/* SPDX-License-Identifier: GPL-2.0-only */
/* What the benchmarks of the probes share: the probes on and off, a page that processes share, and rows of figures. */
#ifndef TESTS_BENCH_PROBES_BENCH_H
#define TESTS_BENCH_PROBES_BENCH_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisord/reliability/source.h"

/**
 * struct bench
 * @known_ns: when the FATAL record came; 0: not yet
 * @records: that came since it was set to 0
 * @shared: a page that is shared with processes that are forked
 * @rounds: how often each thing is done; 0: as often as it is by default
 */
struct bench {
	struct ev_loop *loop;
	struct source *source;
	uint64_t known_ns;
	uint64_t records;
	uint64_t *shared;
	int rounds;
};

extern struct bench bench;

/** bench_die - end, with errno's reason */
void bench_die(const char *what) __attribute__((noreturn));
uint64_t bench_now_ns(void);
int bench_rounds(int by_default);

void probes_on(void);
void probes_off(void);
void probes_watch(pid_t pid);

/**
 * bench_row - print the figures of @count values, which are sorted by it
 * @reference: a median that this one is compared with; 0: none
 *
 * Return: the median.
 */
double bench_row(const char *what, const char *unit, double *values, int count, double reference);

/** latency_bench - from a fault until it is known, by each way to know */
void latency_bench(bool raised);
/** loop_bench - loops of work with the probes off, on and watching, in CPU time */
void loop_bench(void);
/** program_bench - ns of each program, as the kernel counts them */
void program_bench(void);

/**
 * work - what a process does to be measured
 * @work_spawn: fork, exec and exit
 * @work_signals: two processes on one CPU that wake each other by signals, which they handle
 */
void work_spawn(void);
void work_signals(void);
#define WORK_PROCESSES 500
#define WORK_SIGNALS 5000

/** work_run - ns of CPU time that @work took in a process of its own, watched or not */
double work_run(void (*work)(void), bool watched);

#endif /* TESTS_BENCH_PROBES_BENCH_H */
