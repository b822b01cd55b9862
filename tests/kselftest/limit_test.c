// SPDX-License-Identifier: GPL-2.0-only
/*
 * Soft limits: one warning for each crossing, with the figures, before the hard
 * end; and the ends themselves, each by its own signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

#define MEMORY (32 << 20)
#define FILES 100
#define THREADS 8

/* A process that does as it is told, a letter each, and answers each. */
struct obedient {
	int orders[2];
	int answers[2];
};

static int stop[2];

static void *wait_for_stop(void *with)
{
	char byte;

	(void)!read(stop[0], &byte, 1);
	return NULL;
}

static void burn(int ms)
{
	struct timespec used;

	do {
		for (volatile int i = 0; i < 100000; i++)
			;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	} while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < ms);
}

static void obey(struct obedient *obedient, char order)
{
	static pthread_t threads[THREADS];
	static int files[FILES];
	static char *memory;

	switch (order) {
	case 'M':
		memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memset(memory, 1, MEMORY);
		break;
	case 'm':
		munmap(memory, MEMORY);
		break;
	case 'F':
		for (int i = 0; i < FILES; i++)
			files[i] = dup(0);
		break;
	case 'f':
		for (int i = 0; i < FILES; i++)
			close(files[i]);
		break;
	case 'T':
		if (pipe(stop))
			_exit(90);
		for (int i = 0; i < THREADS; i++)
			if (pthread_create(&threads[i], NULL, wait_for_stop, NULL))
				_exit(91);
		break;
	case 't':
		close(stop[1]);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		break;
	case 'C':
		/* Of the watch, though no process of it has used that much when it has ended. */
		for (int i = 0; i < 3; i++) {
			if (!fork()) {
				burn(200);
				_exit(0);
			}
			wait(NULL);
		}
		break;
	}
}

static void be_obedient(void *with)
{
	struct obedient *obedient = with;
	char order;

	while (read(obedient->orders[0], &order, 1) == 1) {
		obey(obedient, order);
		if (write(obedient->answers[1], &order, 1) != 1)
			break;
	}
}

FIXTURE(limit) {
	struct client client;
	struct victim victim;
	struct obedient obedient;
};

#define ORDER(letter) do {							\
	char order = letter;							\
	ASSERT_EQ(write(self->obedient.orders[1], &order, 1), 1);		\
	ASSERT_EQ(read(self->obedient.answers[0], &order, 1), 1);		\
} while (0)

#define SET(attr, value) \
	ASSERT_EQ(client_set(&self->client, self->victim.watch, FAULTLINE_WATCH_A_##attr, value), 0)

FIXTURE_SETUP(limit)
{
	memset(self, 0, sizeof(*self));
	if (module_loaded())
		ASSERT_EQ(module_unload(), 0);
	ASSERT_EQ(module_load("limit_ms=20"), 0);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_join(&self->client), 0);
	ASSERT_EQ(pipe(self->obedient.orders), 0);
	ASSERT_EQ(pipe(self->obedient.answers), 0);
	ASSERT_EQ(victim_start(&self->client, &self->victim, be_obedient, &self->obedient), 0);
}

FIXTURE_TEARDOWN(limit)
{
	kill(self->victim.pid, SIGKILL);
	waitpid(self->victim.pid, NULL, 0);
	client_close(&self->client);
	ASSERT_EQ(module_unload(), 0);
}

static bool is_limit(const struct event *event, uint64_t code)
{
	return event->record.type == FAULTLINE_RECORD_LIMIT && (uint64_t)event->record.code == code;
}

static unsigned int limits_told(const struct client *client)
{
	unsigned int told = 0;

	for (size_t i = 0; i < client->count; i++)
		told += client->events[i].record.type == FAULTLINE_RECORD_LIMIT;
	return told;
}

/*
 * Twice up and down: a warning for each way up, with what is used, and none
 * while it stays there. @allowed is crossed by the order @up.
 */
#define TOLD_ONCE_A_CROSSING(setting, limit_code, allowed, up, down) do {		\
	const struct faultline_usage *usage;						\
	const struct event *event;							\
											\
	SET(setting, allowed);								\
	for (unsigned int round = 0; round < 2; round++) {				\
		ORDER(up);								\
		ASSERT_EQ(client_wait(&self->client, 20000, is_limit, limit_code), 0);	\
		event = &self->client.events[self->client.count - 1];			\
		EXPECT_EQ(event->record.cookie, self->victim.cookie);			\
		EXPECT_EQ(event->record.tgid, self->victim.pid);			\
		EXPECT_EQ(event->record.flags, FAULTLINE_F_MAIN | FAULTLINE_F_BLOCKS);	\
		EXPECT_STREQ(event->record.comm, "limit_test");				\
		usage = event_block(event, FAULTLINE_BLOCK_LIMIT);			\
		ASSERT_NE(usage, NULL);							\
		EXPECT_GE(usage->used, (uint64_t)(allowed));				\
		EXPECT_LT(usage->used, 4ULL * (allowed));				\
		EXPECT_EQ(usage->limit, (uint64_t)(allowed));				\
		EXPECT_EQ(usage->scope, FAULTLINE_SCOPE_SOFT);				\
		passes(&self->client, 10);						\
		EXPECT_EQ(limits_told(&self->client), 1);				\
		client_forget(&self->client);						\
		ORDER(down);								\
		passes(&self->client, 10);						\
		EXPECT_EQ(limits_told(&self->client), 0);				\
	}										\
} while (0)

/* Wait until the module has looked that often. */
static void passes(struct client *client, unsigned int times)
{
	struct stats stats;
	uint64_t begin;

	if (client_stats(client, &stats))
		abort();
	begin = stats.value[FAULTLINE_STATS_A_LIMIT_PASSES];
	for (int i = 0; i < 6000; i++) {
		usleep(10000);
		if (client_stats(client, &stats))
			abort();
		if (stats.value[FAULTLINE_STATS_A_LIMIT_PASSES] >= begin + times)
			return;
	}
	abort();
}

TEST_F(limit, memory)
{
	TOLD_ONCE_A_CROSSING(SOFT_MEMORY, FAULTLINE_LIMIT_MEMORY, MEMORY, 'M', 'm');
}

TEST_F(limit, files)
{
	TOLD_ONCE_A_CROSSING(SOFT_FILES, FAULTLINE_LIMIT_FILES, FILES, 'F', 'f');
}

TEST_F(limit, threads)
{
	TOLD_ONCE_A_CROSSING(SOFT_PROCESSES, FAULTLINE_LIMIT_PROCESSES, THREADS, 'T', 't');
}

/* What processes have used that are there no more counts as well. */
TEST_F_TIMEOUT(limit, cpu_time_of_processes_that_have_ended, 120)
{
	const struct faultline_usage *usage;

	SET(SOFT_CPU, 400 * 1000000ULL);
	ORDER('C');
	ASSERT_EQ(client_wait(&self->client, 20000, is_limit, FAULTLINE_LIMIT_CPU), 0);
	passes(&self->client, 3);
	for (size_t i = 0; i < self->client.count; i++) {
		if (!is_limit(&self->client.events[i], FAULTLINE_LIMIT_CPU))
			continue;
		usage = event_block(&self->client.events[i], FAULTLINE_BLOCK_LIMIT);
		ASSERT_NE(usage, NULL);
		EXPECT_GE(usage->used, 400 * 1000000ULL);
	}
	EXPECT_EQ(limits_told(&self->client), 1);
}

/* A limit that is set below what is used already is told at once; one that is taken away is not. */
TEST_F(limit, changed_while_running)
{
	ORDER('F');
	SET(SOFT_FILES, 1);
	ASSERT_EQ(client_wait(&self->client, 20000, is_limit, FAULTLINE_LIMIT_FILES), 0);
	SET(SOFT_FILES, 0);
	SET(SOFT_PROCESSES, 1000);
	passes(&self->client, 3);
	client_forget(&self->client);
	SET(SOFT_FILES, 2);
	ASSERT_EQ(client_wait(&self->client, 20000, is_limit, FAULTLINE_LIMIT_FILES), 0);
}

/* Nobody looks while nothing has a limit. */
TEST_F(limit, no_pass_without_a_limit)
{
	struct stats stats;

	SET(SOFT_FILES, 1000);
	passes(&self->client, 2);
	SET(SOFT_FILES, 0);
	usleep(500000);
	ASSERT_EQ(client_stats(&self->client, &stats), 0);
	for (int i = 0; i < 3; i++) {
		uint64_t before = stats.value[FAULTLINE_STATS_A_LIMIT_PASSES];

		usleep(200000);
		ASSERT_EQ(client_stats(&self->client, &stats), 0);
		EXPECT_EQ(stats.value[FAULTLINE_STATS_A_LIMIT_PASSES], before);
	}
}

TEST_F(limit, switched_off)
{
	ASSERT_EQ(file_write("/sys/module/faultline/parameters/limits", "0"), 0);
	ORDER('F');
	SET(SOFT_FILES, 10);
	passes(&self->client, 10);
	EXPECT_EQ(limits_told(&self->client), 0);
	ASSERT_EQ(file_write("/sys/module/faultline/parameters/limits", "1"), 0);
	ASSERT_EQ(client_wait(&self->client, 20000, is_limit, FAULTLINE_LIMIT_FILES), 0);
}

/* Processes come and go while they are counted, and the module goes in the midst of it. */
TEST_F_TIMEOUT(limit, counted_while_processes_come_and_go, 120)
{
	struct victim victim;
	struct settings settings = {};

	settings_give(&settings, FAULTLINE_WATCH_A_SOFT_MEMORY, 1);
	settings_give(&settings, FAULTLINE_WATCH_A_SOFT_FILES, 1);
	settings_give(&settings, FAULTLINE_WATCH_A_SOFT_CPU, 1);
	settings_give(&settings, FAULTLINE_WATCH_A_SOFT_PROCESSES, 1);
	ASSERT_EQ(file_write("/sys/module/faultline/parameters/limit_ms", "10"), 0);
	for (int i = 0; i < 200; i++) {
		victim.pid = fork();
		if (!victim.pid) {
			for (int child = 0; child < 3; child++)
				if (!fork())
					_exit(0);
			_exit(0);
		}
		client_watch_with(&self->client, victim.pid, 5, &settings, &victim.watch);
		waitpid(victim.pid, NULL, 0);
	}
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(module_unload(), 0);
		ASSERT_EQ(module_load("limit_ms=10"), 0);
		client_close(&self->client);
		ASSERT_EQ(client_open(&self->client), 0);
		ASSERT_EQ(client_watch_with(&self->client, self->victim.pid, 6, &settings, NULL), 0);
	}
}

TEST_HARNESS_MAIN
