// SPDX-License-Identifier: GPL-2.0-only
/*
 * Benchmarks of the probes, as tests/bench/run has them. Needs root.
 *
 *	probes-bench latency|loops|programs [-p] [-n ROUNDS]
 *
 * -p: with the usual priority in place of the supervisor's.
 */
#include "tests/bench/probes/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct bench bench;

static int rows;

void bench_die(const char *what)
{
	fprintf(stderr, "probes-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

int bench_rounds(int by_default)
{
	return bench.rounds ? bench.rounds : by_default;
}

/* ---- the probes ---- */

static void record_came(void *user, const struct faultline_record *record,
			const struct faultline_capture *capture)
{
	bench.records++;
	if (record->type == FAULTLINE_RECORD_FATAL && !bench.known_ns)
		bench.known_ns = bench_now_ns();
}

static void die_of(const struct error *err)
{
	fprintf(stderr, "probes-bench: %s\n", err->text);
	exit(1);
}

void probes_on(void)
{
	struct error err = {};

	if (source_probes.open(&bench.source, bench.loop, record_came, NULL, NULL, &err))
		die_of(&err);
}

void probes_off(void)
{
	source_probes.close(bench.source);
	bench.source = NULL;
}

void probes_watch(pid_t pid)
{
	struct error err = {};
	uint32_t watch;

	if (source_probes.watch(bench.source, pid, pid, NULL, &watch, &err))
		die_of(&err);
}

/* ---- rows ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double bench_row(const char *what, const char *unit, double *values, int count, double reference)
{
	double median;

	qsort(values, count, sizeof(*values), compare);
	median = values[count / 2];
	printf("%s{\"what\": \"%s\", \"unit\": \"%s\", \"best\": %.4g, \"p50\": %.4g", rows++ ? ",\n " : "", what, unit,
	       values[0], median);
	/* Of a few there is no such thing. */
	if (count >= 100)
		printf(", \"p99\": %.4g", values[count * 99 / 100]);
	printf(", \"worst\": %.4g", values[count - 1]);
	if (reference > 0)
		printf(", \"ratio\": %.4g", median / reference);
	printf("}");
	return median;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	bool raised = true;
	int option;

	while ((option = getopt(argc, argv, "pn:")) != -1) {
		if (option == 'p')
			raised = false;
		else if (option == 'n')
			bench.rounds = atoi(optarg);
		else
			return 2;
	}
	bench.loop = ev_loop_new(EVFLAG_AUTO);
	bench.shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!bench.loop || bench.shared == MAP_FAILED)
		bench_die("set-up");
	printf("{\"rows\": [\n ");
	if (!strcmp(what, "latency"))
		latency_bench(raised);
	else if (!strcmp(what, "loops"))
		loop_bench();
	else if (!strcmp(what, "programs"))
		program_bench();
	else
		return 2;
	printf("]}\n");
	ev_loop_destroy(bench.loop);
	return 0;
}
