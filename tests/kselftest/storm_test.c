// SPDX-License-Identifier: GPL-2.0-only
/*
 * Storms: 200,000 records from two CPUs, as fast as they can, with readers
 * that keep up, sleep, or are not there. How fast that is, a benchmark tells;
 * here each record is delivered once or counted as lost, to the last one.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "kselftest_harness.h"
#include "client.h"
#include "emitter.h"
#include "victims.h"

#define STORM 200064	/* a multiple of EMITTERS * EMIT_TIMES */
#define EMITTERS 2

FIXTURE(storm) {
	struct client client;
	struct victim victim;
	struct stats stats;
	struct emit *emit;
	pid_t emitters[EMITTERS];
};

FIXTURE_VARIANT(storm) {
	const char *parameters;
	unsigned int sleep_ms;	/* of the reader, after each dump */
};

FIXTURE_VARIANT_ADD(storm, as_delivered) { .parameters = "" };
FIXTURE_VARIANT_ADD(storm, reader_that_sleeps) { .parameters = "kept=4096", .sleep_ms = 200 };
FIXTURE_VARIANT_ADD(storm, little_room) { .parameters = "slots=8 kept=64" };

static void sleep_for_ever(void *with)
{
	for (;;)
		pause();
}

FIXTURE_SETUP(storm)
{
	struct faultline_record record;

	memset(self, 0, sizeof(*self));
	if (module_loaded())
		ASSERT_EQ(module_unload(), 0);
	ASSERT_EQ(module_load(variant->parameters), 0);
	self->emit = emitter_open();
	ASSERT_NE(self->emit, NULL);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(victim_start(&self->client, &self->victim, sleep_for_ever, NULL), 0);
	emitter_record(&record, self->victim.pid);
	memcpy(self->emit->bss->bytes, &record, sizeof(record));
}

FIXTURE_TEARDOWN(storm)
{
	for (int i = 0; i < EMITTERS; i++) {
		kill(self->emitters[i], SIGKILL);
		waitpid(self->emitters[i], NULL, 0);
	}
	kill(self->victim.pid, SIGKILL);
	waitpid(self->victim.pid, NULL, 0);
	emitter_close(self->emit);
	client_close(&self->client);
	ASSERT_EQ(module_unload(), 0);
}

static pid_t emitter_start(struct emit *emit, int cpu, unsigned int records)
{
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts);
	pid_t pid = fork();
	cpu_set_t cpus;

	if (pid)
		return pid;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	for (unsigned int i = 0; i < records; i += EMIT_TIMES)
		if (bpf_prog_test_run_opts(bpf_program__fd(emit->progs.emit_often), &opts))
			_exit(1);
	_exit(0);
}

#define STAT(name) (self->stats.value[FAULTLINE_STATS_A_##name])

TEST_F_TIMEOUT(storm, ledger_is_exact, 300)
{
	struct emit__bss *made = self->emit->bss;
	uint64_t seq = 0, begin, end;
	int running = EMITTERS, status;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	begin = now.tv_sec * 1000 + now.tv_nsec / 1000000;
	end = begin;
	for (int i = 0; i < EMITTERS; i++) {
		self->emitters[i] = emitter_start(self->emit, i, STORM / EMITTERS);
		ASSERT_GT(self->emitters[i], 0);
	}
	do {
		for (pid_t pid; running && (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
			ASSERT_NE(pid, self->victim.pid);
			ASSERT_EQ(status, 0);
			clock_gettime(CLOCK_MONOTONIC, &now);
			end = now.tv_sec * 1000 + now.tv_nsec / 1000000;
			running--;
		}
		ASSERT_EQ(client_dump(&self->client, seq), 0);
		for (size_t i = 0; i < self->client.count; i++) {
			ASSERT_EQ(self->client.events[i].record.seq, ++seq);
			ASSERT_EQ(self->client.events[i].record.watch, self->victim.watch);
		}
		client_forget(&self->client);
		ASSERT_EQ(client_ack(&self->client, seq), 0);
		ASSERT_EQ(client_stats(&self->client, &self->stats), 0);
		ASSERT_TRUE(stats_balance(&self->stats));
		if (running)
			usleep(variant->sleep_ms * 1000);
	} while (running || STAT(PENDING));
	ASSERT_EQ(client_stats(&self->client, &self->stats), 0);
	/* Where this machine stops a CPU that holds the lock, others give up: that is counted too. */
	EXPECT_EQ(made->emitted + made->lost + made->busy, STORM);
	EXPECT_EQ(made->refused, 0);
	EXPECT_EQ(STAT(EMITTED), made->emitted + made->lost);
	EXPECT_EQ(STAT(REFUSED), made->busy);
	EXPECT_EQ(STAT(LOST_NO_SLOT), made->lost);
	EXPECT_EQ(STAT(DELIVERED), made->emitted);
	EXPECT_EQ(seq, made->emitted);
	TH_LOG("of %d %llu lost, %llu busy; %llu records/s", STORM,
	       (unsigned long long)made->lost, (unsigned long long)made->busy,
	       (unsigned long long)(STORM * 1000ULL / (end - begin + 1)));
}

TEST_HARNESS_MAIN
