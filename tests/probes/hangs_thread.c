// SPDX-License-Identifier: GPL-2.0-only
/* Hangs of threads by themselves: spinning, waiting for each other, sleeps that nothing disturbs. */
#include "tests/probes/hangs.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- spinning ---- */

void test_spin(void **state)
{
	struct source_settings settings = hang_one(FAULTLINE_WATCH_A_SPIN_MS, 300);
	const struct faultline_record *hang;
	pid_t pid;

	stage_begin();
	*hang_go_on = true;
	pid = hang_spawn(spin, NULL, &settings);
	hang = hang_until(pid, HANG, FAULTLINE_HANG_SPIN);
	assert_int_equal(hang->tid, pid);
	assert_int_equal(hang->cookie, stage.cookie);
	assert_true(hang->flags & FAULTLINE_F_MAIN);
	*hang_go_on = false;
	hang_until(pid, OVER, FAULTLINE_HANG_SPIN);
	hang_run(0.5);
	assert_int_equal(stage_count(HANG), 1);
	hang_end(pid);
}

void test_work_is_no_spin(void **state)
{
	struct source_settings settings = hang_all(300);

	stage_begin();
	assert_quiet(hang_spawn(work_and_rest, NULL, &settings));
}

/* ---- threads that wait for each other ---- */

void test_deadlock(void **state)
{
	struct source_settings settings = hang_one(FAULTLINE_WATCH_A_DEADLOCK_MS, 200);
	pid_t pid;

	stage_begin();
	pid = hang_spawn(deadlock, NULL, &settings);
	/* Nothing is to be done: then waiting is as it should be. */
	hang_run(QUIET_S);
	assert_no_hang();
	settings = hang_one(FAULTLINE_WATCH_A_WORK, 1);
	assert_int_equal(stage.ops->change(stage.source, hang_watch, &settings), 0);
	hang_until(pid, HANG, FAULTLINE_HANG_DEADLOCK);
	settings = hang_one(FAULTLINE_WATCH_A_WORK, 0);
	assert_int_equal(stage.ops->change(stage.source, hang_watch, &settings), 0);
	hang_until(pid, OVER, FAULTLINE_HANG_DEADLOCK);
	hang_end(pid);
}

void test_time_limit_is_no_deadlock(void **state)
{
	struct source_settings settings = hang_all(200);

	stage_begin();
	assert_quiet(hang_spawn(deadlock, &settings, &settings));
}

static int wait_for_input(void *argument)
{
	char byte;
	int fds[2];

	return pipe(fds) || read(fds[0], &byte, 1);
}

void test_input_is_no_hang(void **state)
{
	struct source_settings settings = hang_all(200);

	stage_begin();
	assert_quiet(hang_spawn(wait_for_input, NULL, &settings));
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

void test_dstate(void **state)
{
	struct source_settings settings = hang_one(FAULTLINE_WATCH_A_DSTATE_MS, 200);
	const struct faultline_record *hang;
	pid_t pid;

	stage_begin();
	pid = hang_spawn(sleep_undisturbed, NULL, &settings);
	hang = hang_until(pid, HANG, FAULTLINE_HANG_DSTATE);
	assert_int_equal(hang->tid, pid);
	hang_end(pid);
}

static int start_a_slow_program(void *argument)
{
	if (!vfork()) {
		sleep(3);
		_exit(0);
	}
	return 0;
}

void test_vfork_is_no_dstate(void **state)
{
	struct source_settings settings = hang_all(200);
	pid_t pid;

	stage_begin();
	pid = hang_spawn(start_a_slow_program, NULL, &settings);
	hang_run(QUIET_S);
	assert_no_hang();
	stage_until_last();
	assert_int_equal(stage_status(pid), 0);
}
