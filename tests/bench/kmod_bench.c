// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module costs, and how soon a fault is known. To be run in a VM, as
 * it loads and unloads the module: tests/vm/bench-kmod.sh. Under emulation
 * only the ratios mean something. Prints JSON.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "victims.h"

#define ROUNDS 15
#define EXECS 50
#define SIGNALS 5000
#define FAULTS 200

enum setting { WITHOUT, IDLE, WATCHING, SETTINGS };

static const char *const setting_names[SETTINGS] = { "without", "no_watch", "watch_elsewhere" };

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t quantile(int64_t *values, int count, double part)
{
	qsort(values, count, sizeof(*values), compare);
	return values[(int)((count - 1) * part)];
}

static void die(const char *what, int err)
{
	fprintf(stderr, "kmod_bench: %s: %s\n", what, strerror(-err));
	exit(1);
}

/* fork + exec + exit of a process that nobody watches: ns each */
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

static void nothing(int signo)
{
}

/* A handled signal, generated and delivered: ns each */
static int64_t signal_cost(void)
{
	int64_t begin = now_ns();

	for (int i = 0; i < SIGNALS; i++)
		signal_self(SIGUSR1);
	return (now_ns() - begin) / SIGNALS;
}

static void sleep_for_ever(void *with)
{
	for (;;)
		pause();
}

static int64_t execs[SETTINGS][ROUNDS], handled[SETTINGS][ROUNDS];

/* Alternately, so that the machine's moods fall on all of them. */
static void costs(void)
{
	struct client client;
	struct victim victim;
	int err;

	signal(SIGUSR1, nothing);
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
			execs[setting][round] = exec_cost();
			handled[setting][round] = signal_cost();
		}
		kill(victim.pid, SIGKILL);
		waitpid(victim.pid, NULL, 0);
		client_close(&client);
		err = module_unload();
		if (err)
			die("unloading the module", err);
	}
}

static void print_cost(const char *name, int64_t values[SETTINGS][ROUNDS])
{
	/* The best round is the least disturbed one. */
	double base = quantile(values[WITHOUT], ROUNDS, 0);

	printf("  \"%s\": {", name);
	for (enum setting setting = WITHOUT; setting < SETTINGS; setting++)
		printf("%s\"%s\": {\"best_ns\": %lld, \"p50_ns\": %lld, \"ratio\": %.3f}",
		       setting ? ", " : "", setting_names[setting],
		       (long long)quantile(values[setting], ROUNDS, 0),
		       (long long)quantile(values[setting], ROUNDS, 0.5),
		       quantile(values[setting], ROUNDS, 0) / base);
	printf("},\n");
}

static int64_t *fault_time;

static void note_and_fault(void *with)
{
	*fault_time = now_ns();
	signal_self(SIGSEGV);
}

static int64_t waited[FAULTS], told[FAULTS], captured[FAULTS];

static void *wait_for(void *with)
{
	int64_t *at = with;

	waitpid(*(pid_t *)(at + 1), NULL, 0);
	*at = now_ns();
	return NULL;
}

static bool is_fatal(const struct event *event, uint64_t cookie)
{
	return event->record.cookie == cookie && event->record.type == FAULTLINE_RECORD_FATAL;
}

static void latencies(void)
{
	struct client client;
	int err = module_load("") ?: client_open(&client) ?: client_join(&client);

	if (err)
		die("loading the module", err);
	fault_time = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < FAULTS; i++) {
		int64_t waiter[2] = {};
		struct victim victim;
		pthread_t thread;

		err = victim_start(&client, &victim, note_and_fault, NULL);
		if (err)
			die("setting a watch", err);
		memcpy(&waiter[1], &victim.pid, sizeof(victim.pid));
		pthread_create(&thread, NULL, wait_for, waiter);
		err = client_wait(&client, 5000, is_fatal, victim.cookie);
		if (err)
			die("waiting for a record", err);
		told[i] = now_ns() - *fault_time;
		captured[i] = client.events[0].capture ? client.events[0].capture->cost_ns : 0;
		pthread_join(thread, NULL);
		waited[i] = waiter[0] - *fault_time;
		client_wait_last(&client, victim.cookie);
		client_forget(&client);
	}
	client_close(&client);
	module_unload();
}

static void print_times(const char *name, int64_t *values, const char *behind)
{
	printf("  \"%s\": {\"p50_ns\": %lld, \"p99_ns\": %lld, \"worst_ns\": %lld}%s\n", name,
	       (long long)quantile(values, FAULTS, 0.5), (long long)quantile(values, FAULTS, 0.99),
	       (long long)quantile(values, FAULTS, 1), behind);
}

int main(void)
{
	costs();
	latencies();
	printf("{\n");
	print_cost("fork_exec_exit", execs);
	print_cost("handled_signal", handled);
	print_times("fault_to_record", told, ",");
	print_times("fault_to_waitpid", waited, ",");
	print_times("capture", captured, "");
	printf("}\n");
	return 0;
}
