// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an operator sees and can switch: counts of each kind, costs of each
 * place, the module's own trace events, the detectors' switches.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

#define PARAMETERS "/sys/module/faultline/parameters/"
#define EVENTS "/sys/kernel/tracing/instances/faultline/"

FIXTURE(stats) {
	struct client client;
	struct victim victim;
	struct stats stats;
};

FIXTURE_SETUP(stats)
{
	memset(self, 0, sizeof(*self));
	if (module_loaded())
		ASSERT_EQ(module_unload(), 0);
	ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_join(&self->client), 0);
}

FIXTURE_TEARDOWN(stats)
{
	client_close(&self->client);
	ASSERT_EQ(module_unload(), 0);
}

static void raise_signal(void *with)
{
	signal_self(*(int *)with);
}

static void end(void *with)
{
}

#define STATS() ASSERT_EQ(client_stats(&self->client, &self->stats), 0)
#define STAT(name) (self->stats.value[FAULTLINE_STATS_A_##name])

#define RUN(function, with) do {						\
	ASSERT_EQ(victim_start(&self->client, &self->victim, function, with), 0); \
	ASSERT_EQ(waitpid(self->victim.pid, NULL, 0), self->victim.pid);	\
} while (0)

TEST_F(stats, records_by_kind)
{
	int segv = SIGSEGV, term = SIGTERM;
	uint64_t sum = 0;

	for (int i = 0; i < 3; i++)
		RUN(raise_signal, &segv);
	RUN(raise_signal, &term);
	RUN(end, NULL);
	STATS();
	EXPECT_EQ(self->stats.records[FAULTLINE_RECORD_FATAL][SIGSEGV], 3);
	EXPECT_EQ(self->stats.records[FAULTLINE_RECORD_FATAL][SIGTERM], 1);
	EXPECT_EQ(self->stats.records[FAULTLINE_RECORD_EXIT][0], 5);
	for (int type = 0; type <= FAULTLINE_RECORD_RANGE; type++)
		for (int kind = 0; kind < 65; kind++)
			sum += self->stats.records[type][kind];
	EXPECT_EQ(sum, STAT(EMITTED));
}

/* Costs are measured while the switch is on, and not before or after. */
TEST_F(stats, costs)
{
	static const char *const places[] = {
		"signal_generate", "signal_deliver", "sched_process_fork", "sched_process_exit",
		"capture",
	};
	int segv = SIGSEGV;
	uint64_t calls;

	RUN(raise_signal, &segv);
	STATS();
	EXPECT_EQ(self->stats.cost_count, 6);
	for (size_t i = 0; i < self->stats.cost_count; i++)
		EXPECT_EQ(self->stats.costs[i].calls, 0);
	ASSERT_EQ(file_write(PARAMETERS "measure", "1"), 0);
	RUN(raise_signal, &segv);
	ASSERT_EQ(file_write(PARAMETERS "measure", "0"), 0);
	STATS();
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		EXPECT_GT(stats_calls(&self->stats, places[i]), 0) {
			TH_LOG("%s", places[i]);
		}
	}
	for (size_t i = 0; i < self->stats.cost_count; i++) {
		EXPECT_LE(self->stats.costs[i].worst_ns, self->stats.costs[i].ns);
		if (self->stats.costs[i].calls)
			EXPECT_GT(self->stats.costs[i].ns, 0);
	}
	calls = stats_calls(&self->stats, "signal_generate");
	RUN(raise_signal, &segv);
	STATS();
	EXPECT_EQ(stats_calls(&self->stats, "signal_generate"), calls);
}

TEST_F(stats, signals_off)
{
	int segv = SIGSEGV;

	ASSERT_EQ(file_write(PARAMETERS "signals", "N"), 0);
	RUN(raise_signal, &segv);
	ASSERT_EQ(client_wait_last(&self->client, self->victim.cookie), 0);
	ASSERT_EQ(self->client.count, 1);
	EXPECT_EQ(self->client.events[0].record.type, FAULTLINE_RECORD_EXIT);
	STATS();
	EXPECT_EQ(STAT(EMITTED), 1);
	EXPECT_EQ(STAT(SWITCHED_OFF), 1);
	EXPECT_TRUE(stats_balance(&self->stats));
	client_forget(&self->client);
	ASSERT_EQ(file_write(PARAMETERS "signals", "Y"), 0);
	RUN(raise_signal, &segv);
	ASSERT_EQ(client_wait_last(&self->client, self->victim.cookie), 0);
	ASSERT_EQ(self->client.count, 2);
	EXPECT_TRUE(self->client.events[0].record.flags & FAULTLINE_F_CAPTURE);
}

TEST_F(stats, captures_off)
{
	int segv = SIGSEGV;

	ASSERT_EQ(file_write(PARAMETERS "capturing", "N"), 0);
	RUN(raise_signal, &segv);
	ASSERT_EQ(client_wait_last(&self->client, self->victim.cookie), 0);
	ASSERT_EQ(self->client.count, 2);
	EXPECT_EQ(self->client.events[0].record.type, FAULTLINE_RECORD_FATAL);
	EXPECT_EQ(self->client.events[0].record.flags & FAULTLINE_F_CAPTURE, 0);
	STATS();
	EXPECT_EQ(STAT(CAPTURES_MISSED), 0);
}

/* The end of the watch is not told then, but the watch ends. */
TEST_F(stats, exits_off)
{
	ASSERT_EQ(file_write(PARAMETERS "exits", "N"), 0);
	RUN(end, NULL);
	STATS();
	EXPECT_EQ(STAT(EMITTED), 0);
	EXPECT_EQ(STAT(SWITCHED_OFF), 1);
	EXPECT_EQ(STAT(WATCHES), 0);
	EXPECT_EQ(STAT(PROCESSES), 0);
}

static bool is_type(const struct event *event, uint64_t type)
{
	return event->record.type == type;
}

#define START(function, attr, value) do {					\
	struct settings _settings = {};						\
	settings_give(&_settings, attr, value);					\
	ASSERT_EQ(victim_start_with(&self->client, &self->victim, &_settings,	\
				    function, NULL), 0);			\
} while (0)
#define WAIT(type) ASSERT_EQ(client_wait(&self->client, 60000, is_type, type), 0)

static void spin(void *with)
{
	for (;;)
		asm volatile("");
}

/* Nothing is looked for, and so nothing counted; and what lasts is told once it is looked for again. */
TEST_F_TIMEOUT(stats, hangs_off, 200)
{
	uint64_t scans;

	ASSERT_EQ(file_write(PARAMETERS "hangs", "N"), 0);
	START(spin, FAULTLINE_WATCH_A_SPIN_MS, 200);
	client_wait(&self->client, 3000, NULL, 0);
	EXPECT_EQ(self->client.count, 0);
	STATS();
	scans = STAT(SCANS);
	EXPECT_EQ(STAT(EMITTED), 0);
	EXPECT_EQ(STAT(THREADS), 0);
	ASSERT_EQ(file_write(PARAMETERS "hangs", "Y"), 0);
	WAIT(FAULTLINE_RECORD_HANG);
	STATS();
	EXPECT_GT(STAT(SCANS), scans);
	EXPECT_EQ(STAT(SWITCHED_OFF), 0);
	kill(self->victim.pid, SIGKILL);
	ASSERT_EQ(waitpid(self->victim.pid, NULL, 0), self->victim.pid);
}

static void open_files(void *with)
{
	for (int i = 0; i < 20; i++)
		(void)!dup(0);
	spin(NULL);
}

TEST_F_TIMEOUT(stats, limits_off, 120)
{
	ASSERT_EQ(file_write(PARAMETERS "limit_ms", "100"), 0);
	ASSERT_EQ(file_write(PARAMETERS "limits", "N"), 0);
	START(open_files, FAULTLINE_WATCH_A_SOFT_FILES, 10);
	client_wait(&self->client, 2000, NULL, 0);
	EXPECT_EQ(self->client.count, 0);
	STATS();
	EXPECT_EQ(STAT(EMITTED), 0);
	ASSERT_EQ(file_write(PARAMETERS "limits", "Y"), 0);
	WAIT(FAULTLINE_RECORD_LIMIT);
	kill(self->victim.pid, SIGKILL);
	ASSERT_EQ(waitpid(self->victim.pid, NULL, 0), self->victim.pid);
}

static void abort_self(void *with)
{
	signal_self(SIGABRT);
}

/* What nobody is told of is not held either. */
TEST_F_TIMEOUT(stats, holds_off, 120)
{
	ASSERT_EQ(file_write(PARAMETERS "holds", "N"), 0);
	START(abort_self, FAULTLINE_WATCH_A_HOLD_MS, 3600000);
	ASSERT_EQ(waitpid(self->victim.pid, NULL, 0), self->victim.pid);
	ASSERT_EQ(client_wait_last(&self->client, self->victim.cookie), 0);
	ASSERT_EQ(self->client.count, 2);
	EXPECT_EQ(self->client.events[0].record.type, FAULTLINE_RECORD_FATAL);
	EXPECT_TRUE(self->client.events[0].record.flags & FAULTLINE_F_CAPTURE);
	STATS();
	EXPECT_EQ(STAT(SWITCHED_OFF), 1);
	EXPECT_TRUE(stats_balance(&self->stats));
	client_forget(&self->client);
	ASSERT_EQ(file_write(PARAMETERS "holds", "Y"), 0);
	START(abort_self, FAULTLINE_WATCH_A_HOLD_MS, 3600000);
	WAIT(FAULTLINE_RECORD_HELD);
	ASSERT_EQ(client_release(&self->client, self->victim.watch), 0);
	ASSERT_EQ(waitpid(self->victim.pid, NULL, 0), self->victim.pid);
}

/* What was traced of the module in an instance of its own. */
static char trace[1 << 16];

TEST_F(stats, trace_events)
{
	int segv = SIGSEGV, fd;
	char expected[128];
	ssize_t len;

	if (mkdir(EVENTS, 0700) && errno != EEXIST)
		SKIP(return, "no tracefs at /sys/kernel/tracing");
	ASSERT_EQ(file_write(EVENTS "events/faultline/enable", "1"), 0);
	RUN(raise_signal, &segv);
	ASSERT_EQ(client_wait_last(&self->client, self->victim.cookie), 0);
	fd = open(EVENTS "trace", O_RDONLY);
	ASSERT_GE(fd, 0);
	for (size_t at = 0; (len = read(fd, trace + at, sizeof(trace) - 1 - at)) > 0; at += len)
		;
	close(fd);
	snprintf(expected, sizeof(expected), "faultline_watch_begin: watch=%u cookie=%llu",
		 self->victim.watch, (unsigned long long)self->victim.cookie);
	EXPECT_NE(strstr(trace, expected), NULL);
	snprintf(expected, sizeof(expected), "faultline_record: type=fatal watch=%u cookie=%llu tgid=%d",
		 self->victim.watch, (unsigned long long)self->victim.cookie, self->victim.pid);
	EXPECT_NE(strstr(trace, expected), NULL);
	snprintf(expected, sizeof(expected), "faultline_record: type=exit watch=%u", self->victim.watch);
	EXPECT_NE(strstr(trace, expected), NULL);
	EXPECT_NE(strstr(trace, "faultline_watch_end: "), NULL);
	ASSERT_EQ(file_write(EVENTS "events/faultline/enable", "0"), 0);
	ASSERT_EQ(rmdir(EVENTS), 0);
}

TEST_HARNESS_MAIN
