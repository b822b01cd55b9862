// SPDX-License-Identifier: GPL-2.0-only
/*
 * How soon a supervisor knows of a fault. Side by side in one run, taking turns on processes of the same kind, all with
 * the supervisor's priority: a blocking waitpid(), the probes, a poll of a pidfd, the process connector.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisord/priority.h"
#include "tests/bench/probes/bench.h"
#include "tests/bench/probes/ways.h"

#define LARGE (1UL << 30)

static const struct kind {
	const char *name;
	size_t memory;
	bool core;
	int rounds;
} kinds[] = {
	{ "small process", 0, false, 300 },
	{ "small process, core dump", 0, true, 100 },
	{ "1 GiB", LARGE, false, 20 },
	{ "1 GiB, core dump", LARGE, true, 5 },
};

/* ---- a fault ---- */

static void memory_fill(size_t memory)
{
	char *filled = mmap(NULL, memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (filled == MAP_FAILED)
		_exit(1);
	madvise(filled, memory, MADV_NOHUGEPAGE);
	memset(filled, 1, memory);
}

static void strike(const struct kind *kind, int ready, int go)
{
	static uintptr_t bad_address = 16;
	volatile uintptr_t *nowhere = &bad_address;
	struct rlimit limit;
	char byte = 0;

	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = kind->core ? limit.rlim_max : 0;
	setrlimit(RLIMIT_CORE, &limit);
	if (kind->memory)
		memory_fill(kind->memory);
	if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) < 0)
		_exit(1);
	/* The pages of the clock and of the result are in place before it counts. */
	*bench.shared = bench_now_ns();
	/* The one who waits shall be asleep, as it is when a fault strikes. */
	usleep(5000);
	*bench.shared = bench_now_ns();
	*(volatile char *)*nowhere = 1;
	_exit(1);
}

/* In milliseconds. */
static double fault_latency(const struct way *way, const struct kind *kind)
{
	int ready[2], go[2];
	uint64_t known;
	char byte;
	pid_t pid;

	bench.known_ns = 0;
	if (way->connector)
		ways_connector_open();
	if (pipe2(ready, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		bench_die("pipe");
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (!pid)
		strike(kind, ready[1], go[0]);
	if (way->probes)
		probes_watch(pid);
	if (read(ready[0], &byte, 1) != 1 || write(go[1], &byte, 1) != 1)
		bench_die("pipe");
	known = way->know(pid);
	waitpid(pid, NULL, 0);
	/* The EXIT record as well, so that the next turn begins with an empty ring. */
	if (way->probes)
		ev_run(bench.loop, EVRUN_NOWAIT);
	if (way->connector)
		ways_connector_close();
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
	return (known - *bench.shared) / 1e6;
}

/* ---- core dumps, which go into the working folder as the kernel has it by default ---- */

static void cores_remove(void)
{
	DIR *folder = opendir(".");
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (*entry->d_name != '.')
			unlink(entry->d_name);
	if (folder)
		closedir(folder);
}

static void kind_run(const struct kind *kind, bool connector)
{
	int rounds = bench_rounds(kind->rounds);
	double *took[WAYS], reference = 0;
	char what[80];

	for (int w = 0; w < WAYS; w++) {
		took[w] = calloc(rounds, sizeof(double));
		if (!took[w])
			bench_die("memory");
	}
	for (int i = 0; i < rounds; i++)
		for (int w = 0; w < WAYS; w++) {
			if (ways[w].connector && !connector)
				continue;
			took[w][i] = fault_latency(&ways[w], kind);
			cores_remove();
		}
	for (int w = 0; w < WAYS; w++) {
		snprintf(what, sizeof(what), "%s: %s", kind->name, ways[w].name);
		/* The first one is what the others are compared with. */
		if (!ways[w].connector || connector)
			reference = w ? (bench_row(what, "ms", took[w], rounds, reference), reference) :
					bench_row(what, "ms", took[w], rounds, 0);
		free(took[w]);
	}
}

void latency_bench(bool raised)
{
	char folder[] = "/tmp/probes-bench-XXXXXX";
	bool connector = ways_connector_open();

	if (connector)
		ways_connector_close();
	else
		fprintf(stderr, "probes-bench: the kernel has no process connector (CONFIG_PROC_EVENTS)\n");
	if (!mkdtemp(folder) || chdir(folder))
		bench_die(folder);
	if (raised && priority_raise())
		bench_die("priority");
	probes_on();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		kind_run(&kinds[i], connector);
	probes_off();
	if (chdir("/") || rmdir(folder))
		bench_die(folder);
}
