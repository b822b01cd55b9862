// SPDX-License-Identifier: GPL-2.0-only
/* Threads that others keep from going on: stopped, traced, frozen, and CPUs that others have. */
#include "tests/probes/hangs.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- who may stop a process ---- */

void test_stopped(void **state)
{
	struct source_settings settings = hang_all(300);
	pid_t pid;

	stage_begin();
	*hang_go_on = true;
	pid = stage_fork(spin, NULL);
	kill(pid, SIGSTOP);
	stage_release();
	assert_int_equal(stage.ops->watch(stage.source, pid, ++stage.cookie, &settings, &hang_watch, NULL), 0);
	assert_quiet(pid);
}

void test_traced(void **state)
{
	struct source_settings settings = hang_all(300);
	int status;
	pid_t pid;

	stage_begin();
	pid = hang_spawn(deadlock, NULL, &settings);
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_quiet(pid);
}

/* A cgroup of version 2 in a place of its own; NULL where the machine has none. */
static const char *group_make(void)
{
	static char group[64];
	static char mountpoint[] = "/tmp/progress-cgroup-XXXXXX";

	if (!mkdtemp(mountpoint) || mount("none", mountpoint, "cgroup2", 0, NULL))
		return NULL;
	snprintf(group, sizeof(group), "%s/progress-%d", mountpoint, getpid());
	return mkdir(group, 0755) ? NULL : group;
}

static bool group_write(const char *group, const char *file, const char *text)
{
	char path[128];
	int fd;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	good = fd >= 0 && write(fd, text, strlen(text)) > 0;
	close(fd);
	return good;
}

void test_frozen(void **state)
{
	struct source_settings settings = hang_all(300);
	const char *group;
	char number[16], *mountpoint;
	bool frozen;
	pid_t pid;

	stage_begin();
	group = group_make();
	if (!group)
		stage_skip("no cgroups of version 2");
	pid = stage_fork(deadlock, NULL);
	snprintf(number, sizeof(number), "%d", pid);
	frozen = group_write(group, "cgroup.procs", number) && group_write(group, "cgroup.freeze", "1");
	stage_release();
	assert_int_equal(stage.ops->watch(stage.source, pid, ++stage.cookie, &settings, &hang_watch, NULL), 0);
	hang_run(QUIET_S);
	group_write(group, "cgroup.freeze", "0");
	if (frozen)
		assert_no_hang();
	hang_end(pid);
	rmdir(group);
	mountpoint = strdup(group);
	*strrchr(mountpoint, '/') = '\0';
	umount2(mountpoint, MNT_DETACH);
	rmdir(mountpoint);
	free(mountpoint);
	if (!frozen)
		stage_skip("cgroups that cannot be frozen");
}

/* ---- CPUs that others have ---- */

static int hog(int cpu)
{
	struct sched_param first_of_all = { .sched_priority = 50 };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) || sched_setscheduler(0, SCHED_FIFO, &first_of_all))
		return 93;
	for (;;)
		;
}

static pid_t hog_start(int cpu)
{
	pid_t pid = fork();

	if (!pid)
		_exit(hog(cpu));
	return pid;
}

static void stay_on(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static int want_first_cpu(void *argument)
{
	stay_on(0);
	for (;;)
		;
	return 0;
}

/* What realtime tasks leave to others in a second is less than the threshold. */
void test_starved(void **state)
{
	struct source_settings settings = hang_one(FAULTLINE_WATCH_A_STARVED_MS, 200);
	cpu_set_t before;
	pid_t pid, other;

	if (!getenv("SOURCE_REQUIRED") || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		stage_skip("takes CPUs away from others: run in a VM with two");
	stage_begin();
	sched_getaffinity(0, sizeof(before), &before);
	stay_on(1);
	pid = hang_spawn(want_first_cpu, NULL, &settings);
	hang_run(0.3);
	other = hog_start(0);
	hang_until(pid, HANG, FAULTLINE_HANG_STARVED);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	hang_until(pid, OVER, FAULTLINE_HANG_STARVED);
	sched_setaffinity(0, sizeof(before), &before);
	hang_end(pid);
}

/* A machine that has no time for anybody is not the application's fault. */
void test_overloaded_machine(void **state)
{
	struct source_settings settings = hang_all(200);
	struct sched_param first_of_all = { .sched_priority = 60 }, usual = {};
	pid_t pid, others[2];

	if (!getenv("SOURCE_REQUIRED") || sysconf(_SC_NPROCESSORS_ONLN) != 2)
		stage_skip("takes CPUs away from others: run in a VM with two");
	stage_begin();
	pid = hang_spawn(work_and_rest, NULL, &settings);
	assert_int_equal(sched_setscheduler(0, SCHED_FIFO, &first_of_all), 0);
	others[0] = hog_start(0);
	others[1] = hog_start(1);
	hang_run(QUIET_S);
	for (int i = 0; i < 2; i++) {
		kill(others[i], SIGKILL);
		waitpid(others[i], NULL, 0);
	}
	sched_setscheduler(0, SCHED_OTHER, &usual);
	assert_no_hang();
	hang_end(pid);
}
