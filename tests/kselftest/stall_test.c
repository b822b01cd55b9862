// SPDX-License-Identifier: GPL-2.0-only
/*
 * What others do not give: an answer of a file system, memory, the machine itself.
 * The first is a hang; the others are no fault of who has to wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <linux/watchdog.h>

#include "hangs.h"
#include "stuckfs.h"

/* ---- a file system in user space whose server does not answer ---- */

/* Return: its server, whose end is the end of all that wait for it; -1: there is no FUSE. */
static pid_t stuck_mount(void)
{
	pid_t server;
	int fd;

	fd = needs_stuckfs() ? -1 : stuckfs_mount();
	if (fd < 0)
		return -1;
	server = fork();
	if (!server)
		stuckfs_serve(fd);
	close(fd);
	return server;
}

static void read_stuck(void *with)
{
	char bytes[512];
	int fd = open(STUCKFS_FILE, O_RDONLY);

	if (fd < 0 || read(fd, bytes, sizeof(bytes)) >= 0)
		_exit(1);
	idle(NULL);
}

HANG_TEST(stuck_file_system)
{
	const struct faultline_hang_block *block;
	const struct event *event;
	pid_t server = stuck_mount();

	if (server < 0)
		SKIP(return, "no FUSE");
	START(setting(FAULTLINE_WATCH_A_DSTATE_MS, THRESHOLD_MS), read_stuck, NULL);
	WAIT_HANG(FAULTLINE_HANG_DSTATE);
	event = HANG(FAULTLINE_HANG_DSTATE);
	block = evidence(event);
	ASSERT_NE(block, NULL);
	EXPECT_EQ(block->state, 'D');
	EXPECT_TRUE(block->block.flags & FAULTLINE_HANG_F_IOWAIT);
	EXPECT_FALSE(block->block.flags & FAULTLINE_HANG_F_MEMSTALL);
	EXPECT_EQ(block->slept, 0);
#ifdef __x86_64__
	EXPECT_EQ(block->syscall, SYS_read);
	EXPECT_TRUE(in_kstack(event, "filemap"));
#endif
	TH_LOG("waits in %s, system call %d", block->wchan, block->syscall);
	kill(server, SIGKILL);
	ASSERT_EQ(waitpid(server, NULL, 0), server);
	WAIT_OVER(FAULTLINE_HANG_DSTATE);
	EXPECT_EQ(HANGS(), 1);
	END();
	EXPECT_EQ(umount(STUCKFS_DIR), 0);
}

/* ---- memory ---- */

#define GROUP		"/sys/fs/cgroup/short"
#define GROUP_BYTES	"4194304"
#define STALLED_US	3000000ULL

/* More than the group may have: the kernel lets it wait in every page fault or so. */
static void want_memory(void *with)
{
	size_t size = 48 << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	while (!__atomic_load_n((int *)with, __ATOMIC_SEQ_CST))
		sleep_ms(10);
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = 1;
	idle(NULL);
}

/* What all of the group have waited for memory, in us. */
static unsigned long long group_stalled(void)
{
	unsigned long long total = 0;
	FILE *file = fopen(GROUP "/memory.pressure", "re");

	if (!file)
		return 0;
	if (fscanf(file, "some avg10=%*f avg60=%*f avg300=%*f total=%llu", &total) != 1)
		total = 0;
	fclose(file);
	return total;
}

HANG_TEST(short_of_memory)
{
	int *go = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long long stalled = 0;
	char pid[16];

	file_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755) || access(GROUP "/memory.pressure", R_OK))
		SKIP(return, "no cgroup2 that counts stalls of memory");
	START(setting(FAULTLINE_WATCH_A_DSTATE_MS, THRESHOLD_MS), want_memory, go);
	snprintf(pid, sizeof(pid), "%d", self->victim.pid);
	ASSERT_EQ(file_write(GROUP "/cgroup.procs", pid), 0);
	ASSERT_EQ(file_write(GROUP "/memory.high", GROUP_BYTES), 0);
	__atomic_store_n(go, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 600 && stalled < STALLED_US; i++) {
		watch_on(&self->client, 100);
		stalled = group_stalled();
	}
	TH_LOG("waited %llu ms for memory", stalled / 1000);
	EXPECT_GE(stalled, STALLED_US);
	EXPECT_EQ(HANGS(), 0);
	END();
	EXPECT_EQ(rmdir(GROUP), 0);
}

/* ---- a suspend ---- */

#define BEAT_MS		2000

static void beat(void *with)
{
	int fd = open(DEVICE, O_WRONLY | O_CLOEXEC);

	for (;;) {
		if (write(fd, "x", 1) != 1)
			_exit(1);
		sleep_ms(20);
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

#define FREEZES		5

/*
 * All tasks are frozen as for a suspend, for five seconds of a clock that goes
 * on; devices and CPUs stay. Returns how long it was, in seconds: what wakes the
 * machine ends it before its time. -errno where tasks cannot be frozen.
 */
static double freeze(void)
{
	double before = seconds();
	int err;

	err = file_write("/sys/power/pm_test", "freezer");
	if (err)
		return err;
	err = file_write("/sys/power/state", "freeze");
	file_write("/sys/power/pm_test", "none");
	return err ? err : seconds() - before;
}

HANG_TEST(frozen_for_a_suspend)
{
	struct settings settings = setting(FAULTLINE_WATCH_A_HEARTBEAT_MS, BEAT_MS);
	double frozen = 0;

	settings_give(&settings, FAULTLINE_WATCH_A_DSTATE_MS, THRESHOLD_MS);
	settings_give(&settings, FAULTLINE_WATCH_A_STARVED_MS, THRESHOLD_MS);
	START(settings, beat, NULL);
	watch_on(&self->client, BEAT_MS);
	for (int i = 0; i < FREEZES && frozen >= 0 && frozen < 2 * BEAT_MS / 1000; i++) {
		frozen = freeze();
		TH_LOG("frozen for %.1f s", frozen);
	}
	watch_on(&self->client, BEAT_MS);
	EXPECT_EQ(HANGS(), 0);
	END();
	if (frozen < 0)
		SKIP(return, "this machine cannot freeze its tasks");
	if (frozen < 2 * BEAT_MS / 1000)
		SKIP(return, "something woke this machine each time");
}

TEST_HARNESS_MAIN
