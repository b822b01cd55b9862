// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probes on the kernel at hand: what each kind of end of a process gives,
 * what gives nothing, and that every record is accounted for. Needs root.
 * With the argument "module" the same is asked of the module, through the
 * supervisor's client of it.
 */
#include "tests/probes/stage.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FATAL FAULTLINE_RECORD_FATAL
#define EXIT FAULTLINE_RECORD_EXIT

#define BAD_ADDRESS 0x10UL
#define MARK_STACK 0x5eed5eedL
#define MARK_REGISTER 0x1122334455667788UL

#if defined(__x86_64__)
enum { AT_R12 = 3, AT_IP = 16, AT_SP = 19, AT_COUNT = 27 };

static int crash(void *argument)
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

static void assert_signaled(pid_t pid, int signo)
{
	int status = stage_status(pid);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signo);
}

static void assert_exited(pid_t pid, int code)
{
	int status = stage_status(pid);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

/* Without those that only the module sets. */
static int flags_of(const struct seen *seen)
{
	return seen->record.flags & ~(FAULTLINE_F_MAPS | FAULTLINE_F_BLOCKS);
}

static void test_segv(void **state)
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

static void test_thread(void **state)
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

static void test_many_threads_at_once(void **state)
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

static int crash_in_grandchild(void *argument)
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

static void test_family(void **state)
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
	if (!fork()) {
		usleep(100000);
		crash(NULL);
	}
	return 0;
}

static void test_child_outlives_main(void **state)
{
	const struct seen *end;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(leave_a_child, NULL);
	stage_until_last();
	assert_exited(pid, 0);
	end = stage_find(pid, EXIT);
	assert_int_equal(end->record.flags, FAULTLINE_F_MAIN);
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

static void test_last_is_the_last(void **state)
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

static void test_vfork(void **state)
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

static void test_handled(void **state)
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

static int wait_for_ever(void *argument)
{
	for (;;)
		pause();
	return 0;
}

static void *thread_for_ever(void *argument)
{
	wait_for_ever(NULL);
	return NULL;
}

static int wait_in_threads(void *argument)
{
	pthread_t thread;

	for (int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, thread_for_ever, NULL);
	return wait_for_ever(NULL);
}

/* A signal from outside: the record has it and who sent it, whatever it became on its way. */
static void check_sent(int (*act)(void *), int signo)
{
	const struct seen *fatal, *end;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(act, NULL);
	usleep(20000);
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

static void test_sent(void **state)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGUSR1, SIGPIPE,
				       SIGALRM };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		check_sent(wait_for_ever, signals[i]);
		check_sent(wait_in_threads, signals[i]);
	}
}

static int wait_blocked(void *argument)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	usleep(100000);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 0;
}

static void test_sent_while_blocked(void **state)
{
	check_sent(wait_blocked, SIGTERM);
}

static int stop_myself(void *argument)
{
	raise(SIGSTOP);
	return 6;
}

static void test_stop_and_continue(void **state)
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

static void test_abort(void **state)
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

static void test_timer(void **state)
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

static void test_core_dump(void **state)
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

static int exit_seven(void *argument)
{
	return 7;
}

static void test_exit_status(void **state)
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
	assert_int_equal(end->record.flags, FAULTLINE_F_MAIN | FAULTLINE_F_LAST);
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

static void test_exit_of_threads(void **state)
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

static void test_exec_chain(void **state)
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

static void test_exec_kills_no_process(void **state)
{
	pid_t pid;

	stage_begin();
	pid = stage_spawn(exec_in_thread, NULL);
	stage_until_last();
	assert_exited(pid, 11);
	assert_int_equal(stage.count, 1);
}

static int overflow_stack(void *argument)
{
	/* Down to where nothing is mapped: the guard below the stack. */
	asm volatile("1: pushq $1\n\tjmp 1b");
	return 96;
}

static void test_stack_overflow(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(overflow_stack, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	fatal = stage_find(pid, FATAL);
	assert_true(fatal->record.flags & FAULTLINE_F_CAPTURE);
	assert_int_equal(fatal->record.fault_addr, fatal->capture.regs[AT_SP] - 8);
	assert_true(fatal->capture.stack_len >= 3584);
}

static int wild_stack(void *argument)
{
	asm volatile("movq $0x7357, %rsp\n\tpushq $1");
	return 95;
}

static void test_stack_unreadable(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(wild_stack, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	fatal = stage_find(pid, FATAL);
	assert_true(fatal->record.flags & FAULTLINE_F_CAPTURE);
	assert_int_equal(fatal->capture.regs[AT_SP], 0x7357);
	assert_int_equal(fatal->capture.stack_len, 0);
}

/* The end of the mapping is 96 bytes above the stack pointer, and no border of a chunk. */
static int short_stack(void *argument)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* A page that was never touched is not in memory, and not read. */
	memset(page, 0xab, 4096);
	munmap(page + 4096, 4096);
	asm volatile("movq %0, %%rsp\n\tmovq $1, 0x10" : : "r"(page + 4000));
	return 94;
}

static void test_stack_ends(void **state)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(short_stack, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	fatal = stage_find(pid, FATAL);
	assert_int_equal(fatal->capture.stack_len, 96);
}

/* ---- limits that end a process ---- */

/* A group of 16 MiB, in whichever version of cgroups this machine has. */
static struct {
	char mounted[32];	/* by this test, or empty */
	char path[64];
} group;

static bool file_set(const char *folder, const char *name, const char *text)
{
	char path[128];
	FILE *file;
	bool done;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	if (!file)
		return false;
	done = fputs(text, file) >= 0;
	return !fclose(file) && done;
}

static void group_remove(void)
{
	if (group.path[0])
		rmdir(group.path);
	if (group.mounted[0]) {
		umount2(group.mounted, MNT_DETACH);
		rmdir(group.mounted);
	}
	memset(&group, 0, sizeof(group));
}

static bool group_make(void)
{
	const char *root = "/sys/fs/cgroup/memory";

	if (access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK)) {
		strcpy(group.mounted, "/tmp/probes-test-XXXXXX");
		if (!mkdtemp(group.mounted) || mount("none", group.mounted, "cgroup2", 0, NULL) ||
		    !file_set(group.mounted, "cgroup.subtree_control", "+memory"))
			return false;
		root = group.mounted;
	}
	snprintf(group.path, sizeof(group.path), "%s/probes-test-%d", root, getpid());
	return !mkdir(group.path, 0700) &&
	       (file_set(group.path, "memory.limit_in_bytes", "16M") ||
		(file_set(group.path, "memory.max", "16M")));
}

static int use_up_memory(void *argument)
{
	enum { SIZE = 256 << 20 };
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || !file_set(group.path, "cgroup.procs", "0"))
		return 90;
	memset(memory, 1, SIZE);
	return 89;
}

static void test_out_of_memory(void **state)
{
	const struct seen *fatal, *end;
	pid_t pid;

	stage_begin();
	if (!group_make()) {
		group_remove();
		assert_null(getenv("SOURCE_REQUIRED"));
		skip();
	}
	pid = stage_spawn(use_up_memory, NULL);
	stage_until_last();
	assert_signaled(pid, SIGKILL);
	group_remove();
	assert_int_equal(stage.count, 2);
	fatal = stage_find(pid, FATAL);
	end = stage_find(pid, EXIT);
	assert_non_null(fatal);
	assert_int_equal(fatal->record.signo, SIGKILL);
	assert_int_equal(flags_of(fatal),
			 FAULTLINE_F_MAIN | FAULTLINE_F_KERNEL | FAULTLINE_F_OOM);
	assert_int_equal(end->record.flags,
			 FAULTLINE_F_MAIN | FAULTLINE_F_LAST | FAULTLINE_F_OOM);
}

static int use_up_cpu(void *argument)
{
	struct rlimit limit = { 1, 5 };
	volatile bool forever = true;

	setrlimit(RLIMIT_CPU, &limit);
	while (forever)
		;
	return 87;
}

static int use_up_file(void *argument)
{
	struct rlimit limit = { 4096, 4096 };
	char name[] = "/tmp/probes-test-XXXXXX";
	char byte[8192] = { 0 };
	int fd = mkstemp(name);

	unlink(name);
	setrlimit(RLIMIT_FSIZE, &limit);
	while (write(fd, byte, sizeof(byte)) > 0)
		;
	return 88;
}

/* Who tells the limit from somebody's kill() needs these. */
static void check_limit(int (*act)(void *), int signo, uint32_t flags)
{
	const struct seen *fatal;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(act, NULL);
	stage_until_last();
	assert_signaled(pid, signo);
	fatal = stage_find(pid, FATAL);
	assert_non_null(fatal);
	assert_int_equal(fatal->record.signo, signo);
	assert_int_equal(flags_of(fatal), FAULTLINE_F_MAIN | FAULTLINE_F_CAPTURE | flags);
}

static void test_limits(void **state)
{
	check_limit(use_up_cpu, SIGXCPU, FAULTLINE_F_KERNEL);
	check_limit(use_up_file, SIGXFSZ, 0);
}

static int crash_in_namespace(void *argument)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return 93;
	pid = fork();
	if (!pid) {
		/* Process 1 in there; its own signals would not end it, a fault does. */
		if (getpid() != 1)
			_exit(92);
		if (!fork())
			kill(getpid(), SIGTERM);
		wait(NULL);
		crash(NULL);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

static void test_pid_namespace(void **state)
{
	pid_t pid;

	stage_begin();
	pid = stage_spawn(crash_in_namespace, NULL);
	stage_until_last();
	assert_exited(pid, 0);
	assert_int_equal(stage_count(FATAL), 2);
	for (size_t i = 0; i < stage.count; i++) {
		assert_true(stage.seen[i].record.tgid >= pid);
		if (stage.seen[i].record.type == FATAL)
			assert_false(stage.seen[i].record.flags & FAULTLINE_F_SENT);
	}
}

static void test_unwatched(void **state)
{
	struct source_ledger before;
	pid_t pid;

	stage_begin();
	before = stage_ledger();
	pid = stage_fork(crash_in_grandchild, NULL);
	stage_release();
	assert_exited(pid, 3);
	stage_drain();
	assert_int_equal(stage.count, 0);
	assert_int_equal(stage_ledger().emitted, before.emitted);
}

static int watch(pid_t pid, uint64_t cookie, struct error *err)
{
	uint32_t id;

	return stage.ops->watch(stage.source, pid, cookie, NULL, &id, err);
}

static void test_watch_refused(void **state)
{
	struct error err = {};
	pid_t pid;

	stage_begin();
	pid = stage_fork(exit_seven, NULL);
	assert_int_equal(watch(pid, ++stage.cookie, &err), 0);
	assert_int_equal(watch(pid, 1, &err), -EEXIST);
	stage_release();
	stage_until_last();
	/* It is a zombie now. */
	assert_int_equal(watch(pid, 1, NULL), -ESRCH);
	assert_exited(pid, 7);
	assert_int_equal(watch(pid, 1, NULL), -ESRCH);
	assert_int_equal(watch(0, 1, NULL), -ESRCH);
}

static void test_settings(void **state)
{
	struct source_settings settings = {};
	struct error err = {};
	uint32_t id;
	pid_t pid;

	source_settings_give(&settings, FAULTLINE_WATCH_A_DSTATE_MS, 1000);
	source_settings_give(&settings, FAULTLINE_WATCH_A_SOFT_MEMORY, 1ULL << 40);
	stage_begin();
	pid = stage_fork(exit_seven, NULL);
	assert_int_equal(stage.ops->watch(stage.source, pid, ++stage.cookie, &settings, &id, &err), 0);
	source_settings_give(&settings, FAULTLINE_WATCH_A_CAPTURE, 0);
	assert_int_equal(stage.ops->change(stage.source, id, &settings), 0);
	assert_int_equal(stage.ops->change(stage.source, id + 1, &settings), -ENOENT);
	if (stage.ops == &source_probes) {
		assert_int_equal(stage.ops->heartbeat(stage.source, id), 0);
		assert_int_equal(stage.ops->heartbeat(stage.source, id + 1), -ENOENT);
		assert_int_equal(stage.ops->release(stage.source, id), -EOPNOTSUPP);
	}
	stage_release();
	stage_until_last();
	assert_exited(pid, 7);
	assert_int_equal(stage.ops->change(stage.source, id, &settings), -ENOENT);
}

static void test_ack(void **state)
{
	struct source_ledger ledger;
	uint64_t seq;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(crash, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	seq = stage.seen[stage.count - 1].record.seq;
	assert_int_equal(stage.ops->ack(stage.source, seq + 1), -ERANGE);
	assert_int_equal(stage.ops->ack(stage.source, seq - 1), 0);
	ledger = stage_ledger();
	assert_int_equal(ledger.delivered, seq - 1);
	assert_int_equal(ledger.pending, 1);
	assert_int_equal(stage.ops->ack(stage.source, seq), 0);
	assert_int_equal(stage.ops->ack(stage.source, seq - 1), 0);
	ledger = stage_ledger();
	assert_int_equal(ledger.delivered, seq);
	assert_int_equal(ledger.pending, 0);
}

static int crash_many(void *argument)
{
	for (int i = 0; i < *(int *)argument; i++) {
		pid_t pid = fork();

		if (!pid)
			crash(NULL);
		waitpid(pid, NULL, 0);
	}
	return 0;
}

static void assert_without_gaps(void)
{
	for (size_t i = 1; i < stage.count; i++)
		assert_int_equal(stage.seen[i].record.seq, stage.seen[i - 1].record.seq + 1);
}

static void test_thousand(void **state)
{
	struct source_ledger before, after;
	int many = 1000;
	pid_t pid;

	stage_begin();
	before = stage_ledger();
	pid = stage_spawn(crash_many, &many);
	stage_until_last();
	assert_exited(pid, 0);
	after = stage_ledger();
	assert_int_equal(stage_count(FATAL), many);
	assert_int_equal(stage_count(EXIT), many + 1);
	assert_int_equal(after.lost, before.lost);
	assert_int_equal(after.emitted - before.emitted, 2 * many + 1);
	assert_without_gaps();
}

static void test_nobody_reads(void **state)
{
	struct source_ledger before, after;
	uint64_t lost;
	int many = 1000;
	pid_t pid;

	stage_begin();
	before = stage_ledger();
	pid = stage_spawn(crash_many, &many);
	assert_exited(pid, 0);
	after = stage_ledger();
	lost = after.lost - before.lost;
	assert_int_equal(after.emitted - before.emitted, 2 * many + 1);

	stage_drain();
	assert_int_equal(stage.count, after.emitted - before.emitted - lost);
	assert_without_gaps();
	assert_true(stage.seen[0].captured);
	if (stage.ops == &source_probes) {
		/* The ring was full, after captures had made room for bare records. */
		assert_true(lost > 0);
		assert_false(stage.seen[stage.count - 1].captured);
	} else {
		assert_int_equal(lost, 0);
	}
	test_segv(state);
}

static void test_close_and_open(void **state)
{
	uint64_t newest;
	pid_t pid;

	stage_begin();
	pid = stage_spawn(crash, NULL);
	stage_until_last();
	assert_signaled(pid, SIGSEGV);
	newest = stage.seen[1].record.seq;
	assert_int_equal(stage.ops->ack(stage.source, newest - 1), 0);
	stage.count = 0;
	stage.ops->close(stage.source);
	stage_open();
	assert_non_null(stage.source);
	if (stage.ops == &source_probes) {
		assert_int_equal(stage_ledger().emitted, 0);
	} else {
		/* What was not acknowledged is still there, and comes once the loop runs. */
		stage_drain();
		assert_int_equal(stage.count, 1);
		assert_int_equal(stage.seen[0].record.seq, newest);
		assert_int_equal(stage.seen[0].record.type, EXIT);
	}
	test_segv(state);
}

static void test_no_rights(void **state)
{
	pid_t pid;

	stage_begin();
	pid = fork();
	if (!pid) {
		struct source *source;
		struct error err = {};
		int ret;

		if (setresuid(65534, 65534, 65534))
			_exit(2);
		ret = stage.ops->open(&source, stage.loop, NULL, NULL, NULL, &err);
		print_message("# %s\n", err.text);
		_exit(ret == -EPERM && strstr(err.text, "CAP_") ? 0 : 1);
	}
	assert_exited(pid, 0);
}

static int run(const struct source_ops *ops)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segv),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_many_threads_at_once),
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_child_outlives_main),
		cmocka_unit_test(test_last_is_the_last),
		cmocka_unit_test(test_vfork),
		cmocka_unit_test(test_handled),
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_sent_while_blocked),
		cmocka_unit_test(test_stop_and_continue),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_core_dump),
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_exit_of_threads),
		cmocka_unit_test(test_exec_chain),
		cmocka_unit_test(test_exec_kills_no_process),
		cmocka_unit_test(test_stack_overflow),
		cmocka_unit_test(test_stack_unreadable),
		cmocka_unit_test(test_stack_ends),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_pid_namespace),
		cmocka_unit_test(test_unwatched),
		cmocka_unit_test(test_watch_refused),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_ack),
		cmocka_unit_test(test_thousand),
		cmocka_unit_test(test_nobody_reads),
		cmocka_unit_test(test_close_and_open),
		cmocka_unit_test(test_no_rights),
	};

	stage.ops = ops;
	return cmocka_run_group_tests_name(ops->name, tests, stage_setup, stage_teardown);
}

int main(int argc, char **argv)
{
	return run(argc > 1 && !strcmp(argv[1], "module") ? &source_module : &source_probes);
}
