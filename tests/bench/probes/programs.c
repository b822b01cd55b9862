// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nanoseconds a run of each program, as the kernel counts them (bpf_stats). For a task that is not watched they stand beside
 * those of a program that does nothing at the same tracepoint, in turns: what BPF and its counting cost by themselves.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "lib/cleanup.h"
#include "tests/bench/probes/bench.h"

#define TURNS 9
#define SIGNALS 100000
#define PROCESSES 3000
#define CRASHES 300
#define PROGRAMS_MAX 64

/* ---- work ---- */

static void on_signal(int signo)
{
}

/* Signals to itself, then children that end at once: each tracepoint in a short loop. */
static void work_short(void)
{
	signal(SIGUSR1, on_signal);
	for (int i = 0; i < SIGNALS; i++)
		raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = vfork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void work_crash(void)
{
	for (int i = 0; i < CRASHES; i++) {
		pid_t pid = fork();

		if (!pid)
			raise(SIGSEGV);
		waitpid(pid, NULL, 0);
	}
}

/* ---- what the kernel counted ---- */

/* Ids only rise: those of programs that are loaded from now on are greater. */
static uint32_t program_newest(void)
{
	uint32_t id = 0;

	while (!bpf_prog_get_next_id(id, &id))
		;
	return id;
}

struct cost {
	char name[24];
	double ns;
};

/* Of the programs after @id that ran and whose names begin so, in the order in which they were loaded. */
static int costs_read(uint32_t id, const char *begin, struct cost *costs)
{
	int count = 0;

	while (!bpf_prog_get_next_id(id, &id) && count < PROGRAMS_MAX) {
		__cleanup_close int fd = bpf_prog_get_fd_by_id(id);
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || !info.run_cnt ||
		    strncmp(info.name, begin, strlen(begin)))
			continue;
		snprintf(costs[count].name, sizeof(costs[count].name), "%s", info.name);
		costs[count++].ns = (double)info.run_time_ns / info.run_cnt;
	}
	return count;
}

/* ---- beside an empty program ---- */

/* In the order of the programs in the object. */
static const char *const tracepoints[] = {
	"signal_generate", "signal_deliver", "sched_process_fork", "sched_process_exit",
};
#define TRACEPOINTS (int)(sizeof(tracepoints) / sizeof(tracepoints[0]))

static int empty_attach(const char *tracepoint)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
	__cleanup_close int fd = -1;

	options.attach_btf_id = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", nothing, 2, &options);
	if (fd < 0)
		bench_die("an empty program");
	return bpf_raw_tracepoint_open(NULL, fd);
}

static void empty_measure(struct cost *costs)
{
	uint32_t before = program_newest();
	int links[TRACEPOINTS];

	for (int i = 0; i < TRACEPOINTS; i++)
		links[i] = empty_attach(tracepoints[i]);
	work_short();
	if (costs_read(before, "empty", costs) != TRACEPOINTS)
		bench_die("the empty programs");
	for (int i = 0; i < TRACEPOINTS; i++)
		close(links[i]);
}

static void probes_measure(struct cost *costs)
{
	uint32_t before = program_newest();

	probes_on();
	work_short();
	if (costs_read(before, "probe_", costs) != TRACEPOINTS)
		bench_die("the probes");
	probes_off();
}

/* In turns, as what else runs on the machine moves both. */
static void unwatched_rows(void)
{
	int turns = bench_rounds(TURNS) < TURNS ? bench_rounds(TURNS) : TURNS;
	double empty[TRACEPOINTS][TURNS], probe[TRACEPOINTS][TURNS], more[TRACEPOINTS][TURNS];
	struct cost costs[PROGRAMS_MAX];
	char what[80];

	for (int turn = 0; turn < turns; turn++) {
		empty_measure(costs);
		for (int i = 0; i < TRACEPOINTS; i++)
			empty[i][turn] = costs[i].ns;
		probes_measure(costs);
		for (int i = 0; i < TRACEPOINTS; i++) {
			probe[i][turn] = costs[i].ns;
			more[i][turn] = probe[i][turn] - empty[i][turn];
		}
	}
	for (int i = 0; i < TRACEPOINTS; i++) {
		snprintf(what, sizeof(what), "%s, not watched: an empty program", tracepoints[i]);
		bench_row(what, "ns", empty[i], turns, 0);
		snprintf(what, sizeof(what), "%s, not watched: the probe", tracepoints[i]);
		bench_row(what, "ns", probe[i], turns, 0);
		snprintf(what, sizeof(what), "%s, not watched: more than the empty one", tracepoints[i]);
		bench_row(what, "ns", more[i], turns, 0);
	}
}

/* ---- each program ---- */

static void program_rows(const char *name, void (*work)(void), bool watched)
{
	struct cost costs[PROGRAMS_MAX];
	uint32_t before = program_newest();
	char what[128];
	int count;

	probes_on();
	work_run(work, watched);
	count = costs_read(before, "", costs);
	for (int i = 0; i < count; i++) {
		snprintf(what, sizeof(what), "%.40s, %s: %.20s", name, watched ? "watched" : "not watched", costs[i].name);
		bench_row(what, "ns", &costs[i].ns, 1, 0);
	}
	probes_off();
}

void program_bench(void)
{
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (stats < 0)
		bench_die("BPF statistics");
	unwatched_rows();
	for (int watched = 0; watched < 2; watched++) {
		program_rows("fork+exec+exit", work_spawn, watched);
		program_rows("signals", work_signals, watched);
		program_rows("crashes", work_crash, watched);
	}
	close(stats);
}
