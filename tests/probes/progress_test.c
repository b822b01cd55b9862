// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hangs as the probes see them, each by a process that really hangs so, and by
 * one that only looks like it. Needs root. What takes a CPU away from others is
 * done in the VM alone (SOURCE_REQUIRED).
 */
#include "tests/probes/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANG FAULTLINE_RECORD_HANG
#define OVER FAULTLINE_RECORD_HANG_OVER

/* Generous: the machine may be busy, and a spinning thread is judged by the CPU time that it got. */
#define PATIENCE_S 60
/* How long nothing has to happen where nothing is to happen. */
#define QUIET_S 1.5

static char owner[32];

static uint32_t watch;

static pid_t spawn(int (*act)(void *), void *argument, const struct source_settings *settings)
{
	struct error err = {};
	pid_t pid = stage_fork(act, argument);

	if (stage.ops->watch(stage.source, pid, ++stage.cookie, settings, &watch, &err))
		fail_msg("watch: %s", err.text);
	stage_release();
	return pid;
}

static struct source_settings one(enum faultline_watch_attr attr, uint64_t ms)
{
	struct source_settings settings = {};

	source_settings_give(&settings, attr, ms);
	return settings;
}

static struct source_settings all(uint64_t ms)
{
	struct source_settings settings = {};

	for (int attr = FAULTLINE_WATCH_A_DSTATE_MS; attr <= FAULTLINE_WATCH_A_DEADLOCK_MS; attr++)
		source_settings_give(&settings, attr, ms);
	source_settings_give(&settings, FAULTLINE_WATCH_A_WORK, 1);
	return settings;
}

static const struct faultline_record *find(pid_t tgid, int type, int code)
{
	for (size_t i = 0; i < stage.count; i++) {
		const struct faultline_record *record = &stage.seen[i].record;

		if (record->tgid == tgid && record->type == type && record->code == code)
			return record;
	}
	return NULL;
}

static void over(struct ev_loop *loop, ev_timer *timer, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

static void run_for(double seconds)
{
	ev_timer timer;

	ev_timer_init(&timer, over, seconds, 0.);
	ev_now_update(stage.loop);
	ev_timer_start(stage.loop, &timer);
	ev_run(stage.loop, 0);
	ev_timer_stop(stage.loop, &timer);
}

static const struct faultline_record *until(pid_t tgid, int type, int code)
{
	for (int i = 0; i < PATIENCE_S * 20; i++) {
		const struct faultline_record *found = find(tgid, type, code);

		if (found)
			return found;
		run_for(0.05);
	}
	fail_msg("no record of type %d, code %d", type, code);
	return NULL;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	kill(pid, SIGCONT);
	waitpid(pid, NULL, 0);
	stage_until_last();
	stage_ledger();
}

static void assert_no_hang(void)
{
	for (size_t i = 0; i < stage.count; i++)
		if (stage.seen[i].record.type == HANG)
			fail_msg("a hang of code %d", stage.seen[i].record.code);
}

static void assert_quiet(pid_t pid)
{
	run_for(QUIET_S);
	assert_no_hang();
	end(pid);
	assert_no_hang();
}

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

/* ---- spinning ---- */

/* No bool: with -fsanitize=bool the compiler reads it once and for all. */
static volatile int *go_on;

static int spin(void *argument)
{
	volatile unsigned long turns = 0;

	while (*go_on)
		turns++;
	for (;;)
		pause();
	return 0;
}

static void test_spin(void **state)
{
	struct source_settings settings = one(FAULTLINE_WATCH_A_SPIN_MS, 300);
	const struct faultline_record *hang;
	pid_t pid;

	stage_begin();
	*go_on = true;
	pid = spawn(spin, NULL, &settings);
	hang = until(pid, HANG, FAULTLINE_HANG_SPIN);
	assert_int_equal(hang->tid, pid);
	assert_int_equal(hang->cookie, stage.cookie);
	assert_true(hang->flags & FAULTLINE_F_MAIN);
	*go_on = false;
	until(pid, OVER, FAULTLINE_HANG_SPIN);
	run_for(0.5);
	assert_int_equal(stage_count(HANG), 1);
	end(pid);
}

static int work_and_rest(void *argument)
{
	volatile unsigned long turns = 0;

	for (;;) {
		for (int i = 0; i < 1000000; i++)
			turns++;
		usleep(1000);
	}
	return 0;
}

static void test_work_is_no_spin(void **state)
{
	struct source_settings settings = all(300);

	stage_begin();
	assert_quiet(spawn(work_and_rest, NULL, &settings));
}

/* ---- threads that wait for each other ---- */

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;

static void *lock_second_first(void *argument)
{
	pthread_mutex_lock(&second);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&first);
	return NULL;
}

/* As programs of two threads do it. With an argument, a third one waits with a time limit. */
static void *wait_again_and_again(void *argument)
{
	struct timespec until;

	for (;;) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 3600;
		pthread_mutex_timedlock(&first, &until);
	}
	return NULL;
}

static int deadlock(void *argument)
{
	pthread_t other;

	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&other, NULL, lock_second_first, NULL);
	if (argument)
		pthread_create(&other, NULL, wait_again_and_again, NULL);
	pthread_mutex_lock(&first);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&second);
	return 0;
}

static void test_deadlock(void **state)
{
	struct source_settings settings = one(FAULTLINE_WATCH_A_DEADLOCK_MS, 200);
	pid_t pid;

	stage_begin();
	pid = spawn(deadlock, NULL, &settings);
	/* Nothing is to be done: then waiting is as it should be. */
	run_for(QUIET_S);
	assert_no_hang();
	settings = one(FAULTLINE_WATCH_A_WORK, 1);
	assert_int_equal(stage.ops->change(stage.source, watch, &settings), 0);
	until(pid, HANG, FAULTLINE_HANG_DEADLOCK);
	settings = one(FAULTLINE_WATCH_A_WORK, 0);
	assert_int_equal(stage.ops->change(stage.source, watch, &settings), 0);
	until(pid, OVER, FAULTLINE_HANG_DEADLOCK);
	end(pid);
}

static void test_time_limit_is_no_deadlock(void **state)
{
	struct source_settings settings = all(200);

	stage_begin();
	assert_quiet(spawn(deadlock, &settings, &settings));
}

static int wait_for_input(void *argument)
{
	char byte;
	int fds[2];

	return pipe(fds) || read(fds[0], &byte, 1);
}

static void test_input_is_no_hang(void **state)
{
	struct source_settings settings = all(200);

	stage_begin();
	assert_quiet(spawn(wait_for_input, NULL, &settings));
}

/* ---- sleeps that nothing disturbs ---- */

/* Memory that nobody provides, read by the kernel on another's behalf. */
static int sleep_undisturbed(void *argument)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING, .range.len = 4096 };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	char byte;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec from = { .iov_base = page, .iov_len = 1 };
	struct iovec to = { .iov_base = &byte, .iov_len = 1 };

	area.range.start = (uintptr_t)page;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &area))
		return 90;
	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1 ? 91 : 92;
}

static void test_dstate(void **state)
{
	struct source_settings settings = one(FAULTLINE_WATCH_A_DSTATE_MS, 200);
	const struct faultline_record *hang;
	pid_t pid;

	stage_begin();
	pid = spawn(sleep_undisturbed, NULL, &settings);
	hang = until(pid, HANG, FAULTLINE_HANG_DSTATE);
	assert_int_equal(hang->tid, pid);
	end(pid);
}

static int start_a_slow_program(void *argument)
{
	if (!vfork()) {
		sleep(3);
		_exit(0);
	}
	return 0;
}

static void test_vfork_is_no_dstate(void **state)
{
	struct source_settings settings = all(200);
	pid_t pid;

	stage_begin();
	pid = spawn(start_a_slow_program, NULL, &settings);
	run_for(QUIET_S);
	assert_no_hang();
	stage_until_last();
	assert_int_equal(stage_status(pid), 0);
}

/* ---- who may stop a process ---- */

static void test_stopped(void **state)
{
	struct source_settings settings = all(300);
	pid_t pid;

	stage_begin();
	*go_on = true;
	pid = stage_fork(spin, NULL);
	kill(pid, SIGSTOP);
	stage_release();
	assert_int_equal(stage.ops->watch(stage.source, pid, ++stage.cookie, &settings, &watch, NULL), 0);
	assert_quiet(pid);
}

static void test_traced(void **state)
{
	struct source_settings settings = all(300);
	int status;
	pid_t pid;

	stage_begin();
	pid = spawn(deadlock, NULL, &settings);
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

static void test_frozen(void **state)
{
	struct source_settings settings = all(300);
	const char *group;
	char number[16], *mountpoint;
	bool frozen;
	pid_t pid;

	stage_begin();
	group = group_make();
	if (!group)
		skip();
	pid = stage_fork(deadlock, NULL);
	snprintf(number, sizeof(number), "%d", pid);
	frozen = group_write(group, "cgroup.procs", number) && group_write(group, "cgroup.freeze", "1");
	stage_release();
	assert_int_equal(stage.ops->watch(stage.source, pid, ++stage.cookie, &settings, &watch, NULL), 0);
	run_for(QUIET_S);
	group_write(group, "cgroup.freeze", "0");
	if (frozen)
		assert_no_hang();
	end(pid);
	rmdir(group);
	mountpoint = strdup(group);
	*strrchr(mountpoint, '/') = '\0';
	umount2(mountpoint, MNT_DETACH);
	rmdir(mountpoint);
	free(mountpoint);
	if (!frozen)
		skip();
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
static void test_starved(void **state)
{
	struct source_settings settings = one(FAULTLINE_WATCH_A_STARVED_MS, 200);
	cpu_set_t before;
	pid_t pid, other;

	if (!getenv("SOURCE_REQUIRED") || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	stage_begin();
	sched_getaffinity(0, sizeof(before), &before);
	stay_on(1);
	pid = spawn(want_first_cpu, NULL, &settings);
	run_for(0.3);
	other = hog_start(0);
	until(pid, HANG, FAULTLINE_HANG_STARVED);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	until(pid, OVER, FAULTLINE_HANG_STARVED);
	sched_setaffinity(0, sizeof(before), &before);
	end(pid);
}

/* A machine that has no time for anybody is not the application's fault. */
static void test_overloaded_machine(void **state)
{
	struct source_settings settings = all(200);
	struct sched_param first_of_all = { .sched_priority = 60 }, usual = {};
	pid_t pid, others[2];

	if (!getenv("SOURCE_REQUIRED") || sysconf(_SC_NPROCESSORS_ONLN) != 2)
		skip();
	stage_begin();
	pid = spawn(work_and_rest, NULL, &settings);
	assert_int_equal(sched_setscheduler(0, SCHED_FIFO, &first_of_all), 0);
	others[0] = hog_start(0);
	others[1] = hog_start(1);
	run_for(QUIET_S);
	for (int i = 0; i < 2; i++) {
		kill(others[i], SIGKILL);
		waitpid(others[i], NULL, 0);
	}
	sched_setscheduler(0, SCHED_OTHER, &usual);
	assert_no_hang();
	end(pid);
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
	struct source_settings settings = one(FAULTLINE_WATCH_A_HEARTBEAT_MS, 3000);
	pid_t pid;

	stage_begin();
	pid = spawn(wait_for_ever, NULL, &settings);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(stage.ops->heartbeat(stage.source, watch), 0);
		run_for(0.1);
	}
	assert_no_hang();
	until(pid, HANG, FAULTLINE_HANG_HEARTBEAT);
	assert_int_equal(stage.ops->heartbeat(stage.source, watch), 0);
	until(pid, OVER, FAULTLINE_HANG_HEARTBEAT);
	end(pid);
	assert_int_not_equal(stage.ops->heartbeat(stage.source, watch), 0);
}

/* ---- by need ---- */

static void test_by_need(void **state)
{
	struct source_settings settings = one(FAULTLINE_WATCH_A_SPIN_MS, 60000);
	int before;
	pid_t pid;

	stage_begin();
	before = objects();
	pid = spawn(wait_for_ever, NULL, NULL);
	assert_int_equal(objects(), before);
	end(pid);
	pid = spawn(wait_for_ever, NULL, &settings);
	assert_true(objects() > before);
	end(pid);
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
	struct source_settings settings = one(FAULTLINE_WATCH_A_SPIN_MS, 300);
	pid_t supervisor = fork();
	int status;

	if (!supervisor) {
		stage.owner = owner;
		stage_open();
		if (!stage.source)
			_exit(1);
		source_settings_give(&settings, FAULTLINE_WATCH_A_HEARTBEAT_MS, 600000);
		_exit(stage.ops->watch(stage.source, pid, 4711, &settings, &watch, NULL) ? 2 : 0);
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
	*go_on = true;
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
	hang = until(pid, HANG, FAULTLINE_HANG_SPIN);
	assert_true(hang->time_ns < back);
	assert_int_equal(hang->cookie, 4711);
	stage.cookie = 4711;
	end(pid);
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

	go_on = mmap(NULL, sizeof(*go_on), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(owner, sizeof(owner), "progress-test-%d", getpid());
	stage.ops = &source_probes;
	return cmocka_run_group_tests_name("progress", tests, stage_setup, stage_teardown);
}
