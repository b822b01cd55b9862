// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation of the module's load and of each command fails once, by the
 * kernel's fault injection (/proc/thread-self/fail-nth), where it has it: a
 * debug kernel. What is refused leaves nothing behind, and the next one works.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "client.h"
#include "victims.h"

#define DEBUGFS "/sys/kernel/debug/"
/* No operation of these has more allocations. */
#define MANY 4000

static int nth_fd = -1;

FIXTURE(failnth) {
	struct client client;
};

FIXTURE_SETUP(failnth)
{
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		SKIP(return, "this kernel injects no faults");
	/* All allocations, those that may sleep as well, in silence. */
	ASSERT_EQ(file_write(DEBUGFS "failslab/ignore-gfp-wait", "N"), 0);
	ASSERT_EQ(file_write(DEBUGFS "failslab/verbose", "0"), 0);
	ASSERT_EQ(file_write(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N"), 0);
	ASSERT_EQ(file_write(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N"), 0);
	ASSERT_EQ(file_write(DEBUGFS "fail_page_alloc/min-order", "0"), 0);
	ASSERT_EQ(file_write(DEBUGFS "fail_page_alloc/verbose", "0"), 0);
	ASSERT_EQ(file_write(DEBUGFS "fail_usercopy/verbose", "0"), 0);
	if (module_loaded())
		ASSERT_EQ(module_unload(), 0);
}

FIXTURE_TEARDOWN(failnth)
{
	if (nth_fd >= 0)
		close(nth_fd);
	if (module_loaded())
		EXPECT_EQ(module_unload(), 0);
}

static void nth_arm(int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	/* What is armed may hit the copy of this very text, and is used up then. */
	if (pwrite(nth_fd, text, len, 0) != len && pwrite(nth_fd, text, len, 0) != len)
		abort();
}

/* Return: whether a fault was injected since nth_arm(). */
static bool nth_disarm(void)
{
	char text[16] = "";

	/* Likewise: it was still to come. */
	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 1)
		return false;
	nth_arm(0);
	return !atoi(text);
}

/* Answers are there when a request returns, or were lost. */
static int open_impatient(struct client *client)
{
	struct timeval patience = { .tv_usec = 100000 };
	int err = client_open(client);

	if (!err)
		setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return err;
}

/* One command each; negative errno where it was refused. */

static int do_watch(struct client *client, pid_t pid)
{
	uint32_t id;
	int err = client_watch(client, pid, 7, &id);

	/* The answer may be what was lost: forget_all_watches() sees to that. */
	return err ?: client_unwatch(client, id);
}

static int do_watches(struct client *client, pid_t pid)
{
	struct watch_info infos[4];
	int count = client_watches(client, infos, 4);

	return count < 0 ? count : 0;
}

static int do_unwatch(struct client *client, pid_t pid)
{
	return client_unwatch(client, 123456) == -ENOENT ? 0 : -ENOMEM;
}

static int do_dump(struct client *client, pid_t pid)
{
	return client_dump(client, 0);
}

static int do_ack(struct client *client, pid_t pid)
{
	return client_ack(client, 0);
}

static int do_stats(struct client *client, pid_t pid)
{
	struct stats stats;

	return client_stats(client, &stats);
}

static int do_join(struct client *client, pid_t pid)
{
	return client_join(client);
}

static const struct {
	const char *name;
	int (*function)(struct client *client, pid_t pid);
} commands[] = {
	{ "watch", do_watch }, { "watches", do_watches }, { "unwatch", do_unwatch },
	{ "dump", do_dump }, { "ack", do_ack }, { "stats", do_stats }, { "join", do_join },
};

static void forget_all_watches(struct client *client)
{
	struct watch_info infos[8];
	int count = client_watches(client, infos, 8);

	for (int i = 0; i < count; i++)
		client_unwatch(client, infos[i].id);
}

static void wait_for_end(void *with)
{
	for (;;)
		pause();
}

TEST_F_TIMEOUT(failnth, commands, 300)
{
	struct victim kept;
	struct stats stats;
	pid_t pid;

	ASSERT_EQ(module_load(""), 0);
	ASSERT_EQ(open_impatient(&self->client), 0);
	/* Something to dump. */
	ASSERT_EQ(victim_start(&self->client, &kept, wait_for_end, NULL), 0);
	kill(kept.pid, SIGTERM);
	waitpid(kept.pid, NULL, 0);
	pid = fork();
	if (!pid)
		wait_for_end(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		bool injected = true;
		int nth, err;

		for (nth = 1; injected && nth < MANY; nth++) {
			nth_arm(nth);
			err = commands[i].function(&self->client, pid);
			injected = nth_disarm();
			/* What was lost on its way leaves a socket that knows no rest. */
			client_close(&self->client);
			ASSERT_EQ(open_impatient(&self->client), 0);
			forget_all_watches(&self->client);
		}
		ASSERT_LT(nth, MANY);
		EXPECT_EQ(err, 0) {
			TH_LOG("%s: %s", commands[i].name, strerror(-err));
		}
		TH_LOG("%s: %d allocations", commands[i].name, nth - 2);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ASSERT_EQ(client_stats(&self->client, &stats), 0);
	EXPECT_TRUE(stats_balance(&stats));
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_WATCHES], 0);
	EXPECT_EQ(stats.value[FAULTLINE_STATS_A_PROCESSES], 0);
	client_close(&self->client);
}

TEST_F_TIMEOUT(failnth, load, 2400)
{
	int nth, failed = 0, err;
	bool injected = true;

	for (nth = 1; injected && nth < MANY; nth++) {
		nth_arm(nth);
		err = module_load("slots=8 kept=8 captures=2 max_watches=4 max_processes=4");
		injected = nth_disarm();
		if (!err) {
			ASSERT_EQ(module_unload(), 0);
			continue;
		}
		failed++;
		ASSERT_TRUE(injected) {
			TH_LOG("allocation %d: %s without a fault", nth, strerror(-err));
		}
		ASSERT_FALSE(module_loaded());
	}
	ASSERT_LT(nth, MANY);
	/* Those of the module itself alone are more than twenty. */
	EXPECT_GT(failed, 20);
	TH_LOG("%d allocations, %d of them fatal to the load", nth - 2, failed);
}

TEST_HARNESS_MAIN
