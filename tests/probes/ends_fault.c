// SPDX-License-Identifier: GPL-2.0-only
/* Faults of a thread's own: in each place of a family of processes and threads, and those that are handled. */
#include "tests/probes/ends.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void test_segv(void **state)
{
	const struct seen *fatal, *end;
	uint64_t top;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(crash, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	assert_int_equal(stage.count, 2);
	fatal = stage_find(pid, FATAL);
	end = stage_find(pid, EXIT);
	assert_non_null(fatal);
	assert_non_null(end);

	assert_int_equal(fatal->record.signo, SIGSEGV);
	assert_int_equal(fatal->record.code, SEGV_MAPERR);
	assert_int_equal(fatal->record.fault_addr, BAD_ADDRESS);
	assert_int_equal(flags_of(fatal),
			 FAULTLINE_F_CAPTURE | FAULTLINE_F_MAIN | FAULTLINE_F_KERNEL);
	assert_int_equal(fatal->record.cookie, stage.cookie);
	assert_int_equal(fatal->record.tid, pid);
	assert_int_equal(fatal->record.ptgid, getpid());
	assert_int_equal(fatal->record.uid, getuid());
	assert_int_equal(fatal->record.trapno, 14);	/* page fault */
	assert_int_equal(fatal->record.error_code, 6);	/* write, from user space */
	assert_string_equal(fatal->record.comm, "probes_test");
	assert_true(fatal->record.time_ns <= end->record.time_ns);

	assert_int_equal(fatal->capture.arch, FAULTLINE_ARCH_X86_64);
	assert_int_equal(fatal->capture.nregs, AT_COUNT);
	assert_int_equal(fatal->capture.regs[AT_R12], MARK_REGISTER);
	assert_in_range(fatal->capture.regs[AT_IP], (uintptr_t)crash, (uintptr_t)crash + 256);
	assert_int_equal(fatal->capture.regs[AT_SP], fatal->capture.stack_addr);
	assert_true(fatal->capture.stack_len >= 3584);
	memcpy(&top, fatal->stack, sizeof(top));
	assert_int_equal(top, MARK_STACK);
	assert_in_range(fatal->capture.cost_ns, 1, 1000000000);

	assert_int_equal(end->record.signo, SIGSEGV);
	assert_int_equal(end->record.flags, FAULTLINE_F_MAIN | FAULTLINE_F_LAST);
	assert_int_equal(end->record.seq, fatal->record.seq + 1);
}

static void *crash_thread(void *argument)
{
	prctl(PR_SET_NAME, "the-thread");
	crash(NULL);
	return NULL;
}

static int crash_in_thread(void *argument)
{
	pthread_t thread;

	pthread_create(&thread, NULL, crash_thread, NULL);
	pthread_join(thread, NULL);
	return 0;
}

void test_thread(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(crash_in_thread, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	assert_int_equal(stage.count, 2);
	fatal = stage_find(pid, FATAL);
	assert_non_null(fatal);
	assert_int_not_equal(fatal->record.tid, pid);
	assert_string_equal(fatal->record.comm, "the-thread");
	assert_int_equal(fatal->capture.regs[AT_R12], MARK_REGISTER);
}

static pthread_barrier_t together;

static void *crash_together(void *argument)
{
	pthread_barrier_wait(&together);
	crash(NULL);
	return NULL;
}

static int crash_in_many(void *argument)
{
	pthread_t thread[8];

	pthread_barrier_init(&together, NULL, 8);
	for (int i = 0; i < 8; i++)
		pthread_create(&thread[i], NULL, crash_together, NULL);
	pause();
	return 0;
}

void test_many_threads_at_once(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	for (int i = 0; i < 20; i++) {
		stage_begin();
		pid = stage_spawn(crash_in_many, NULL);
		stage_until_last();
		assert_signaled(pid, SIGSEGV);
		assert_int_equal(stage.count, 2);
		fatal = stage_find(pid, FATAL);
		assert_int_equal(fatal->record.fault_addr, BAD_ADDRESS);
	}
}

void test_family(void **state)
{
	const struct faultline_record *last;
	int mains = 0;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(crash_in_grandchild, NULL);
	stage_until_last();
	assert_exited(pid, 3);
	assert_int_equal(stage_count(FATAL), 2);
	assert_int_equal(stage_count(EXIT), 3);
	for (size_t i = 0; i < stage.count; i++) {
		assert_int_equal(stage.seen[i].record.cookie, stage.cookie);
		assert_int_equal(stage.seen[i].record.watch, stage.seen[0].record.watch);
		mains += stage.seen[i].record.flags & FAULTLINE_F_MAIN ? 1 : 0;
	}
	assert_int_equal(mains, 1);
	assert_int_equal(stage.seen[2].record.ptgid, pid);
	last = &stage.seen[stage.count - 1].record;
	assert_int_equal(last->tgid, pid);
	assert_int_equal(last->code, 3);
	assert_true(last->flags & FAULTLINE_F_LAST);
}

static int leave_a_child(void *argument)
{
	pid_t main = getpid();

	if (!fork()) {
		/* Its end is told before its children have another parent. */
		while (getppid() == main)
			usleep(1000);
		crash(NULL);
	}
	return 0;
}

void test_child_outlives_main(void **state)
{
	const struct seen *end;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(leave_a_child, NULL);
	stage_until_last();
	assert_exited(pid, 0);
	end = stage_find(pid, EXIT);
	assert_int_equal(flags_of(end), FAULTLINE_F_MAIN);
	assert_int_equal(stage_count(FATAL), 1);
	assert_int_equal(stage.seen[2].record.flags, FAULTLINE_F_LAST);
}

static int end_together(void *argument)
{
	int gate_fds[2];
	char byte;

	if (pipe(gate_fds))
		return 91;
	for (int i = 0; i < 40; i++) {
		if (fork())
			continue;
		close(gate_fds[1]);
		_exit(read(gate_fds[0], &byte, 1) ? 91 : 0);
	}
	return 0;
}

void test_last_is_the_last(void **state)
{
	size_t lasts;
	pid_t pid;

	for (int turn = 0; turn < 25; turn++) {
		stage_begin();
		pid = stage_spawn(end_together, NULL);
		stage_until_last();
		stage_drain();
		assert_exited(pid, 0);
		assert_int_equal(stage.count, 41);
		lasts = 0;
		for (size_t i = 0; i < stage.count; i++)
			lasts += stage.seen[i].record.flags & FAULTLINE_F_LAST ? 1 : 0;
		assert_int_equal(lasts, 1);
		assert_true(stage.seen[40].record.flags & FAULTLINE_F_LAST);
	}
}

static int vfork_crash(void *argument)
{
	pid_t pid = vfork();

	if (!pid)
		crash(NULL);
	return pid > 0 ? 4 : 98;
}

void test_vfork(void **state)
{
	pid_t pid;

	stage_begin();
	pid = stage_spawn(vfork_crash, NULL);
	stage_until_last();
	assert_exited(pid, 4);
	assert_int_equal(stage_count(FATAL), 1);
	assert_int_equal(stage.seen[0].record.type, FATAL);
	assert_int_not_equal(stage.seen[0].record.tgid, pid);
	assert_int_equal(stage.seen[0].capture.regs[AT_R12], MARK_REGISTER);
}

static sigjmp_buf recovery;

static void on_segv(int signo)
{
	siglongjmp(recovery, 1);
}

static int crash_handled(void *argument)
{
	signal(SIGSEGV, on_segv);
	for (int i = 0; i < 10; i++)
		if (!sigsetjmp(recovery, 1))
			crash(NULL);
	signal(SIGTERM, SIG_IGN);
	raise(SIGTERM);
	raise(SIGCHLD);
	raise(SIGWINCH);
	return 5;
}

void test_handled(void **state)
{
	const struct seen *end;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(crash_handled, NULL);
	stage_until_last();
	assert_exited(pid, 5);
	assert_int_equal(stage.count, 1);
	end = stage_find(pid, EXIT);
	assert_int_equal(end->record.code, 5);
	assert_int_equal(end->record.signo, 0);
}
