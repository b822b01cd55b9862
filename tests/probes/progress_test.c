// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hangs as the probes see them, each by a process that really hangs so, and by
 * one that only looks like it. Needs root. What takes a CPU away from others is
 * done in the VM alone (SOURCE_REQUIRED).
 */
#include "tests/probes/hangs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char owner[32];

/* What this process has of programs and maps; others may have the same ones. */
static int objects(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		char target[64];
		ssize_t n = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		count += strstr(target, "bpf") != NULL;
	}
	closedir(folder);
	return count;
}

/* ---- heartbeats ---- */

static int wait_for_ever(void *argument)
{
	for (;;)
		pause();
	return 0;
}

static void test_heartbeat(void **state)
{
	struct source_settings settings = hang_one(FAULTLINE_WATCH_A_HEARTBEAT_MS, 3000);
	pid_t pid;

	stage_begin();
	pid = hang_spawn(wait_for_ever, NULL, &settings);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(stage.ops->heartbeat(stage.source, hang_watch), 0);
		hang_run(0.1);
	}
	assert_no_hang();
	hang_until(pid, HANG, FAULTLINE_HANG_HEARTBEAT);
	assert_int_equal(stage.ops->heartbeat(stage.source, hang_watch), 0);
	hang_until(pid, OVER, FAULTLINE_HANG_HEARTBEAT);
	hang_end(pid);
	assert_int_not_equal(stage.ops->heartbeat(stage.source, hang_watch), 0);
}

/* ---- by need ---- */

static void test_by_need(void **state)
{
	struct source_settings settings = hang_one(FAULTLINE_WATCH_A_SPIN_MS, 60000);
	int before;
	pid_t pid;

	stage_begin();
	before = objects();
	pid = hang_spawn(wait_for_ever, NULL, NULL);
	assert_int_equal(objects(), before);
	hang_end(pid);
	pid = hang_spawn(wait_for_ever, NULL, &settings);
	assert_true(objects() > before);
	hang_end(pid);
	assert_int_equal(objects(), before);
}

/* ---- without a supervisor ---- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Watches a process and is gone, as if it had been killed. */
static void supervise_and_die(pid_t pid)
{
	struct source_settings settings = hang_one(FAULTLINE_WATCH_A_SPIN_MS, 300);
	pid_t supervisor = fork();
	int status;

	if (!supervisor) {
		stage.owner = owner;
		stage_open();
		if (!stage.source)
			_exit(1);
		source_settings_give(&settings, FAULTLINE_WATCH_A_HEARTBEAT_MS, 600000);
		_exit(stage.ops->watch(stage.source, pid, 4711, &settings, &hang_watch, NULL) ? 2 : 0);
	}
	assert_int_equal(waitpid(supervisor, &status, 0), supervisor);
	assert_int_equal(status, 0);
}

static void test_no_supervisor(void **state)
{
	struct source *kept = stage.source;
	const struct faultline_record *hang;
	uint64_t back;
	pid_t pid;

	stage_begin();
	*hang_go_on = true;
	pid = stage_fork(spin, NULL);
	supervise_and_die(pid);
	stage_release();
	/* Until it must have been seen: it has used more than its time. */
	for (int i = 0; i < PATIENCE_S * 10; i++) {
		unsigned long long used = 0;
		char path[40], line[64] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
		file = fopen(path, "re");
		if (file && fgets(line, sizeof(line), file))
			used = strtoull(line, NULL, 10);
		if (file)
			fclose(file);
		if (used > 2000000000ULL)
			break;
		usleep(100000);
	}
	usleep(500000);
	back = now_ns();
	stage.owner = owner;
	stage_open();
	assert_non_null(stage.source);
	hang = hang_until(pid, HANG, FAULTLINE_HANG_SPIN);
	assert_true(hang->time_ns < back);
	assert_int_equal(hang->cookie, 4711);
	stage.cookie = 4711;
	hang_end(pid);
	stage.ops->close(stage.source);
	stage.owner = NULL;
	stage.source = kept;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spin),
		cmocka_unit_test(test_work_is_no_spin),
		cmocka_unit_test(test_deadlock),
		cmocka_unit_test(test_time_limit_is_no_deadlock),
		cmocka_unit_test(test_input_is_no_hang),
		cmocka_unit_test(test_dstate),
		cmocka_unit_test(test_vfork_is_no_dstate),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_traced),
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_starved),
		cmocka_unit_test(test_overloaded_machine),
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_by_need),
		cmocka_unit_test(test_no_supervisor),
	};

	hang_go_on = mmap(NULL, sizeof(*hang_go_on), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(owner, sizeof(owner), "progress-test-%d", getpid());
	stage.ops = &source_probes;
	return cmocka_run_group_tests_name("progress", tests, stage_setup, stage_teardown);
}
