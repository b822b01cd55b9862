// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits that a watched process runs into and goes on: which record each of them
 * gives, that a second one comes only after its time, and what gives nothing.
 * With the argument "module" the programs stand beside the module, and hand it
 * their records. Needs root; where the kernel does not take these programs it is skipped, and
 * with SOURCE_REQUIRED in the environment it fails.
 */
#include "tests/probes/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


#define LIMIT FAULTLINE_RECORD_LIMIT

#define FILES_MAX 32
#define ADDRESS_SPACE (256UL << 20)
#define CGROUP "/sys/fs/cgroup"

static void limit_set(int resource, rlim_t value)
{
	struct rlimit limit = { .rlim_cur = value, .rlim_max = value };

	if (setrlimit(resource, &limit))
		_exit(90);
}

/* Is it the one record of a limit that this run gave, beside the EXIT? */
static const struct seen *assert_limit(pid_t pid, int limit, int error, int scope)
{
	const struct seen *seen = stage_find(pid, LIMIT);

	assert_non_null(seen);
	assert_int_equal(stage.count, 2);
	assert_int_equal(seen->record.code, limit);
	assert_int_equal(seen->record.errno_, error);
	assert_int_equal(seen->record.cookie, stage.cookie);
	assert_int_equal(seen->record.tid, pid);
	assert_int_equal(seen->record.ptgid, getpid());
	assert_int_equal(seen->record.flags, FAULTLINE_F_MAIN | FAULTLINE_F_BLOCKS);
	assert_int_equal(seen->usage.block.type, FAULTLINE_BLOCK_LIMIT);
	assert_int_equal(seen->usage.block.len, sizeof(seen->usage));
	assert_int_equal(seen->usage.scope, scope);
	assert_int_equal(seen->usage.times, 1);
	stage_ledger();
	return seen;
}

/* Why nothing can be seen here, or NULL. */
static const char *blind(void)
{
	const char *text = stage.ops->blind(stage.source);

	return text && strstr(text, "limits that a system call ran into") ? text : NULL;
}

static pid_t act_to_the_end(int (*act)(void *argument), void *argument)
{
	pid_t pid;
	int status;

	stage_begin();
	if (blind()) {
		print_message("# %s\n", blind());
		assert_null(getenv("SOURCE_REQUIRED"));
		skip();
	}
	pid = stage_spawn(act, argument);
	stage_until_last();
	status = stage_status(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return pid;
}

/* ---- files ---- */

static int open_until_full(void *argument)
{
	limit_set(RLIMIT_NOFILE, FILES_MAX);
	for (int i = 0; i < FILES_MAX; i++)
		if (dup(0) < 0)
			return errno != EMFILE;
	return 91;
}

static void test_open_files(void **state)
{
	pid_t pid = act_to_the_end(open_until_full, NULL);
	const struct seen *seen = assert_limit(pid, FAULTLINE_LIMIT_FILES, EMFILE,
					       FAULTLINE_SCOPE_PROCESS);

	assert_int_equal(seen->usage.used, FILES_MAX);
	assert_int_equal(seen->usage.limit, FILES_MAX);
}

static int open_of_each_kind(void *argument)
{
	int pair[2];

	limit_set(RLIMIT_NOFILE, 3);
	while (dup(0) >= 0)
		;
	if (open("/dev/null", O_RDONLY) >= 0 || pipe(pair) != -1)
		return 91;
	/* The next second's record tells of those in between. */
	usleep(1200000);
	return dup(0) >= 0 ? 92 : 0;
}

static uint64_t suppressed(void)
{
	struct source_statistics statistics;

	assert_int_equal(stage.ops->statistics(stage.source, &statistics), 0);
	return statistics.suppressed;
}

static void test_suppressed_are_counted(void **state)
{
	uint64_t before = suppressed();
	pid_t pid = act_to_the_end(open_of_each_kind, NULL);
	uint64_t last = 0;
	uint32_t told = 0;

	assert_null(stage_find(pid, FAULTLINE_RECORD_FATAL));
	/* A second apart, by a clock that is looked at before the record is made; a slow machine has more of them. */
	for (size_t i = 0; i < stage.count; i++) {
		const struct seen *seen = &stage.seen[i];

		if (seen->record.type != LIMIT)
			continue;
		assert_true(!last || seen->record.time_ns - last > 500000000ULL);
		last = seen->record.time_ns;
		told += seen->usage.times;
	}
	assert_in_range(stage_count(LIMIT), 2, 4);
	assert_int_equal(told, 4);
	assert_int_equal(suppressed() - before, told - stage_count(LIMIT));
}

static int file_max_write(const char *value)
{
	int fd = open("/proc/sys/fs/file-max", O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, value, strlen(value)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

/* The limit is not root's, so a process without rights runs into it. */
static int open_too_many_for_the_machine(void *argument)
{
	int fd;

	if (setuid(65534))
		return 91;
	for (int i = 0; i < 4096; i++) {
		fd = open("/dev/null", O_RDONLY);
		if (fd < 0)
			return errno != ENFILE;
	}
	return 92;
}

static void test_files_of_the_machine(void **state)
{
	const struct seen *seen;
	char before[32] = "";
	FILE *file;
	pid_t pid;

	/* It would hit whoever else runs here. */
	if (!getenv("SOURCE_REQUIRED"))
		stage_skip("takes files away from others: run in a VM");
	file = fopen("/proc/sys/fs/file-max", "re");
	assert_non_null(file);
	assert_non_null(fgets(before, sizeof(before), file));
	fclose(file);
	assert_int_equal(file_max_write("16"), 0);
	pid = act_to_the_end(open_too_many_for_the_machine, NULL);
	assert_int_equal(file_max_write(before), 0);
	seen = stage_find(pid, LIMIT);
	assert_non_null(seen);
	assert_int_equal(seen->record.errno_, ENFILE);
	assert_int_equal(seen->usage.scope, FAULTLINE_SCOPE_SYSTEM);
}

/* ---- processes ---- */

static int fork_one_too_many(void *argument)
{
	pid_t pid;

	if (setuid(65533))
		return 91;
	limit_set(RLIMIT_NPROC, 1);
	pid = fork();
	if (!pid)
		_exit(0);
	return pid >= 0 || errno != EAGAIN;
}

static void test_processes_of_the_user(void **state)
{
	pid_t pid = act_to_the_end(fork_one_too_many, NULL);
	const struct seen *seen = assert_limit(pid, FAULTLINE_LIMIT_PROCESSES, EAGAIN,
					       FAULTLINE_SCOPE_USER);

	assert_int_equal(seen->usage.used, 1);
	assert_int_equal(seen->usage.limit, 1);
}

static int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

static int fork_in_full_cgroup(void *argument)
{
	pid_t pid;

	if (file_write(CGROUP "/faultline_test/cgroup.procs", "0"))
		return 91;
	pid = fork();
	if (!pid)
		_exit(0);
	return pid >= 0 || errno != EAGAIN;
}

static void test_processes_of_the_cgroup(void **state)
{
	const struct seen *seen;
	pid_t pid;

	if (file_write(CGROUP "/cgroup.subtree_control", "+pids") ||
	    mkdir(CGROUP "/faultline_test", 0700)) {
		assert_null(getenv("SOURCE_REQUIRED"));
		stage_skip("no cgroups of version 2 with processes");
	}
	assert_int_equal(file_write(CGROUP "/faultline_test/pids.max", "1"), 0);
	pid = act_to_the_end(fork_in_full_cgroup, NULL);
	assert_int_equal(rmdir(CGROUP "/faultline_test"), 0);
	seen = assert_limit(pid, FAULTLINE_LIMIT_PROCESSES, EAGAIN, FAULTLINE_SCOPE_CGROUP);
	assert_int_equal(seen->usage.used, 1);
	assert_int_equal(seen->usage.limit, 1);
}

/* ---- memory ---- */

static int map_too_much(void *argument)
{
	limit_set(RLIMIT_AS, ADDRESS_SPACE);
	return mmap(NULL, 2 * ADDRESS_SPACE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED;
}

static void test_address_space(void **state)
{
	pid_t pid = act_to_the_end(map_too_much, NULL);
	const struct seen *seen = assert_limit(pid, FAULTLINE_LIMIT_MEMORY, ENOMEM,
					       FAULTLINE_SCOPE_PROCESS);

	assert_int_equal(seen->usage.limit, ADDRESS_SPACE);
	assert_in_range(seen->usage.used, 4096, ADDRESS_SPACE);
}

/* What malloc() does once brk() gave nothing. */
static int map_too_much_data(void *argument)
{
	limit_set(RLIMIT_DATA, 64UL << 20);
	return mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED;
}

static void test_data(void **state)
{
	pid_t pid = act_to_the_end(map_too_much_data, NULL);
	const struct seen *seen = assert_limit(pid, FAULTLINE_LIMIT_MEMORY, ENOMEM,
					       FAULTLINE_SCOPE_PROCESS);

	assert_int_equal(seen->usage.limit, 64UL << 20);
}

/* More than any machine has: the heuristic of vm.overcommit_memory refuses it. */
static int map_more_than_there_is(void *argument)
{
	return mmap(NULL, 64UL << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED;
}

static void test_memory_of_the_machine(void **state)
{
	pid_t pid = act_to_the_end(map_more_than_there_is, NULL);

	assert_limit(pid, FAULTLINE_LIMIT_MEMORY, ENOMEM, FAULTLINE_SCOPE_SYSTEM);
}

#define PRESSED CGROUP "/faultline_pressed"

static int touch(size_t bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 92;
	for (size_t i = 0; i < bytes; i += 4096)
		memory[i] = 1;
	return 0;
}

static int touch_in_cgroup(void *bytes)
{
	return file_write(PRESSED "/cgroup.procs", "0") ? 91 : touch((size_t)bytes);
}

/* It may have taken longer than a second: then there are several. */
static const struct seen *pressed_first(pid_t pid)
{
	for (size_t i = 0; i < stage.count; i++)
		if (stage.seen[i].record.type == LIMIT && stage.seen[i].record.tgid == pid)
			return &stage.seen[i];
	fail_msg("nothing of the cgroup's memory");
	return NULL;
}

static void pressed_begin(const char *file, const char *limit)
{
	if (blind() || file_write(CGROUP "/cgroup.subtree_control", "+memory") || mkdir(PRESSED, 0700)) {
		print_message("# %s\n", blind() ?: "no cgroups of version 2 with memory: run in a VM");
		assert_null(getenv("SOURCE_REQUIRED"));
		skip();
	}
	assert_int_equal(file_write(file, limit), 0);
}

/* Beyond memory.high a process goes on, more slowly. */
static void test_memory_high(void **state)
{
	const struct seen *seen;
	pid_t pid;

	stage_begin();
	pressed_begin(PRESSED "/memory.high", "4194304");
	pid = act_to_the_end(touch_in_cgroup, (void *)(5UL << 20));
	assert_int_equal(rmdir(PRESSED), 0);
	seen = pressed_first(pid);
	assert_int_equal(seen->record.code, FAULTLINE_LIMIT_MEMORY);
	assert_int_equal(seen->record.errno_, 0);
	assert_int_equal(seen->usage.scope, FAULTLINE_SCOPE_CGROUP);
	assert_int_equal(seen->usage.limit, 4194304);
	assert_true(seen->usage.used > 4194304 / 2);
}

/* At memory.max it goes on only where others give some back; here nobody can. */
static void test_memory_max(void **state)
{
	const struct seen *seen, *end;
	int status;
	pid_t pid;

	stage_begin();
	pressed_begin(PRESSED "/memory.max", "4194304");
	file_write(PRESSED "/memory.swap.max", "0");
	pid = stage_spawn(touch_in_cgroup, (void *)(8UL << 20));
	stage_until_last();
	status = stage_status(pid);
	assert_int_equal(rmdir(PRESSED), 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	seen = pressed_first(pid);
	assert_int_equal(seen->record.code, FAULTLINE_LIMIT_MEMORY);
	assert_int_equal(seen->usage.scope, FAULTLINE_SCOPE_CGROUP);
	assert_int_equal(seen->usage.limit, 4194304);
	assert_in_range(seen->usage.used, 4194304 / 2, 4194304);
	end = stage_find(pid, FAULTLINE_RECORD_EXIT);
	assert_non_null(end);
	assert_true(end->record.flags & FAULTLINE_F_OOM);
	assert_true(end->record.seq > seen->record.seq);
}

/* ---- room ---- */

static char folder[] = "/tmp/limits_test.XXXXXX";

static int fill(void *argument)
{
	static char bytes[65536];
	int fd;

	if (chdir(folder) || (fd = open("filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return 91;
	for (int i = 0; i < 64; i++)
		if (write(fd, bytes, sizeof(bytes)) < 0)
			return errno != ENOSPC;
	return 92;
}

static int take_beforehand(void *argument)
{
	int fd;

	if (chdir(folder) || (fd = open("filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return 91;
	return posix_fallocate(fd, 0, 16 << 20) != ENOSPC;
}

static int make_too_many(void *argument)
{
	char name[16];
	int fd;

	if (chdir(folder))
		return 91;
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "%d", i);
		fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return errno != ENOSPC;
		close(fd);
	}
	return 92;
}

static void check_space(int (*act)(void *argument))
{
	pid_t pid;

	assert_int_equal(mount("none", folder, "tmpfs", 0, "size=1m,nr_inodes=16"), 0);
	pid = act_to_the_end(act, NULL);
	assert_int_equal(umount2(folder, MNT_DETACH), 0);
	assert_limit(pid, FAULTLINE_LIMIT_SPACE, ENOSPC, FAULTLINE_SCOPE_FILESYSTEM);
}

static void test_writes(void **state)
{
	check_space(fill);
}

static void test_fallocate(void **state)
{
	check_space(take_beforehand);
}

static void test_inodes(void **state)
{
	check_space(make_too_many);
}

/* ---- what gives nothing, and what is more than one ---- */

static int fail_otherwise(void *argument)
{
	int fd = open("/proc/self/status", O_RDONLY);
	char text[16];

	return fd < 0 || open("/nowhere", O_RDONLY) >= 0 || read(-1, text, sizeof(text)) >= 0 ||
	       write(fd, "", 1) >= 0 || mmap(NULL, 0, PROT_READ, MAP_PRIVATE, -1, 0) != MAP_FAILED;
}

static void test_other_errors(void **state)
{
	act_to_the_end(fail_otherwise, NULL);
	assert_int_equal(stage.count, 1);
}

static void test_unwatched(void **state)
{
	pid_t pid;

	stage_begin();
	pid = stage_fork(open_until_full, NULL);
	stage_release();
	assert_int_equal(stage_status(pid), 0);
	stage_drain();
	assert_int_equal(stage.count, 0);
}

static int run_into_two(void *argument)
{
	return open_until_full(NULL) ?: map_too_much(NULL);
}

static void test_each_kind_by_itself(void **state)
{
	act_to_the_end(run_into_two, NULL);
	assert_int_equal(stage_count(LIMIT), 2);
}

static int let_children_run_into_it(void *argument)
{
	for (int i = 0; i < 20; i++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			_exit(open_until_full(NULL));
		if (waitpid(pid, &status, 0) != pid || status)
			return 91;
	}
	return 0;
}

/* It is the watch that has one record a second, not each of its processes. */
static void test_children_share_the_rate(void **state)
{
	uint64_t first = 0, last = 0;
	size_t limits;

	act_to_the_end(let_children_run_into_it, NULL);
	limits = stage_count(LIMIT);
	for (size_t i = 0; i < stage.count; i++) {
		if (stage.seen[i].record.type != LIMIT)
			continue;
		last = stage.seen[i].record.time_ns;
		first = first ?: last;
	}
	assert_in_range(limits, 1, 1 + (last - first) / 1000000000);
}

static int folder_make(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	/* Mounts that nobody else sees, and that go with this process. */
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	return stage_setup(state);
}

static int folder_remove(void **state)
{
	rmdir(folder);
	return stage_teardown(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_files),
		cmocka_unit_test(test_suppressed_are_counted),
		cmocka_unit_test(test_files_of_the_machine),
		cmocka_unit_test(test_processes_of_the_user),
		cmocka_unit_test(test_processes_of_the_cgroup),
		cmocka_unit_test(test_address_space),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_memory_of_the_machine),
		cmocka_unit_test(test_memory_high),
		cmocka_unit_test(test_memory_max),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_fallocate),
		cmocka_unit_test(test_inodes),
		cmocka_unit_test(test_other_errors),
		cmocka_unit_test(test_unwatched),
		cmocka_unit_test(test_each_kind_by_itself),
		cmocka_unit_test(test_children_share_the_rate),
	};

	stage.ops = argc > 1 && !strcmp(argv[1], "module") ? &source_module : &source_probes;
	return cmocka_run_group_tests_name("limits", tests, folder_make, folder_remove);
}
