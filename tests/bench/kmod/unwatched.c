// SPDX-License-Identifier: GPL-2.0-only
/*
 * What those pay whom nobody watches. They live in a process of their own, the
 * runner, which is the same whether the module is loaded or not: what the
 * client of the module maps would be copied with each fork.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 21
#define EXECS 50
#define SIGNALS 5000
#define PINGS 1000

enum setting { WITHOUT, IDLE, WATCHING, SETTINGS };

static const char *const setting_names[SETTINGS] = { "without the module", "no watch", "a watch elsewhere" };

/* fork + exec + exit: ns each */
static int64_t exec_cost(void)
{
	int64_t begin = now_ns();

	for (int i = 0; i < EXECS; i++) {
		if (!fork()) {
			execl("./victim", "victim", "exit", "0", NULL);
			_exit(1);
		}
		wait(NULL);
	}
	return (now_ns() - begin) / EXECS;
}

/* A handled signal, generated and delivered: ns each */
static int64_t handled_cost(void)
{
	int64_t begin = now_ns();

	for (int i = 0; i < SIGNALS; i++)
		signal_self(SIGUSR1);
	return (now_ns() - begin) / SIGNALS;
}

/* A signal to another process and one back, each awaited: ns for both */
static int64_t ping_cost(void)
{
	sigset_t wait_for;
	int64_t begin;
	pid_t pid;
	int signo;

	sigemptyset(&wait_for);
	sigaddset(&wait_for, SIGUSR2);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < PINGS; i++) {
			sigwait(&wait_for, &signo);
			kill(getppid(), SIGUSR2);
		}
		_exit(0);
	}
	begin = now_ns();
	for (int i = 0; i < PINGS; i++) {
		kill(pid, SIGUSR2);
		sigwait(&wait_for, &signo);
	}
	begin = now_ns() - begin;
	waitpid(pid, NULL, 0);
	return begin / PINGS;
}

static const struct load {
	const char *what;
	int64_t (*cost)(void);
} loads[] = {
	{ "fork + exec + exit", exec_cost },
	{ "handled signal to oneself", handled_cost },
	{ "signal to another and back", ping_cost },
};

#define LOADS ARRAY_SIZE(loads)

static void nothing(int signo)
{
}

/* For each byte that comes, what that load costs. */
static _Noreturn void runner(int from, int to)
{
	sigset_t set;
	int64_t cost;
	char load;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGUSR1, nothing);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Whoever is awoken is always on the same CPU: else it is the scheduler that is measured. */
	pin(1);
	while (read(from, &load, 1) == 1) {
		cost = loads[(int)load].cost();
		if (write(to, &cost, sizeof(cost)) != sizeof(cost))
			break;
	}
	_exit(0);
}

static int64_t runner_ask(int to, int from, char load)
{
	int64_t cost;

	if (write(to, &load, 1) != 1 || read(from, &cost, sizeof(cost)) != sizeof(cost))
		die("the runner has ended", -EPIPE);
	return cost;
}

static int64_t costs[LOADS][SETTINGS][ROUNDS];

/* Alternately, so that the machine's moods fall on all of them. */
static void measure(int to, int from)
{
	struct client client;
	struct victim victim;
	int err;

	for (int round = 0; round < ROUNDS; round++) {
		for (enum setting setting = WITHOUT; setting < SETTINGS; setting++) {
			if (setting == IDLE) {
				err = module_load("") ?: client_open(&client);
				if (err)
					die("loading the module", err);
			}
			if (setting == WATCHING) {
				err = victim_start(&client, &victim, sleep_for_ever, NULL);
				if (err)
					die("setting a watch", err);
			}
			for (size_t load = 0; load < LOADS; load++)
				costs[load][setting][round] = runner_ask(to, from, load);
		}
		victim_kill(&victim);
		client_close(&client);
		err = module_unload();
		if (err)
			die("unloading the module", err);
	}
}

void unwatched_bench(void)
{
	int ask[2], answer[2];
	pid_t pid;

	if (pipe(ask) || pipe(answer))
		die("a pipe", -errno);
	pid = fork();
	if (!pid) {
		close(ask[1]);
		runner(ask[0], answer[1]);
	}
	close(ask[0]);
	close(answer[1]);
	measure(ask[1], answer[0]);
	close(ask[1]);
	close(answer[0]);
	waitpid(pid, NULL, 0);
	for (size_t load = 0; load < LOADS; load++) {
		struct figures base = { costs[load][WITHOUT], ROUNDS };

		for (enum setting setting = WITHOUT; setting < SETTINGS; setting++) {
			struct figures figures = { costs[load][setting], ROUNDS };
			char what[96];

			strcpy(stpcpy(stpcpy(what, loads[load].what), ", "), setting_names[setting]);
			row_print(what, "ns", &figures, &base);
		}
	}
}
