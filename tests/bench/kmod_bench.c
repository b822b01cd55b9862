// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module costs, and how soon a fault is known. To be run in a VM, as
 * it loads and unloads the module: tests/vm/bench-kmod.sh. Under emulation
 * only the ratios mean something. Prints JSON.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "client.h"
#include "emitter.h"
#include "victims.h"

#define ROUNDS 15
#define EXECS 50
#define SIGNALS 5000
#define PINGS 300
#define FAULTS 200
#define BATCHES 500
#define STORM_S 10

enum setting { WITHOUT, IDLE, WATCHING, SETTINGS };

static const char *const setting_names[SETTINGS] = { "without the module", "no watch", "a watch elsewhere" };

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

/* A signal to another process and one back, each awaited: ns for both */
static int64_t ping_cost(void)
{
	sigset_t wait_for;
	int64_t begin;
	pid_t pid;
	int signo;

	sigemptyset(&wait_for);
	sigaddset(&wait_for, SIGUSR2);
	sigprocmask(SIG_BLOCK, &wait_for, NULL);
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

static int64_t execs[SETTINGS][ROUNDS], handled[SETTINGS][ROUNDS], pings[SETTINGS][ROUNDS];

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
			pings[setting][round] = ping_cost();
		}
		kill(victim.pid, SIGKILL);
		waitpid(victim.pid, NULL, 0);
		client_close(&client);
		err = module_unload();
		if (err)
			die("unloading the module", err);
	}
}

static const char *behind = "";

/* @base: the best value of what it is compared with; 0: nothing */
static void print_row(const char *what, const char *setting, int64_t *values, int count, int64_t base)
{
	printf("%s    {\"what\": \"%s%s%s\", \"unit\": \"ns\", \"best\": %lld, \"p50\": %lld, \"p99\": %lld, \"worst\": %lld",
	       behind, what, *setting ? ", " : "", setting, (long long)quantile(values, count, 0),
	       (long long)quantile(values, count, 0.5), (long long)quantile(values, count, 0.99),
	       (long long)quantile(values, count, 1));
	if (base)
		printf(", \"ratio\": %.4f", (double)quantile(values, count, 0) / base);
	printf("}");
	behind = ",\n";
}

/* The best round is the least disturbed one: ratios are of that. */
static void print_cost(const char *what, int64_t values[SETTINGS][ROUNDS])
{
	int64_t base = quantile(values[WITHOUT], ROUNDS, 0);

	for (enum setting setting = WITHOUT; setting < SETTINGS; setting++)
		print_row(what, setting_names[setting], values[setting], ROUNDS, base);
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

static void emit_batch(struct emit *emit)
{
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts);

	bpf_prog_test_run_opts(bpf_program__fd(emit->progs.emit_often), &opts);
}

static int64_t records[BATCHES];

/* What a BPF program pays for a record, where a reader keeps the room free. */
static void record_cost(struct client *client, struct emit *emit)
{
	struct stats stats;

	for (int i = 0; i < BATCHES; i++) {
		int64_t begin = now_ns();

		emit_batch(emit);
		records[i] = (now_ns() - begin) / EMIT_TIMES;
		do
			client_stats(client, &stats);
		while (stats.value[FAULTLINE_STATS_A_SEQ] != stats.value[FAULTLINE_STATS_A_EMITTED]);
		client_ack(client, stats.value[FAULTLINE_STATS_A_SEQ]);
	}
}

/**
 * struct storm - what came of it
 * @emitted: records that were made, @lost of them lost
 * @delivered: that a reader has read and acknowledged
 * @ns: until all that was to be delivered was
 */
struct storm {
	uint64_t emitted, lost, delivered, busy;
	int64_t ns;
	bool exact;
};

static void storm(struct client *client, struct emit *emit, struct storm *result)
{
	int64_t begin = now_ns(), end = begin + STORM_S * 1000000000LL;
	struct stats before, stats;
	int running = 2;
	uint64_t seq;

	client_stats(client, &before);
	seq = before.value[FAULTLINE_STATS_A_SEQ];
	memset(&emit->bss->emitted, 0, sizeof(emit->bss->emitted));
	emit->bss->lost = 0;
	for (int i = 0; i < 2; i++) {
		if (!fork()) {
			while (now_ns() < end)
				emit_batch(emit);
			_exit(0);
		}
	}
	do {
		while (running && waitpid(-1, NULL, WNOHANG) > 0)
			running--;
		client_dump(client, seq);
		seq += client->count;
		client_forget(client);
		client_ack(client, seq);
		client_stats(client, &stats);
	} while (running || stats.value[FAULTLINE_STATS_A_PENDING]);
	result->ns = now_ns() - begin;
	result->emitted = stats.value[FAULTLINE_STATS_A_EMITTED] - before.value[FAULTLINE_STATS_A_EMITTED];
	result->delivered = seq - before.value[FAULTLINE_STATS_A_SEQ];
	result->lost = stats.value[FAULTLINE_STATS_A_LOST_NO_SLOT] -
		       before.value[FAULTLINE_STATS_A_LOST_NO_SLOT];
	result->busy = emit->bss->busy;
	result->exact = result->emitted == result->delivered + result->lost &&
			result->lost == emit->bss->lost &&
			result->emitted == emit->bss->emitted + emit->bss->lost;
}

static void streams(struct storm *result)
{
	struct faultline_record record;
	struct client client;
	struct victim victim;
	struct emit *emit;
	int err;

	err = module_load("") ?: client_open(&client);
	if (!err)
		err = victim_start(&client, &victim, sleep_for_ever, NULL);
	if (err)
		die("loading the module", err);
	emit = emitter_open();
	if (!emit)
		die("loading the BPF programs", -ENOEXEC);
	emitter_record(&record, victim.pid);
	memcpy(emit->bss->bytes, &record, sizeof(record));
	record_cost(&client, emit);
	storm(&client, emit, result);
	emitter_close(emit);
	kill(victim.pid, SIGKILL);
	waitpid(victim.pid, NULL, 0);
	client_close(&client);
	module_unload();
}

int main(void)
{
	struct utsname kernel;
	struct storm result;

	uname(&kernel);
	costs();
	latencies();
	streams(&result);
	printf("{\n  \"kernel\": \"%s\",\n  \"rows\": [\n", kernel.release);
	print_cost("fork + exec + exit", execs);
	print_cost("handled signal to oneself", handled);
	print_cost("signal to another and back", pings);
	print_row("fault to record", "", told, FAULTS, 0);
	print_row("fault to waitpid", "", waited, FAULTS, 0);
	print_row("capture", "", captured, FAULTS, 0);
	print_row("record of a BPF program", "", records, BATCHES, 0);
	printf("\n  ],\n  \"storm\": {\"records\": %llu, \"delivered\": %llu, \"lost\": %llu, \"busy\": %llu, \"seconds\": %.1f, \"made_per_s\": %.0f, \"ledger_exact\": %s}\n}\n",
	       (unsigned long long)result.emitted, (unsigned long long)result.delivered,
	       (unsigned long long)result.lost, (unsigned long long)result.busy, result.ns / 1e9,
	       (double)result.emitted / STORM_S, result.exact ? "true" : "false");
	return result.exact ? 0 : 1;
}
