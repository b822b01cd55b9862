// SPDX-License-Identifier: GPL-2.0-only
/* Limits that end a process. */
#include "tests/probes/ends.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

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

void test_out_of_memory(void **state)
{
	const struct seen *fatal, *end;
	pid_t pid;

	stage_begin();
	if (!group_make()) {
		group_remove();
		assert_null(getenv("SOURCE_REQUIRED"));
		stage_skip("no cgroups that can limit memory");
	}
	pid = stage_spawn(use_up_memory, NULL);
	stage_until_last();
	assert_signaled(pid, SIGKILL);
	group_remove();
	/* Before, that the group is at its limit, where such programs are loaded. */
	assert_int_equal(stage.count - stage_count(FAULTLINE_RECORD_LIMIT), 2);
	fatal = stage_find(pid, FATAL);
	end = stage_find(pid, EXIT);
	assert_non_null(fatal);
	assert_int_equal(fatal->record.signo, SIGKILL);
	assert_int_equal(flags_of(fatal),
			 FAULTLINE_F_MAIN | FAULTLINE_F_KERNEL | FAULTLINE_F_OOM);
	assert_int_equal(end->record.flags,
			 FAULTLINE_F_MAIN | FAULTLINE_F_LAST | FAULTLINE_F_OOM);
	/* As it was before it was taken. */
	assert_int_equal(fatal->memory.block.type, FAULTLINE_BLOCK_MEMORY);
	assert_int_equal(fatal->memory.block.flags, 0);
	assert_in_range(fatal->memory.anon + fatal->memory.swap, 12 << 20, 256 << 20);
	assert_true(fatal->memory.resident_peak >= fatal->memory.resident);
	assert_true(fatal->memory.size >= 256 << 20);
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

void test_limits(void **state)
{
	check_limit(use_up_cpu, SIGXCPU, FAULTLINE_F_KERNEL);
	check_limit(use_up_file, SIGXFSZ, 0);
}
