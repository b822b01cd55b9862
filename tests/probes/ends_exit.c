// SPDX-License-Identifier: GPL-2.0-only
/* Processes that end by themselves, and what exec makes of one. */
#include "tests/probes/ends.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

void test_exit_status(void **state)
{
	const struct seen *end;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(exit_seven, NULL);
	stage_until_last();
	assert_exited(pid, 7);
	assert_int_equal(stage.count, 1);
	end = stage_find(pid, EXIT);
	assert_int_equal(end->record.code, 7);
	assert_int_equal(flags_of(end), FAULTLINE_F_MAIN | FAULTLINE_F_LAST);
}

static int exit_group_in_threads(void *argument)
{
	pthread_t thread;

	for (int i = 0; i < 8; i++)
		pthread_create(&thread, NULL, thread_for_ever, NULL);
	usleep(10000);
	return 8;
}

static void *exit_late(void *argument)
{
	usleep(50000);
	syscall(SYS_exit_group, 9);
	return NULL;
}

static int leader_ends_first(void *argument)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exit_late, NULL);
	syscall(SYS_exit, 0);
	return 0;
}

void test_exit_of_threads(void **state)
{
	const struct seen *end;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(exit_group_in_threads, NULL);
	stage_until_last();
	assert_exited(pid, 8);
	assert_int_equal(stage.count, 1);

	stage_begin();
	pid = stage_spawn(leader_ends_first, NULL);
	stage_until_last();
	assert_exited(pid, 9);
	assert_int_equal(stage.count, 1);
	end = stage_find(pid, EXIT);
	assert_int_equal(end->record.code, 9);
}

static int exec_chain(void *argument)
{
	execl("/bin/sh", "sh", "-c", "exec /bin/sh -c 'exec /bin/sh -c \"kill -SEGV \\$\\$\"'", NULL);
	return 97;
}

void test_exec_chain(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(exec_chain, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	fatal = stage_find(pid, FATAL);
	assert_string_equal(fatal->record.comm, "sh");
	assert_true(fatal->record.flags & FAULTLINE_F_MAIN);
	assert_false(fatal->record.flags & FAULTLINE_F_SENT);
}

static void *exec_true(void *argument)
{
	execl("/bin/sh", "sh", "-c", "exit 11", NULL);
	return NULL;
}

static int exec_in_thread(void *argument)
{
	pthread_t thread;

	for (int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, thread_for_ever, NULL);
	pthread_create(&thread, NULL, exec_true, NULL);
	return wait_for_ever(NULL);
}

void test_exec_kills_no_process(void **state)
{
	pid_t pid;

	stage_begin();
	pid = stage_spawn(exec_in_thread, NULL);
	stage_until_last();
	assert_exited(pid, 11);
	assert_int_equal(stage.count, 1);
}
