// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stream's promise: every record is counted as delivered, pending or lost,
 * and what has a sequence number reaches whoever asks until it is acknowledged.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

FIXTURE(stream) {
	struct client client;
	struct victim victim;
	struct stats stats;
};

FIXTURE_SETUP(stream)
{
	memset(self, 0, sizeof(*self));
	self->client.fd = -1;
}

FIXTURE_TEARDOWN(stream)
{
	if (self->client.fd >= 0)
		client_close(&self->client);
	ASSERT_EQ(module_unload(), 0);
}

#define LOAD(parameters) do {							\
	if (module_loaded())							\
		ASSERT_EQ(module_unload(), 0);					\
	ASSERT_EQ(module_load(parameters), 0);					\
	ASSERT_EQ(client_open(&self->client), 0);				\
} while (0)

#define STATS() ASSERT_EQ(client_stats(&self->client, &self->stats), 0)
#define STAT(name) (self->stats.value[FAULTLINE_STATS_A_##name])

/* Children that fault one after the other, none with a memory of its own. */
static void fault_often(int times)
{
	while (times--) {
		if (!vfork()) {
			signal_self(SIGSEGV);
			_exit(1);
		}
		wait(NULL);
	}
}

static void fault_times(void *with)
{
	fault_often(*(int *)with);
}

/* Records that fault_times() makes: each child two, and its own end. */
#define RECORDS(times) (2 * (times) + 1)

#define RUN(times) do {								\
	int count = times;							\
	ASSERT_EQ(victim_start(&self->client, &self->victim, fault_times, &count), 0); \
	ASSERT_EQ(waitpid(self->victim.pid, NULL, 0), self->victim.pid);	\
} while (0)

/* The thread that numbers the records needs a moment. */
static bool settle(struct client *client, struct stats *stats, int what, uint64_t value)
{
	for (int i = 0; i < 30000; i++) {
		if (client_stats(client, stats))
			return false;
		if (stats->value[what] == value)
			return true;
		usleep(1000);
	}
	return false;
}

#define SETTLE(name, is) \
	ASSERT_TRUE(settle(&self->client, &self->stats, FAULTLINE_STATS_A_##name, is))

TEST_F(stream, reader_that_never_acknowledges)
{
	uint64_t got = 0, seq = 0;

	LOAD("slots=8 kept=8 captures=4");
	RUN(40);
	SETTLE(SEQ, 8);
	EXPECT_EQ(STAT(EMITTED), RECORDS(40));
	EXPECT_TRUE(stats_balance(&self->stats));
	EXPECT_EQ(STAT(DELIVERED), 0);
	/* What is kept, and what one CPU or all have room for. */
	EXPECT_GE(STAT(PENDING), 8 + 8);
	EXPECT_LE(STAT(PENDING), 8 + 8 * sysconf(_SC_NPROCESSORS_CONF));
	EXPECT_EQ(STAT(LOST_NO_SLOT), RECORDS(40) - STAT(PENDING));
	EXPECT_GT(STAT(CAPTURES_MISSED), 0);

	/* Everything that is not lost comes, in order, as room is made. */
	while (STAT(PENDING)) {
		client_forget(&self->client);
		ASSERT_EQ(client_dump(&self->client, seq), 0);
		for (size_t i = 0; i < self->client.count; i++)
			ASSERT_EQ(self->client.events[i].record.seq, ++seq);
		got += self->client.count;
		ASSERT_EQ(client_ack(&self->client, seq), 0);
		STATS();
		ASSERT_TRUE(stats_balance(&self->stats));
	}
	EXPECT_EQ(STAT(DELIVERED), got);
	EXPECT_EQ(STAT(DELIVERED) + STAT(LOST_NO_SLOT), RECORDS(40));

	/* And it goes on: with room, nothing is lost. */
	RUN(2);
	SETTLE(SEQ, got + RECORDS(2));
	EXPECT_EQ(STAT(EMITTED), RECORDS(40) + RECORDS(2));
	EXPECT_TRUE(stats_balance(&self->stats));
}

TEST_F(stream, reader_that_comes_late)
{
	struct client *client = &self->client;

	LOAD("");
	RUN(1);
	SETTLE(SEQ, 3);
	ASSERT_EQ(client_dump(client, 0), 0);
	ASSERT_EQ(client->count, 3);
	EXPECT_EQ(client->events[0].record.type, FAULTLINE_RECORD_FATAL);
	EXPECT_NE(client->events[0].capture, NULL);
	EXPECT_EQ(client->events[1].record.type, FAULTLINE_RECORD_EXIT);
	EXPECT_EQ(client->events[1].record.tgid, client->events[0].record.tgid);
	EXPECT_TRUE(client->events[2].record.flags & FAULTLINE_F_LAST);

	client_forget(client);
	ASSERT_EQ(client_dump(client, 2), 0);
	ASSERT_EQ(client->count, 1);
	EXPECT_EQ(client->events[0].record.seq, 3);
	client_forget(client);
	ASSERT_EQ(client_dump(client, 3), 0);
	EXPECT_EQ(client->count, 0);
	ASSERT_EQ(client_dump(client, UINT64_MAX), 0);
	EXPECT_EQ(client->count, 0);

	ASSERT_EQ(client_ack(client, 2), 0);
	ASSERT_EQ(client_ack(client, 1), 0);
	ASSERT_EQ(client_dump(client, 0), 0);
	ASSERT_EQ(client->count, 1);
	EXPECT_EQ(client->events[0].record.seq, 3);
	EXPECT_FALSE(client->interrupted);
	STATS();
	EXPECT_EQ(STAT(ACKED), 2);
	EXPECT_EQ(STAT(DELIVERED), 2);
	EXPECT_EQ(client_ack(client, 4), -ERANGE);
	EXPECT_STREQ(client->last_error, "this sequence number has not been given yet");
	EXPECT_EQ(client_ack(client, UINT64_MAX), -ERANGE);
}

/* A socket without room says so, and a dump closes the gap. */
TEST_F(stream, reader_that_is_slow)
{
	struct client slow;
	int small = 1;
	uint64_t seq;

	LOAD("");
	ASSERT_EQ(client_open(&slow), 0);
	setsockopt(slow.fd, SOL_SOCKET, SO_RCVBUFFORCE, &small, sizeof(small));
	ASSERT_EQ(client_join(&slow), 0);
	RUN(100);
	SETTLE(SEQ, RECORDS(100));
	EXPECT_EQ(client_wait(&slow, 100, NULL, 0), -ETIME);
	EXPECT_TRUE(slow.overrun);
	EXPECT_LT(slow.count, RECORDS(100));
	seq = slow.count ? slow.events[0].record.seq - 1 : 0;
	for (size_t i = 0; i < slow.count && slow.events[i].record.seq == seq + 1; i++)
		seq++;
	client_forget(&slow);
	ASSERT_EQ(client_dump(&slow, seq), 0);
	EXPECT_EQ(slow.count, RECORDS(100) - seq);
	for (size_t i = 0; i < slow.count; i++)
		ASSERT_EQ(slow.events[i].record.seq, ++seq);
	client_close(&slow);
}

/* Records that go while a dump is under way are told as an inconsistency. */
TEST_F(stream, dump_that_is_overtaken)
{
	struct client other;
	pid_t pid;
	int status;

	LOAD("");
	RUN(100);
	SETTLE(SEQ, RECORDS(100));
	ASSERT_EQ(client_open(&other), 0);
	/* A reader that stops after each datagram, while another acknowledges. */
	pid = fork();
	if (!pid) {
		struct request request;
		int bytes = 1;

		setsockopt(other.fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
		request_init(&request, FAULTLINE_CMD_EVENT_GET);
		if (client_send_only(&other, &request, true))
			_exit(1);
		usleep(300000);
		if (client_finish(&other))
			_exit(2);
		_exit(other.interrupted ? 0 : 3);
	}
	usleep(100000);
	ASSERT_EQ(client_ack(&self->client, RECORDS(100)), 0);
	waitpid(pid, &status, 0);
	EXPECT_EQ(WEXITSTATUS(status), 0);
	client_close(&other);
}

/* At every moment, not only at rest. */
TEST_F(stream, ledger_holds_in_a_storm)
{
	uint64_t seq = 0, samples = 0;
	int count = 500, status;

	LOAD("slots=8 kept=64 captures=16");
	ASSERT_EQ(client_join(&self->client), 0);
	ASSERT_EQ(victim_start(&self->client, &self->victim, fault_times, &count), 0);
	do {
		STATS();
		ASSERT_TRUE(stats_balance(&self->stats));
		ASSERT_GE(STAT(SEQ), seq);
		ASSERT_LE(STAT(SEQ) - STAT(ACKED), 64);
		seq = STAT(SEQ);
		/* Now and then the reader sleeps. */
		if (++samples % 8 == 0)
			ASSERT_EQ(client_ack(&self->client, seq), 0);
		client_forget(&self->client);
	} while (!waitpid(self->victim.pid, &status, WNOHANG));
	STATS();
	EXPECT_TRUE(stats_balance(&self->stats));
	EXPECT_EQ(STAT(EMITTED), RECORDS(500));
	EXPECT_GT(samples, 50);
	TH_LOG("%llu samples, %llu of %d lost", (unsigned long long)samples,
	       (unsigned long long)STAT(LOST_NO_SLOT), RECORDS(500));
}

static void fault_on_two_cpus(void *with)
{
	if (!fork()) {
		fault_often(*(int *)with / 2);
		_exit(0);
	}
	fault_often(*(int *)with / 2);
	wait(NULL);
}

static unsigned char fatal[1 << 22];

/* With the parameters as delivered, and nobody there to read. */
TEST_F_TIMEOUT(stream, burst_of_ten_thousand, 600)
{
	const uint64_t expected = 2 * 10000 + 2;
	int count = 10000, fatals = 0;

	LOAD("");
	ASSERT_EQ(victim_start(&self->client, &self->victim, fault_on_two_cpus, &count), 0);
	ASSERT_EQ(waitpid(self->victim.pid, NULL, 0), self->victim.pid);
	SETTLE(SEQ, expected);
	EXPECT_EQ(STAT(EMITTED), expected);
	EXPECT_EQ(STAT(PENDING), expected);
	EXPECT_EQ(STAT(LOST_NO_SLOT), 0);
	EXPECT_EQ(STAT(UNWATCHED), 0);
	EXPECT_EQ(STAT(CAPTURES), 512);
	EXPECT_EQ(STAT(CAPTURES_MISSED), 10000 - 512);
	ASSERT_EQ(client_dump(&self->client, 0), 0);
	EXPECT_FALSE(self->client.interrupted);
	ASSERT_EQ(self->client.count, expected);
	for (size_t i = 0; i < self->client.count; i++) {
		struct faultline_record *record = &self->client.events[i].record;

		ASSERT_EQ(record->seq, i + 1);
		/* An end never comes before its fault, whichever CPU each was on. */
		if (record->type == FAULTLINE_RECORD_FATAL)
			fatal[record->tgid] = 1;
		else if (record->signo)
			ASSERT_EQ(fatal[record->tgid], 1);
		fatals += record->type == FAULTLINE_RECORD_FATAL;
	}
	EXPECT_EQ(fatals, 10000);
	ASSERT_EQ(client_ack(&self->client, expected), 0);
	STATS();
	EXPECT_EQ(STAT(DELIVERED), expected);
	EXPECT_EQ(STAT(PENDING), 0);
}

/* Two groups of readers see the same. */
TEST_F(stream, two_readers)
{
	struct client second;

	LOAD("");
	ASSERT_EQ(client_open(&second), 0);
	ASSERT_EQ(client_join(&self->client), 0);
	ASSERT_EQ(client_join(&second), 0);
	RUN(20);
	ASSERT_EQ(client_wait_last(&self->client, self->victim.cookie), 0);
	ASSERT_EQ(client_wait_last(&second, self->victim.cookie), 0);
	ASSERT_EQ(self->client.count, RECORDS(20));
	ASSERT_EQ(second.count, RECORDS(20));
	for (size_t i = 0; i < second.count; i++)
		EXPECT_EQ(memcmp(&self->client.events[i].record, &second.events[i].record,
				 sizeof(struct faultline_record)), 0);
	client_close(&second);
}

TEST(parameters)
{
	static const char *const wrong[] = {
		"slots=0", "slots=7", "slots=100", "slots=131072", "kept=0", "kept=4",
		"kept=1000", "captures=65537", "max_watches=0", "max_processes=0",
		"max_processes=65537", "slots=-8",
	};

	if (module_loaded())
		ASSERT_EQ(module_unload(), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_EQ(module_load(wrong[i]), -EINVAL) {
			TH_LOG("%s", wrong[i]);
		}
	}
	ASSERT_EQ(module_load("captures=0 max_watches=1 max_processes=1 slots=8 kept=8"), 0);
	ASSERT_EQ(module_unload(), 0);
}

TEST_F(stream, no_captures)
{
	LOAD("captures=0");
	RUN(1);
	SETTLE(SEQ, 3);
	ASSERT_EQ(client_dump(&self->client, 0), 0);
	ASSERT_EQ(self->client.count, 3);
	EXPECT_EQ(self->client.events[0].record.flags & FAULTLINE_F_CAPTURE, 0);
	EXPECT_EQ(STAT(CAPTURES_MISSED), 1);
}

/* A process too many is not watched, and that is counted. */
TEST_F(stream, table_of_processes_is_full)
{
	LOAD("max_processes=1");
	RUN(5);
	SETTLE(SEQ, 1);
	EXPECT_EQ(STAT(UNWATCHED), 5);
}

TEST_HARNESS_MAIN
