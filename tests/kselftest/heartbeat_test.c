// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heartbeats, by the supervisor's command and by the application's own device,
 * and what becomes of both when the module goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <linux/watchdog.h>

#include "hangs.h"

/* ---- heartbeats ---- */

HANG_TEST(heartbeat_by_command)
{
	const struct faultline_hang_block *block;
	struct client *client = &self->client;

	START(setting(FAULTLINE_WATCH_A_HEARTBEAT_MS, 3000), idle, NULL);
	for (int i = 0; i < 60; i++) {
		ASSERT_EQ(client_heartbeat(client, self->victim.watch), 0);
		watch_on(client, 100);
	}
	EXPECT_EQ(HANGS(), 0);
	WAIT_HANG(FAULTLINE_HANG_HEARTBEAT);
	block = evidence(HANG(FAULTLINE_HANG_HEARTBEAT));
	ASSERT_NE(block, NULL);
	EXPECT_EQ(block->threshold_ns, 3000000000ULL);
	EXPECT_GE(block->duration_ns, block->threshold_ns);
	EXPECT_EQ(block->state, 'S');
	ASSERT_EQ(client_heartbeat(client, self->victim.watch), 0);
	WAIT_OVER(FAULTLINE_HANG_HEARTBEAT);
	EXPECT_EQ(HANGS(), 1);
	END();
	EXPECT_EQ(client_heartbeat(client, self->victim.watch), -ENOENT);
}

/* Nobody has been listening. */
HANG_TEST(supervisor_is_dead)
{
	START(setting(FAULTLINE_WATCH_A_HEARTBEAT_MS, THRESHOLD_MS), idle, NULL);
	client_close(&self->client);
	sleep_ms(8 * THRESHOLD_MS);
	ASSERT_EQ(client_open(&self->client), 0);
	ASSERT_EQ(client_dump(&self->client, 0), 0);
	EXPECT_NE(HANG(FAULTLINE_HANG_HEARTBEAT), NULL);
	ASSERT_EQ(client_join(&self->client), 0);
	END();
}

static void touch_null(void *with)
{
	asm volatile("mov (%0), %%al" :: "r"(24L) : "al");
}

/* While somebody looks at its fault nobody expects signs of life, nor that its threads go on. */
HANG_TEST(held_at_a_fault)
{
	struct settings settings = setting(FAULTLINE_WATCH_A_HEARTBEAT_MS, THRESHOLD_MS);
	struct client *client = &self->client;
	struct victim control;

	START(setting(FAULTLINE_WATCH_A_HOLD_MS, 600000), touch_null, NULL);
	ASSERT_EQ(wait_for(client, &self->victim, FAULTLINE_RECORD_HELD, SEGV_MAPERR), 0);
	settings_give(&settings, FAULTLINE_WATCH_A_DEADLOCK_MS, THRESHOLD_MS);
	settings_give(&settings, FAULTLINE_WATCH_A_DSTATE_MS, THRESHOLD_MS);
	settings_give(&settings, FAULTLINE_WATCH_A_WORK, 1);
	ASSERT_EQ(client_change(client, self->victim.watch, &settings), 0);
	ASSERT_EQ(victim_start_with(client, &control, &settings, idle, NULL), 0);
	ASSERT_EQ(wait_for(client, &control, FAULTLINE_RECORD_HANG, FAULTLINE_HANG_HEARTBEAT), 0);
	watch_on(client, 2 * THRESHOLD_MS);
	EXPECT_EQ(HANGS(), 0);
	victim_end(client, &control);
	END();
	EXPECT_EQ(HANGS(), 0);
}

/* What the victim found out of the device, as the number of a step that failed. */
static int *found;

#define TRY(step, expression) do {						\
	if (!(expression)) {							\
		*found = step;							\
		_exit(step);							\
	}									\
} while (0)

static void found_make(void)
{
	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*found = -1;
}

static void use_device(void *with)
{
	struct watchdog_info info = {};
	int fd, value = 2;

	/* As a user without any rights. */
	fd = open("/dev", O_PATH | O_CLOEXEC);
	TRY(1, fd >= 0 && !setgid(1000) && !setuid(1000));
	fd = openat(fd, "faultline", O_WRONLY | O_CLOEXEC);
	TRY(2, fd >= 0);
	TRY(3, !ioctl(fd, WDIOC_GETSUPPORT, &info) && info.options & WDIOF_MAGICCLOSE &&
	    !strcmp((char *)info.identity, "Faultline heartbeat"));
	TRY(4, !ioctl(fd, WDIOC_GETTIMEOUT, &value) && value == 60);
	value = 0;
	TRY(5, ioctl(fd, WDIOC_SETTIMEOUT, &value) && errno == EINVAL);
	value = 2;
	TRY(6, !ioctl(fd, WDIOC_SETTIMEOUT, &value) && value == 2);
	TRY(7, !ioctl(fd, WDIOC_GETTIMELEFT, &value) && value >= 0 && value <= 2);
	TRY(8, !ioctl(fd, WDIOC_GETSTATUS, &value) && !value);
	TRY(9, ioctl(fd, WDIOC_GETTEMP, &value) && errno == ENOTTY);
	TRY(10, ioctl(fd, WDIOC_SETTIMEOUT, NULL) && errno == EFAULT);
	for (int i = 0; i < 40; i++) {
		TRY(11, i % 2 ? !ioctl(fd, WDIOC_KEEPALIVE, 0) : write(fd, "x", 1) == 1);
		sleep_ms(100);
	}
	TRY(12, !with || write(fd, "V", 1) == 1);
	TRY(13, !close(fd));
	*found = 0;
	idle(NULL);
}

static int device_wait(struct client *client)
{
	for (int i = 0; i < 600 && *found < 0; i++)
		watch_on(client, 100);
	return *found;
}

HANG_TEST(heartbeat_by_device)
{
	found_make();
	START(setting(FAULTLINE_WATCH_A_WORK, 0), use_device, NULL);
	ASSERT_EQ(device_wait(&self->client), 0);
	EXPECT_EQ(HANGS(), 0);
	/* It has closed it, and not said that it means it. */
	WAIT_HANG(FAULTLINE_HANG_HEARTBEAT);
	EXPECT_EQ(evidence(HANG(FAULTLINE_HANG_HEARTBEAT))->threshold_ns, 2000000000ULL);
	END();
}

HANG_TEST(device_says_farewell)
{
	found_make();
	START(setting(FAULTLINE_WATCH_A_WORK, 0), use_device, "V");
	ASSERT_EQ(device_wait(&self->client), 0);
	watch_on(&self->client, 5000);
	EXPECT_EQ(HANGS(), 0);
	END();
}

/* What the supervisor asks for is neither made longer nor ended by the application. */
static void bend_device(void *with)
{
	int fd = open(DEVICE, O_WRONLY | O_CLOEXEC), value = 3000, off = WDIOS_DISABLECARD;

	TRY(1, fd >= 0);
	TRY(2, !ioctl(fd, WDIOC_SETTIMEOUT, &value) && value == 2);
	TRY(3, !ioctl(fd, WDIOC_SETOPTIONS, &off));
	TRY(4, !ioctl(fd, WDIOC_GETTIMEOUT, &value) && value == 2);
	TRY(5, write(fd, "V", 1) == 1 && !close(fd));
	*found = 0;
	idle(NULL);
}

HANG_TEST(device_cannot_bend_the_rule)
{
	found_make();
	START(setting(FAULTLINE_WATCH_A_HEARTBEAT_MS, 1500), bend_device, NULL);
	ASSERT_EQ(device_wait(&self->client), 0);
	WAIT_HANG(FAULTLINE_HANG_HEARTBEAT);
	EXPECT_EQ(evidence(HANG(FAULTLINE_HANG_HEARTBEAT))->threshold_ns, 1500000000ULL);
	END();
}

HANG_TEST(device_is_for_the_watched)
{
	struct stat st;

	EXPECT_EQ(open(DEVICE, O_WRONLY | O_CLOEXEC), -1);
	EXPECT_EQ(errno, EPERM);
	ASSERT_EQ(stat(DEVICE, &st), 0);
	EXPECT_EQ(st.st_mode & 0777, 0666);
}

/* ---- unloading ---- */

FIXTURE(unloading) {
	struct client client;
};

FIXTURE_SETUP(unloading)
{
	if (!module_loaded())
		ASSERT_EQ(module_load(""), 0);
}

FIXTURE_TEARDOWN(unloading)
{
	EXPECT_FALSE(module_loaded());
}

static void keep_device_open(void *with)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC), value;
	char byte;

	TRY(1, fd >= 0);
	*found = 0;
	while (write(fd, "x", 1) == 1)
		sleep_ms(20);
	TRY(2, errno == EINVAL);
	TRY(3, ioctl(fd, WDIOC_KEEPALIVE, 0) == -1 && errno == ENOTTY);
	TRY(4, ioctl(fd, WDIOC_GETTIMEOUT, &value) == -1 && errno == ENOTTY);
	TRY(5, read(fd, &byte, 1) <= 0);
	TRY(6, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	TRY(7, !close(fd));
	TRY(8, open(DEVICE, O_RDWR | O_CLOEXEC) == -1 && errno == ENOENT);
	*found = 100;
}

/* With verdicts that nobody has read, and the device open. */
TEST_F_TIMEOUT(unloading, device_is_open, 300)
{
	struct settings settings = all_verdicts();
	struct client *client = &self->client;
	struct victim spinner, holder;
	int status;

	ASSERT_EQ(client_open(client), 0);
	ASSERT_EQ(client_join(client), 0);
	found_make();
	ASSERT_EQ(victim_start_with(client, &spinner, &settings, spin, NULL), 0);
	ASSERT_EQ(victim_start(client, &holder, keep_device_open, NULL), 0);
	ASSERT_EQ(wait_for(client, &spinner, FAULTLINE_RECORD_HANG, FAULTLINE_HANG_SPIN), 0);
	for (int i = 0; i < 600 && *found; i++)
		sleep_ms(100);
	ASSERT_EQ(*found, 0);
	client_close(client);
	ASSERT_EQ(module_unload(), 0);
	ASSERT_EQ(waitpid(holder.pid, &status, 0), holder.pid);
	EXPECT_EQ(*found, 100);
	kill(spinner.pid, SIGKILL);
	waitpid(spinner.pid, NULL, 0);
}

#define STORM_LOADS 30

/* Of a process that opens, uses and closes it without pause. */
static void storm(void *with)
{
	for (;;) {
		int fd = open(DEVICE, O_WRONLY | O_CLOEXEC), value;

		if (fd < 0)
			continue;
		for (int i = 0; i < 20; i++) {
			if (write(fd, "x", 1) != 1)
				break;
			ioctl(fd, WDIOC_GETTIMEOUT, &value);
		}
		close(fd);
	}
}

TEST_F_TIMEOUT(unloading, in_a_storm, 300)
{
	struct settings settings = all_verdicts();
	struct victim victims[2];

	for (int i = 0; i < STORM_LOADS; i++) {
		if (!module_loaded())
			ASSERT_EQ(module_load(""), 0);
		ASSERT_EQ(client_open(&self->client), 0);
		for (int v = 0; v < 2; v++)
			ASSERT_EQ(victim_start_with(&self->client, &victims[v], &settings, storm, NULL), 0);
		client_close(&self->client);
		sleep_ms(20);
		ASSERT_EQ(module_unload(), 0);
		for (int v = 0; v < 2; v++) {
			kill(victims[v].pid, SIGKILL);
			waitpid(victims[v].pid, NULL, 0);
		}
	}
}

TEST_HARNESS_MAIN
