// SPDX-License-Identifier: GPL-2.0-only
/* The supervisor's priority, and that nothing that it starts inherits it. Needs root. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisord/priority.h"

static int child_status(int (*act)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(act());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int usual(void)
{
	return getpriority(PRIO_PROCESS, 0) || sched_getscheduler(0) != SCHED_OTHER;
}

static int raised(void)
{
	int status;
	pid_t pid;

	if (priority_raise())
		return 77;
	if (getpriority(PRIO_PROCESS, 0) != -10)
		return 1;
	pid = fork();
	if (!pid)
		_exit(usual());
	return waitpid(pid, &status, 0) != pid || status;
}

static int policy(void)
{
	return sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
}

static int yields(void)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);

	/* One that was not raised stays as it is. */
	priority_yield(loop);
	if (policy() != SCHED_OTHER)
		return 1;
	if (priority_raise())
		return 77;
	for (int i = 0; i < 2; i++) {
		priority_yield(loop);
		priority_yield(loop);
		if (policy() != SCHED_BATCH || getpriority(PRIO_PROCESS, 0) != -10)
			return 2;
		ev_run(loop, EVRUN_NOWAIT);
		if (policy() != SCHED_OTHER || getpriority(PRIO_PROCESS, 0) != -10)
			return 3;
	}
	ev_loop_destroy(loop);
	return 0;
}

static int without_rights(void)
{
	return setresuid(65534, 65534, 65534) || priority_raise() != -EPERM;
}

static void test_yields_until_the_next_turn(void **state)
{
	int status = child_status(yields);

	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

static void test_raised_for_itself_alone(void **state)
{
	int status = child_status(raised);

	if (status == 77)
		skip();
	assert_int_equal(status, 0);
}

static void test_no_rights(void **state)
{
	if (geteuid())
		skip();
	assert_int_equal(child_status(without_rights), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raised_for_itself_alone),
		cmocka_unit_test(test_yields_until_the_next_turn),
		cmocka_unit_test(test_no_rights),
	};

	return cmocka_run_group_tests_name("priority", tests, NULL, NULL);
}
