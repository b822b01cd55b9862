/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of hangs and of heartbeats share: a fixture of a module without
 * a watch, and how to wait for a verdict.
 */
#ifndef HANGS_H
#define HANGS_H

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

#define DEVICE		"/dev/faultline"
/* Long against a pass of an emulated machine, short against a test's patience. */
#define THRESHOLD_MS	400
#define PATIENCE_MS	60000

/* The harness gives half a minute, which a busy emulator may need for a verdict. */
#define HANG_TEST(name) TEST_F_TIMEOUT(hang, name, 300)

FIXTURE(hang) {
	struct client client;
	struct victim victim;
};

FIXTURE_SETUP(hang)
{
	if (!module_loaded())
		ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_join(&self->client), 0);
}

FIXTURE_TEARDOWN(hang)
{
	struct stats stats;

	ASSERT_EQ(client_stats(&self->client, &stats), 0);
	EXPECT_TRUE(stats_balance(&stats));
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_WATCHES], 0);
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_BLOCKS_MISSED], 0);
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_THREADS_MISSED], 0);
	EXPECT_EQ(client_ack(&self->client, stats.value[FAULTLINE_STATS_A_SEQ]), 0);
	client_close(&self->client);
}

static __attribute__((unused)) struct settings setting(enum faultline_watch_attr attr, uint64_t value)
{
	struct settings settings = {};

	settings_give(&settings, attr, value);
	return settings;
}

/* Every verdict, with work due. */
static __attribute__((unused)) struct settings all_verdicts(void)
{
	struct settings settings = setting(FAULTLINE_WATCH_A_WORK, 1);

	for (int i = FAULTLINE_WATCH_A_HEARTBEAT_MS; i <= FAULTLINE_WATCH_A_DEADLOCK_MS; i++)
		settings_give(&settings, i, THRESHOLD_MS);
	return settings;
}

#define START(set, function, with) do {						\
	struct settings _settings = set;					\
	ASSERT_EQ(victim_start_with(&self->client, &self->victim, &_settings,	\
				    function, with), 0);			\
} while (0)

static __attribute__((unused)) void victim_end(struct client *client, struct victim *victim)
{
	kill(victim->pid, SIGKILL);
	kill(victim->pid, SIGCONT);
	waitpid(victim->pid, NULL, 0);
	client_wait_last(client, victim->cookie);
}

#define END() victim_end(&self->client, &self->victim)

/* What client_wait() waits for: of a watch, the one of this type and code. */
static __attribute__((unused)) struct {
	int type;
	int code;
} wanted;

static __attribute__((unused)) bool event_wanted(const struct event *event, uint64_t cookie)
{
	return event->record.cookie == cookie && event->record.type == wanted.type &&
	       event->record.code == wanted.code;
}

static __attribute__((unused)) int wait_for(struct client *client, struct victim *victim, int type, int code)
{
	wanted.type = type;
	wanted.code = code;
	return client_wait(client, PATIENCE_MS, event_wanted, victim->cookie);
}

#define WAIT_HANG(code) \
	ASSERT_EQ(wait_for(&self->client, &self->victim, FAULTLINE_RECORD_HANG, code), 0)
#define WAIT_OVER(code) \
	ASSERT_EQ(wait_for(&self->client, &self->victim, FAULTLINE_RECORD_HANG_OVER, code), 0)

static __attribute__((unused)) int count_of(struct client *client, uint64_t cookie, int type)
{
	int count = 0;

	for (size_t i = 0; i < client->count; i++)
		count += client->events[i].record.cookie == cookie &&
			 client->events[i].record.type == type;
	return count;
}

#define HANGS() count_of(&self->client, self->victim.cookie, FAULTLINE_RECORD_HANG)
#define OVERS() count_of(&self->client, self->victim.cookie, FAULTLINE_RECORD_HANG_OVER)

static __attribute__((unused)) const struct event *find_hang(struct client *client, uint64_t cookie, int code)
{
	for (size_t i = 0; i < client->count; i++) {
		const struct faultline_record *record = &client->events[i].record;

		if (record->cookie == cookie && record->type == FAULTLINE_RECORD_HANG &&
		    record->code == code)
			return &client->events[i];
	}
	return NULL;
}

#define HANG(code) find_hang(&self->client, self->victim.cookie, code)

static __attribute__((unused)) const struct faultline_hang_block *evidence(const struct event *event)
{
	return event ? event_block(event, FAULTLINE_BLOCK_HANG) : NULL;
}

/* A function is in the kernel stack. */
static __attribute__((unused)) bool in_kstack(const struct event *event, const char *name)
{
	const struct faultline_kstack_block *stack = event_block(event, FAULTLINE_BLOCK_KSTACK);
	const char *at;

	if (!stack)
		return false;
	at = stack->names;
	for (unsigned int i = 0; i < stack->count; i++, at += strlen(at) + 1)
		if (strstr(at, name))
			return true;
	return false;
}

static __attribute__((unused)) void sleep_ms(int ms)
{
	usleep(ms * 1000);
}

/* For as long as a verdict would need, and what comes meanwhile is taken in. */
static __attribute__((unused)) void watch_on(struct client *client, int ms)
{
	client_wait(client, ms, NULL, 0);
}

static __attribute__((unused)) void spin(void *with)
{
	for (;;)
		asm volatile("");
}

static __attribute__((unused)) void idle(void *with)
{
	for (;;)
		pause();
}

#endif /* HANGS_H */
