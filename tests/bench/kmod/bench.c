// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module costs, and how soon a fault is known: tests/vm/bench-kmod.sh.
 * Prints JSON. Under emulation times mean little; see there how to count
 * instructions instead.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

_Noreturn void die(const char *what, int err)
{
	fprintf(stderr, "kmod_bench: %s: %s\n", what, strerror(-err));
	exit(1);
}

void pin(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

void sleep_for_ever(void *with)
{
	for (;;)
		pause();
}

void victim_kill(struct victim *victim)
{
	kill(victim->pid, SIGKILL);
	waitpid(victim->pid, NULL, 0);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int64_t quantile(const struct figures *figures, double part)
{
	qsort(figures->values, figures->count, sizeof(*figures->values), compare);
	return figures->values[(int)((figures->count - 1) * part)];
}

void row_print(const char *what, const char *unit, const struct figures *figures,
	       const struct figures *base)
{
	static const char *behind = "";

	printf("%s    {\"what\": \"%s\", \"unit\": \"%s\", \"best\": %lld, \"p50\": %lld, \"p99\": %lld, \"worst\": %lld",
	       behind, what, unit, (long long)quantile(figures, 0), (long long)quantile(figures, 0.5),
	       (long long)quantile(figures, 0.99), (long long)quantile(figures, 1));
	if (base)
		printf(", \"ratio\": %.4f", (double)quantile(figures, 0.5) / quantile(base, 0.5));
	printf("}");
	behind = ",\n";
}

static void storm_print(const struct storm *storm)
{
	printf(",\n  \"storm%s\": {\"records\": %llu, \"delivered\": %llu, \"lost\": %llu, \"busy\": %llu, \"made_s\": %.1f, \"read_s\": %.1f, \"made_per_s\": %.0f, \"ledger_exact\": %s}",
	       storm->per_s ? "" : ", as fast as possible", (unsigned long long)storm->emitted,
	       (unsigned long long)storm->delivered, (unsigned long long)storm->lost,
	       (unsigned long long)storm->busy, storm->made_ns / 1e9, storm->read_ns / 1e9,
	       storm->emitted * 1e9 / storm->made_ns, storm->exact ? "true" : "false");
}

static struct storm storms[STORMS];

static void streams(void)
{
	stream_bench(storms);
}

static const struct {
	const char *name;
	void (*run)(void);
} parts[] = {
	/* First of all, as it forks from this process while that is small. */
	{ "unwatched", unwatched_bench },
	{ "latency", latency_bench },
	{ "capture", capture_bench },
	{ "stream", streams },
};

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

/* Arguments: the parts to be run; none: all. */
int main(int argc, char **argv)
{
	struct utsname kernel;
	bool exact = true;

	uname(&kernel);
	printf("{\n  \"kernel\": \"%s\",\n  \"rows\": [\n", kernel.release);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (is_wanted(parts[i].name, argc, argv))
			parts[i].run();
	printf("\n  ]");
	for (int i = 0; i < STORMS && storms[i].read_ns; i++) {
		storm_print(&storms[i]);
		exact &= storms[i].exact;
	}
	printf("\n}\n");
	return exact ? 0 : 1;
}
