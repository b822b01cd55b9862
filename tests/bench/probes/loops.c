// SPDX-License-Identifier: GPL-2.0-only
/* What watching costs work that starts processes or sends signals: with the probes off, on, and watching it, in turns. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/probes/bench.h"

#define TURNS 9

extern char **environ;

/* ---- work ---- */

void work_spawn(void)
{
	static char *const argv[] = { "true", NULL };

	for (int i = 0; i < WORK_PROCESSES; i++) {
		pid_t child;

		if (posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ))
			_exit(1);
		waitpid(child, NULL, 0);
	}
}

static void on_signal(int signo)
{
}

static void play(pid_t other, bool begins)
{
	sigset_t none;

	sigemptyset(&none);
	for (int i = 0; i < WORK_SIGNALS; i++) {
		if (begins)
			kill(other, SIGUSR1);
		sigsuspend(&none);
		if (!begins)
			kill(other, SIGUSR1);
	}
}

void work_signals(void)
{
	cpu_set_t first;
	sigset_t set;
	pid_t other;

	signal(SIGUSR1, on_signal);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	other = fork();
	if (!other) {
		play(getppid(), false);
		_exit(0);
	}
	play(other, true);
	waitpid(other, NULL, 0);
}

/* What this process and those that it waited for spent, precise where wall time has others' load in it. */
static uint64_t cpu_ns(void)
{
	static const int who[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	uint64_t us = 0;

	for (int i = 0; i < 2; i++) {
		struct rusage usage;

		getrusage(who[i], &usage);
		us += (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ULL +
		      usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	}
	return us * 1000;
}

double work_run(void (*work)(void), bool watched)
{
	uint64_t *took = bench.shared;
	int gate[2];
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC))
		bench_die("pipe");
	*took = 0;
	pid = fork();
	if (!pid) {
		uint64_t begin;
		char byte;

		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			_exit(1);
		begin = cpu_ns();
		work();
		*took = cpu_ns() - begin;
		_exit(0);
	}
	if (watched)
		probes_watch(pid);
	close(gate[0]);
	close(gate[1]);
	waitpid(pid, NULL, 0);
	if (watched)
		ev_run(bench.loop, EVRUN_NOWAIT);
	if (!*took)
		bench_die("the work was not done");
	return *took;
}

/* ---- turns ---- */

static void loop_rows(const char *name, void (*work)(void), int times)
{
	enum { OFF, UNWATCHED, WATCHED, MODES };
	static const char *const modes[] = { "probes off", "on, unwatched", "on, watched" };
	int turns = bench_rounds(TURNS) < TURNS ? bench_rounds(TURNS) : TURNS;
	double took[MODES][TURNS], reference = 0;
	char what[80];

	for (int i = 0; i < turns; i++) {
		took[OFF][i] = work_run(work, false) / times / 1e3;
		probes_on();
		took[UNWATCHED][i] = work_run(work, false) / times / 1e3;
		took[WATCHED][i] = work_run(work, true) / times / 1e3;
		probes_off();
	}
	for (int m = 0; m < MODES; m++) {
		double median;

		snprintf(what, sizeof(what), "%s: %s", name, modes[m]);
		median = bench_row(what, "us", took[m], turns, reference);
		reference = m ? reference : median;
	}
}

void loop_bench(void)
{
	loop_rows("fork+exec+exit", work_spawn, WORK_PROCESSES);
	loop_rows("signal there and back", work_signals, WORK_SIGNALS);
}
