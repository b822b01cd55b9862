// SPDX-License-Identifier: GPL-2.0-only
#include "tests/probes/ends.h"

#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
int crash(void *argument)
{
	asm volatile("movabs %0, %%r12\n\t"
		     "pushq %1\n\t"
		     "movq %%r12, (%2)"
		     : : "i"(MARK_REGISTER), "i"(MARK_STACK), "r"(BAD_ADDRESS)
		     : "r12", "memory");
	return 99;
}
#else
#error "crash() is not written for this architecture"
#endif

int wait_for_ever(void *argument)
{
	for (;;)
		pause();
	return 0;
}

void *thread_for_ever(void *argument)
{
	wait_for_ever(NULL);
	return NULL;
}

int crash_in_grandchild(void *argument)
{
	pid_t child, grandchild;

	child = fork();
	if (!child) {
		grandchild = fork();
		if (!grandchild)
			crash(NULL);
		waitpid(grandchild, NULL, 0);
		crash(NULL);
	}
	waitpid(child, NULL, 0);
	return 3;
}

int exit_seven(void *argument)
{
	return 7;
}

void assert_signaled(pid_t pid, int signo)
{
	int status = stage_status(pid);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signo);
}

void assert_exited(pid_t pid, int code)
{
	int status = stage_status(pid);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

int flags_of(const struct seen *seen)
{
	return seen->record.flags & ~(FAULTLINE_F_MAPS | FAULTLINE_F_BLOCKS);
}
