// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that are held with their fatal signal before them: what lets them go.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

#define LONG_MS 600000

FIXTURE(hold) {
	struct client client;
	struct victim victim;
	int status;
};

FIXTURE_SETUP(hold)
{
	if (!module_loaded())
		ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_join(&self->client), 0);
}

FIXTURE_TEARDOWN(hold)
{
	struct stats after;

	ASSERT_EQ(client_stats(&self->client, &after), 0);
	EXPECT_TRUE(stats_balance(&after));
	EXPECT_EQ(after.value[FAULTLINE_STATS_A_WATCHES], 0);
	EXPECT_EQ(client_ack(&self->client, after.value[FAULTLINE_STATS_A_SEQ]), 0);
	client_close(&self->client);
}

static void touch_null(void *with)
{
	asm volatile("mov (%0), %%al" :: "r"(24L) : "al");
}

static void touch_in_thread(void *with)
{
	place_run(PLACE_THREAD, touch_null, NULL);
}

static void terminate_self(void *with)
{
	signal_self(SIGTERM);
}

static int start(struct client *client, struct victim *victim, uint64_t ms,
		 void (*function)(void *with))
{
	struct settings settings = {};

	settings_give(&settings, FAULTLINE_WATCH_A_HOLD_MS, ms);
	return victim_start_with(client, victim, &settings, function, NULL);
}

static bool is_held(const struct event *event, uint64_t cookie)
{
	return event->record.cookie == cookie && event->record.type == FAULTLINE_RECORD_HELD;
}

static bool is_held_or_fatal(const struct event *event, uint64_t cookie)
{
	return is_held(event, cookie) ||
	       (event->record.cookie == cookie && event->record.type == FAULTLINE_RECORD_FATAL);
}

/* A watched process that is held at a fault. */
#define HELD(function) do {							\
	ASSERT_EQ(start(&self->client, &self->victim, LONG_MS, function), 0);	\
	ASSERT_EQ(client_wait(&self->client, 20000, is_held, self->victim.cookie), 0); \
	ASSERT_EQ(waitpid(self->victim.pid, &self->status, WNOHANG), 0);	\
	ASSERT_EQ(find(&self->client, self->victim.cookie, FAULTLINE_RECORD_FATAL), NULL); \
} while (0)

#define GONE() do {								\
	ASSERT_EQ(client_wait_last(&self->client, self->victim.cookie), 0);	\
	ASSERT_EQ(waitpid(self->victim.pid, &self->status, 0), self->victim.pid); \
} while (0)

static struct event *find(struct client *client, uint64_t cookie, int type)
{
	for (size_t i = 0; i < client->count; i++)
		if (client->events[i].record.cookie == cookie &&
		    client->events[i].record.type == type)
			return &client->events[i];
	return NULL;
}

#define RECORD(type) find(&self->client, self->victim.cookie, FAULTLINE_RECORD_##type)

static int release(struct client *client, uint32_t watch)
{
	struct request request;

	request_init(&request, FAULTLINE_CMD_RELEASE);
	request_put_u32(&request, FAULTLINE_A_WATCH, watch);
	return client_send(client, &request, false);
}

TEST_F(hold, release)
{
	struct event *held, *fatal;

	HELD(touch_null);
	held = RECORD(HELD);
	EXPECT_EQ(held->record.signo, SIGSEGV);
	EXPECT_EQ(held->record.fault_addr, 24);
	EXPECT_EQ(held->record.tid, self->victim.pid);
	EXPECT_TRUE(held->record.flags & FAULTLINE_F_KERNEL);
	EXPECT_EQ(held->capture, NULL);
	ASSERT_EQ(release(&self->client, self->victim.watch), 0);
	GONE();
	EXPECT_EQ(WTERMSIG(self->status), SIGSEGV);
	fatal = RECORD(FATAL);
	ASSERT_NE(fatal, NULL);
	EXPECT_GT(fatal->record.seq, RECORD(HELD)->record.seq);
	ASSERT_NE(fatal->capture, NULL);
	EXPECT_NE(event_block(fatal, FAULTLINE_BLOCK_ADDRESS), NULL);
	EXPECT_EQ(release(&self->client, self->victim.watch), -ENOENT);
}

TEST_F(hold, release_thread)
{
	HELD(touch_in_thread);
	EXPECT_NE(RECORD(HELD)->record.tid, self->victim.pid);
	ASSERT_EQ(release(&self->client, self->victim.watch), 0);
	GONE();
	EXPECT_EQ(WTERMSIG(self->status), SIGSEGV);
}

TEST_F(hold, time_is_over)
{
	ASSERT_EQ(start(&self->client, &self->victim, 300, touch_null), 0);
	GONE();
	ASSERT_NE(RECORD(HELD), NULL);
	ASSERT_NE(RECORD(FATAL), NULL);
	EXPECT_GE(RECORD(FATAL)->record.time_ns - RECORD(HELD)->record.time_ns, 250000000);
}

TEST_F(hold, off)
{
	ASSERT_EQ(start(&self->client, &self->victim, 0, touch_null), 0);
	GONE();
	EXPECT_EQ(RECORD(HELD), NULL);
	EXPECT_NE(RECORD(FATAL), NULL);
}

/* It ends the other threads at once, so there is nothing to look at. */
TEST_F(hold, not_without_core)
{
	ASSERT_EQ(start(&self->client, &self->victim, LONG_MS, terminate_self), 0);
	GONE();
	EXPECT_EQ(RECORD(HELD), NULL);
	EXPECT_EQ(WTERMSIG(self->status), SIGTERM);
}

TEST_F(hold, without_captures)
{
	struct settings settings = {};

	settings_give(&settings, FAULTLINE_WATCH_A_HOLD_MS, LONG_MS);
	settings_give(&settings, FAULTLINE_WATCH_A_CAPTURE, 0);
	ASSERT_EQ(victim_start_with(&self->client, &self->victim, &settings, touch_null, NULL), 0);
	ASSERT_EQ(client_wait(&self->client, 20000, is_held, self->victim.cookie), 0);
	ASSERT_EQ(release(&self->client, self->victim.watch), 0);
	GONE();
	EXPECT_EQ(RECORD(FATAL)->capture, NULL);
}

TEST_F(hold, killed)
{
	HELD(touch_in_thread);
	kill(self->victim.pid, SIGKILL);
	GONE();
	EXPECT_EQ(WTERMSIG(self->status), SIGKILL);
}

TEST_F(hold, watch_deleted)
{
	HELD(touch_null);
	ASSERT_EQ(client_unwatch(&self->client, self->victim.watch), 0);
	ASSERT_EQ(waitpid(self->victim.pid, &self->status, 0), self->victim.pid);
	EXPECT_EQ(WTERMSIG(self->status), SIGSEGV);
}

TEST_F(hold, module_unloaded)
{
	struct client *client = &self->client;
	struct timespec before, after;
	int err;

	HELD(touch_in_thread);
	client_close(client);
	clock_gettime(CLOCK_MONOTONIC, &before);
	do
		err = module_unload();
	while (err == -EWOULDBLOCK);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ASSERT_EQ(err, 0);
	EXPECT_LT((after.tv_sec - before.tv_sec) * 1000L, LONG_MS / 10);
	ASSERT_EQ(waitpid(self->victim.pid, &self->status, 0), self->victim.pid);
	EXPECT_EQ(WTERMSIG(self->status), SIGSEGV);
	ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(client_open(client), 0);
}

/* Many, and more than are held at a time. */
TEST_F(hold, crowd)
{
	struct victim victims[40];
	int held = 0;

	for (size_t i = 0; i < ARRAY_SIZE(victims); i++)
		ASSERT_EQ(start(&self->client, &victims[i], LONG_MS, touch_null), 0);
	for (size_t i = 0; i < ARRAY_SIZE(victims); i++) {
		ASSERT_EQ(client_wait(&self->client, 20000, is_held_or_fatal, victims[i].cookie), 0);
		held += !!find(&self->client, victims[i].cookie, FAULTLINE_RECORD_HELD);
		if (held == 32)
			break;
	}
	EXPECT_EQ(held, 32);
	for (size_t i = 0; i < ARRAY_SIZE(victims); i++) {
		release(&self->client, victims[i].watch);
		ASSERT_EQ(client_wait_last(&self->client, victims[i].cookie), 0);
		ASSERT_EQ(waitpid(victims[i].pid, NULL, 0), victims[i].pid);
	}
}

/* A debugger attaches as gdb does: SIGSTOP is sent, the first stop is the fatal signal. */
TEST_F(hold, attached)
{
	struct user_regs_struct regs;
	siginfo_t info;
	pid_t pid;

	HELD(touch_null);
	pid = self->victim.pid;
	ASSERT_EQ(ptrace(PTRACE_ATTACH, pid, 0, 0), 0);
	ASSERT_EQ(waitpid(pid, &self->status, __WALL), pid);
	ASSERT_TRUE(WIFSTOPPED(self->status));
	EXPECT_EQ(WSTOPSIG(self->status), SIGSEGV);
	ASSERT_EQ(ptrace(PTRACE_GETSIGINFO, pid, 0, &info), 0);
	EXPECT_EQ(info.si_addr, (void *)24);
	ASSERT_EQ(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
	EXPECT_EQ(RECORD(FATAL), NULL);
	/* The debugger lets it pass: only now it is a fault. */
	ASSERT_EQ(ptrace(PTRACE_DETACH, pid, 0, SIGSEGV), 0);
	GONE();
	ASSERT_NE(RECORD(FATAL), NULL);
	ASSERT_NE(RECORD(FATAL)->capture, NULL);
	EXPECT_EQ(((struct user_regs_struct *)RECORD(FATAL)->capture->regs)->rip, regs.rip);
}

TEST_F(hold, seized)
{
	pid_t pid;
	int stops = 0;

	HELD(touch_null);
	pid = self->victim.pid;
	ASSERT_EQ(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
	ASSERT_EQ(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	/* Its own stop, and that of the signal. */
	do {
		ASSERT_EQ(waitpid(pid, &self->status, __WALL), pid);
		ASSERT_TRUE(WIFSTOPPED(self->status));
		if (WSTOPSIG(self->status) != SIGSEGV)
			ASSERT_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
	} while (WSTOPSIG(self->status) != SIGSEGV && ++stops < 5);
	ASSERT_EQ(WSTOPSIG(self->status), SIGSEGV);
	ASSERT_EQ(ptrace(PTRACE_DETACH, pid, 0, SIGSEGV), 0);
	GONE();
	EXPECT_EQ(WTERMSIG(self->status), SIGSEGV);
}

/* A stop of the process waits until the hold is over; the end comes after SIGCONT. */
TEST_F(hold, stopped)
{
	HELD(touch_in_thread);
	kill(self->victim.pid, SIGSTOP);
	usleep(100000);
	ASSERT_EQ(RECORD(FATAL), NULL);
	ASSERT_EQ(release(&self->client, self->victim.watch), 0);
	kill(self->victim.pid, SIGCONT);
	GONE();
	EXPECT_EQ(WTERMSIG(self->status), SIGSEGV);
}

TEST_HARNESS_MAIN
