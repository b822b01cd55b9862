// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of a process, and of a cgroup. A limit that is only refused at is no
 * fault: the program then exits with the number of the error.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acts.h"

#define ROOT "/sys/fs/cgroup"
#define GROUP ROOT "/faulter"

static void limit(int resource, rlim_t soft, rlim_t hard)
{
	if (setrlimit(resource, &(struct rlimit) { soft, hard }))
		_exit(90);
}

void limit_core(long with)
{
	limit(RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY);
	if (chdir("/tmp"))
		_exit(91);
	null_read(0);
}

void limit_cpu(long hard)
{
	if (hard)
		signal(SIGXCPU, SIG_IGN);
	limit(RLIMIT_CPU, 1, hard ? 1 : 5);
	spin_for_ever(NULL);
}

void limit_file_size(long with)
{
	int fd = memfd_create("long", 0);
	char bytes[64] = {};

	limit(RLIMIT_FSIZE, 16, 16);
	if (write(fd, bytes, 16) == 16)
		(void)!write(fd, bytes, sizeof(bytes));
}

void limit_space(long with)
{
	limit(RLIMIT_AS, 64 << 20, 64 << 20);
	if (mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		_exit(errno);
}

void limit_files(long with)
{
	limit(RLIMIT_NOFILE, 16, 16);
	for (int i = 0; i < 32; i++)
		if (open("/proc/self/exe", O_RDONLY) < 0)
			_exit(errno);
}

void limit_processes(long with)
{
	limit(RLIMIT_NPROC, 1, 1);
	/* The first user is not held to it. */
	if (setresuid(65533, 65533, 65533))
		_exit(91);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			_exit(errno);
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

void limit_realtime(long with)
{
	struct sched_param lowest = { 1 };

	limit(RLIMIT_RTTIME, 50000, RLIM_INFINITY);
	if (sched_setscheduler(0, SCHED_FIFO, &lowest))
		_exit(91);
	spin_for_ever(NULL);
}

void limit_data(long with)
{
	limit(RLIMIT_DATA, 1 << 20, 1 << 20);
	if (sbrk(8 << 20) == (void *)-1)
		_exit(errno);
}

/* The next four do not hold for the first user. */
static void be_somebody(void)
{
	if (setresuid(65533, 65533, 65533))
		_exit(91);
}

void limit_locked(long with)
{
	static char memory[256 << 10];

	limit(RLIMIT_MEMLOCK, 64 << 10, 64 << 10);
	be_somebody();
	if (mlock(memory, sizeof(memory)))
		_exit(errno);
}

void limit_signals(long with)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	be_somebody();
	limit(RLIMIT_SIGPENDING, 2, 2);
	for (int i = 0; i < 8; i++)
		if (sigqueue(getpid(), SIGRTMIN, (union sigval) { .sival_int = i }))
			_exit(errno);
}

void limit_queues(long with)
{
	limit(RLIMIT_MSGQUEUE, 1024, 1024);
	be_somebody();
	if (mq_open("/faulter", O_RDWR | O_CREAT, 0600, NULL) < 0)
		_exit(errno);
}

void limit_nice(long with)
{
	limit(RLIMIT_NICE, 0, 0);
	be_somebody();
	if (setpriority(PRIO_PROCESS, 0, -5))
		_exit(errno);
}

void limit_priority(long with)
{
	limit(RLIMIT_RTPRIO, 0, 0);
	be_somebody();
	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param) { 1 }))
		_exit(errno);
}

/* ---- cgroups ---- */

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err = -errno;
	close(fd);
	return err;
}

static const char *needs_controller(const char *name)
{
	char text[32], listed[256] = "";
	int fd;

	snprintf(text, sizeof(text), "+%s", name);
	write_file(ROOT "/cgroup.subtree_control", text);
	fd = open(ROOT "/cgroup.subtree_control", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, listed, sizeof(listed) - 1) < 0 || !strstr(listed, name))
		listed[0] = 0;
	if (fd >= 0)
		close(fd);
	return listed[0] ? NULL : "no such controller of cgroups here (version 2, in /sys/fs/cgroup)";
}

const char *needs_memory_group(void)
{
	return needs_controller("memory");
}

const char *needs_pids_group(void)
{
	return needs_controller("pids");
}

const char *needs_group(void)
{
	return access(ROOT "/cgroup.procs", W_OK) ? "no cgroups here (version 2, in /sys/fs/cgroup)" : NULL;
}

static void set(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), GROUP "/%s", file);
	if (write_file(path, text))
		_exit(92);
}

static void group_make(void)
{
	rmdir(GROUP);
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		_exit(93);
}

static void eat(void)
{
	for (;;) {
		char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			_exit(94);
		memset(memory, 1, 1 << 20);
	}
}

void group_out_of_memory(long way)
{
	pid_t pid;

	group_make();
	set("memory.max", "16M");
	set("memory.oom.group", way == OOM_GROUP ? "1" : "0");
	set("cgroup.procs", "0");
	if (way == OOM_SELF)
		eat();
	pid = fork();
	if (!pid)
		eat();
	waitpid(pid, NULL, 0);
	/* To be let go, and not to be told of its own end before the kill. */
	if (way == OOM_GROUP)
		sleep_for_ever(NULL);
}

void group_of_processes(long with)
{
	group_make();
	set("pids.max", "1");
	set("cgroup.procs", "0");
	if (fork() < 0)
		_exit(errno);
	_exit(94);
}

void group_is_killed(long with)
{
	int ends[2];
	pid_t pid;
	char byte;

	if (pipe(ends))
		_exit(90);
	group_make();
	pid = fork();
	if (!pid) {
		set("cgroup.procs", "0");
		(void)!write(ends[1], "", 1);
		sleep_for_ever(NULL);
	}
	(void)!read(ends[0], &byte, 1);
	set("cgroup.kill", "1");
	waitpid(pid, NULL, 0);
}
