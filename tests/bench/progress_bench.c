// SPDX-License-Identifier: GPL-2.0-only
/*
 * What looking for hangs costs: two threads of a process that wake each other
 * through pipes on one CPU, without the programs, with them but not watched, and
 * watched; in turns, so that whatever runs beside falls on all three. Then the
 * kernel's own figures for each program. Needs root.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "supervisord/reliability/source.h"

#define ROUNDS 21
#define SWITCHES 20000

enum { WITHOUT, UNWATCHED, WATCHED, KINDS };

static const char *const names[KINDS] = { "without the programs", "loaded, not watched", "watched" };

static struct source *source;
static struct ev_loop *loop;
static double *result;

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int there[2], back[2];

static void *answer(void *argument)
{
	char byte;

	while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
		;
	return NULL;
}

/* In the child: ns for each switch between its threads. */
static double ping_pong(void)
{
	cpu_set_t cpus;
	pthread_t other;
	double begin;
	char byte = 0;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	if (pipe(there) || pipe(back) || pthread_create(&other, NULL, answer, NULL))
		return -1;
	begin = now_ns();
	for (int i = 0; i < SWITCHES / 2; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			return -1;
	return (now_ns() - begin) / SWITCHES;
}

/* A process that waits for a byte before it plays, or for ever. */
static pid_t process_start(int *go, bool plays)
{
	int gate[2];
	char byte;
	pid_t pid;

	if (pipe(gate))
		return -1;
	pid = fork();
	if (!pid) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) == 1 && plays)
			*result = ping_pong();
		_exit(0);
	}
	close(gate[0]);
	*go = gate[1];
	return pid;
}

static bool watch(pid_t pid)
{
	static uint64_t cookie;
	struct source_settings settings = {};
	struct error err = {};
	uint32_t id;

	source_settings_give(&settings, FAULTLINE_WATCH_A_SPIN_MS, 3600000);
	source_settings_give(&settings, FAULTLINE_WATCH_A_DSTATE_MS, 30000);
	if (!source_probes.watch(source, pid, ++cookie, &settings, &id, &err))
		return true;
	fprintf(stderr, "progress-bench: %s\n", err.text);
	return false;
}

static int ended;

static void record_seen(void *user, const struct faultline_record *record,
			const struct faultline_capture *capture)
{
	ended += record->flags & FAULTLINE_F_LAST ? 1 : 0;
}

/* Once watches have ended the programs are unloaded, if no other one is left. */
static void wait_for_ends(int count)
{
	while (ended < count)
		ev_run(loop, EVRUN_ONCE);
	ended = 0;
}

static double round_play(int kind)
{
	int go, keep = -1, watches = 0;
	pid_t pid = process_start(&go, true), keeper = 0;

	if (kind == UNWATCHED) {
		keeper = process_start(&keep, false);
		watches += watch(keeper);
	} else if (kind == WATCHED) {
		watches += watch(pid);
	}
	*result = -1;
	if (write(go, "", 1) != 1)
		*result = -1;
	waitpid(pid, NULL, 0);
	close(go);
	if (keeper) {
		close(keep);
		waitpid(keeper, NULL, 0);
	}
	wait_for_ends(watches);
	return *result;
}

static int compare(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

/* The newest program there is; those that are loaded later have higher numbers. */
static uint32_t program_newest(void)
{
	uint32_t id = 0;

	while (!bpf_prog_get_next_id(id, &id))
		;
	return id;
}

/* The kernel's own count of what each program took, of those after @id: others' may be there as well. */
static void programs_print(uint32_t id)
{

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) && !strncmp(info.name, "progress", 8) && info.run_cnt)
			printf("  %-18s %8.0f ns, %llu runs\n", info.name,
			       (double)info.run_time_ns / info.run_cnt, (unsigned long long)info.run_cnt);
		close(fd);
	}
}

static void programs_measure(void)
{
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME), go, keep;
	pid_t pid = process_start(&go, true), keeper = process_start(&keep, false);
	uint32_t newest = program_newest();

	if (stats < 0) {
		printf("bpf_stats: %s\n", strerror(errno));
	} else if (watch(keeper) && watch(pid)) {
		if (write(go, "", 1) == 1)
			waitpid(pid, NULL, 0);
		printf("programs while the watched process plays (with some 20 ns of counting each):\n");
		programs_print(newest);
	}
	kill(pid, SIGKILL);
	kill(keeper, SIGKILL);
	while (wait(NULL) > 0)
		;
	close(stats);
	close(go);
	close(keep);
}

int main(void)
{
	static double figures[KINDS][ROUNDS];
	struct error err = {};

	loop = ev_loop_new(EVFLAG_AUTO);
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (source_probes.open(&source, loop, record_seen, NULL, NULL, &err)) {
		fprintf(stderr, "progress-bench: %s\n", err.text);
		return 1;
	}
	for (int round = 0; round < ROUNDS; round++)
		for (int kind = 0; kind < KINDS; kind++)
			figures[kind][round] = round_play(kind);
	printf("ns for a switch of threads, %d rounds of %d:\n", ROUNDS, SWITCHES);
	for (int kind = 0; kind < KINDS; kind++) {
		qsort(figures[kind], ROUNDS, sizeof(double), compare);
		printf("  %-22s least %6.0f, median %6.0f, worst %6.0f\n", names[kind], figures[kind][0],
		       figures[kind][ROUNDS / 2], figures[kind][ROUNDS - 1]);
	}
	programs_measure();
	source_probes.close(source);
	ev_loop_destroy(loop);
	return 0;
}
