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

#include "tests/bench/probes/bench.h"

#define TURNS 9
#define SIGNALS 100000
#define PROCESSES 3000
#define CRASHES 300

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

/* ---- beside an empty program ---- */

/* @program: of the probes */
static const struct {
	const char *tracepoint;
	const char *program;
} places[] = {
	{ "signal_generate", "probe_signal_generate" },
	{ "signal_deliver", "probe_signal_deliver" },
	{ "sched_process_fork", "probe_process_fork" },
	{ "sched_process_exit", "probe_process_exit" },
};
#define PLACES (int)(sizeof(places) / sizeof(places[0]))

static int empty_load(const char *tracepoint)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
	int fd;

	options.attach_btf_id = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", nothing, 2, &options);
	if (fd < 0)
		bench_die("an empty program");
	return fd;
}

static double program_ns(int fd)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) || !info.run_cnt)
		bench_die("an empty program did not run");
	return (double)info.run_time_ns / info.run_cnt;
}

static void empty_measure(double *ns)
{
	int programs[PLACES], links[PLACES];

	for (int i = 0; i < PLACES; i++) {
		programs[i] = empty_load(places[i].tracepoint);
		links[i] = bpf_raw_tracepoint_open(NULL, programs[i]);
		if (links[i] < 0)
			bench_die(places[i].tracepoint);
	}
	work_short();
	for (int i = 0; i < PLACES; i++) {
		ns[i] = program_ns(programs[i]);
		close(links[i]);
		close(programs[i]);
	}
}

/* What the probes cost so far, as status has it. */
static const struct source_statistics *statistics_read(void)
{
	static struct source_statistics statistics;

	if (source_probes.statistics(bench.source, &statistics))
		bench_die("the probes' statistics");
	return &statistics;
}

static double cost_find(const struct source_statistics *statistics, const char *program)
{
	for (int i = 0; i < statistics->n_costs; i++)
		if (!strcmp(statistics->costs[i].place, program))
			return (double)statistics->costs[i].ns / statistics->costs[i].calls;
	bench_die(program);
}

static void probes_measure(double *ns)
{
	probes_on();
	work_short();
	for (int i = 0; i < PLACES; i++)
		ns[i] = cost_find(statistics_read(), places[i].program);
	probes_off();
}

/* In turns, as what else runs on the machine moves both. */
static void unwatched_rows(void)
{
	int turns = bench_rounds(TURNS) < TURNS ? bench_rounds(TURNS) : TURNS;
	double empty[PLACES][TURNS], probe[PLACES][TURNS], more[PLACES][TURNS], ns[PLACES];
	char what[80];

	for (int turn = 0; turn < turns; turn++) {
		empty_measure(ns);
		for (int i = 0; i < PLACES; i++)
			empty[i][turn] = ns[i];
		probes_measure(ns);
		for (int i = 0; i < PLACES; i++) {
			probe[i][turn] = ns[i];
			more[i][turn] = probe[i][turn] - empty[i][turn];
		}
	}
	for (int i = 0; i < PLACES; i++) {
		snprintf(what, sizeof(what), "%s, not watched: an empty program", places[i].tracepoint);
		bench_row(what, "ns", empty[i], turns, 0);
		snprintf(what, sizeof(what), "%s, not watched: the probe", places[i].tracepoint);
		bench_row(what, "ns", probe[i], turns, 0);
		snprintf(what, sizeof(what), "%s, not watched: more than the empty one", places[i].tracepoint);
		bench_row(what, "ns", more[i], turns, 0);
	}
}

/* ---- each program ---- */

static void program_rows(const char *name, void (*work)(void), bool watched)
{
	const struct source_statistics *statistics;
	char what[128];

	probes_on();
	work_run(work, watched);
	statistics = statistics_read();
	for (int i = 0; i < statistics->n_costs; i++) {
		const struct source_cost *cost = &statistics->costs[i];
		double ns = (double)cost->ns / cost->calls;

		snprintf(what, sizeof(what), "%s, %s: %s", name, watched ? "watched" : "not watched", cost->place);
		bench_row(what, "ns", &ns, 1, 0);
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
