// SPDX-License-Identifier: GPL-2.0-only
/* Signals that others send, that a process sends itself, and core dumps. */
#include "tests/probes/ends.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int wait_in_threads(void *argument)
{
	pthread_t thread;

	for (int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, thread_for_ever, NULL);
	stage_tell();
	return wait_for_ever(NULL);
}

static int wait_alone(void *argument)
{
	stage_tell();
	return wait_for_ever(NULL);
}

/* A signal from outside: the record has it and who sent it, whatever it became on its way. */
static void check_sent(int (*act)(void *), int signo)
{
	const struct seen *fatal, *end;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(act, NULL);
	/* Before that it may not have its signals as they are to be. */
	stage_hear();
	kill(pid, signo);
	stage_until_last();
	assert_signaled(pid, signo);
	assert_int_equal(stage.count, 2);
	fatal = stage_find(pid, FATAL);
	end = stage_find(pid, EXIT);
	assert_int_equal(fatal->record.signo, signo);
	assert_int_equal(fatal->record.code, SI_USER);
	assert_int_equal(flags_of(fatal),
			 FAULTLINE_F_SENT | FAULTLINE_F_MAIN | FAULTLINE_F_CAPTURE);
	assert_int_equal(fatal->record.sender_tgid, getpid());
	assert_int_equal(fatal->record.sender_uid, getuid());
	assert_int_equal(fatal->record.fault_addr, 0);
	assert_int_equal(end->record.signo, signo);
}

void test_sent(void **state)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGUSR1, SIGPIPE,
				       SIGALRM };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		check_sent(wait_alone, signals[i]);
		check_sent(wait_in_threads, signals[i]);
	}
}

static int wait_blocked(void *argument)
{
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stage_tell();
	while (!sigpending(&pending) && !sigismember(&pending, SIGTERM))
		usleep(1000);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 0;
}

void test_sent_while_blocked(void **state)
{
	check_sent(wait_blocked, SIGTERM);
}

static int stop_myself(void *argument)
{
	raise(SIGSTOP);
	return 6;
}

void test_stop_and_continue(void **state)
{
	int status;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(stop_myself, NULL);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	stage_until_last();
	assert_exited(pid, 6);
	assert_int_equal(stage.count, 1);
}

static int abort_myself(void *argument)
{
	abort();
}

void test_abort(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(abort_myself, NULL);
	stage_until_last();
	assert_signaled(pid, SIGABRT);
	fatal = stage_find(pid, FATAL);
	assert_int_equal(fatal->record.code, SI_TKILL);
	assert_int_equal(flags_of(fatal), FAULTLINE_F_MAIN | FAULTLINE_F_CAPTURE);
	assert_int_equal(fatal->record.sender_tgid, 0);
}

static int alarm_myself(void *argument)
{
	ualarm(1000, 0);
	return wait_for_ever(NULL);
}

void test_timer(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(alarm_myself, NULL);
	stage_until_last();
	assert_signaled(pid, SIGALRM);
	fatal = stage_find(pid, FATAL);
	assert_int_equal(fatal->record.signo, SIGALRM);
	assert_int_equal(fatal->record.code, SI_KERNEL);
	assert_false(fatal->record.flags & FAULTLINE_F_SENT);
	assert_true(fatal->record.flags & FAULTLINE_F_KERNEL);
}

static int crash_with_core(void *argument)
{
	struct rlimit limit;

	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CORE, &limit);
	return crash(argument);
}

void test_core_dump(void **state)
{
	char folder[] = "/tmp/probes-test-XXXXXX";
	char core[64];
	const struct seen *fatal, *end;
	int status;
	pid_t pid;

	stage_begin();
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	pid = stage_spawn(crash_with_core, NULL);
	stage_until_last();
	status = stage_status(pid);
	assert_int_equal(chdir("/"), 0);
	fatal = stage_find(pid, FATAL);
	end = stage_find(pid, EXIT);
	assert_true(fatal->record.flags & FAULTLINE_F_COREDUMP);
	assert_int_equal(!!(end->record.flags & FAULTLINE_F_COREDUMP), !!WCOREDUMP(status));
	/* Where it went depends on core_pattern; most leave a file here, or nothing. */
	snprintf(core, sizeof(core), "%s/core", folder);
	unlink(core);
	rmdir(folder);
}
