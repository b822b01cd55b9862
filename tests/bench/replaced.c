// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program that restart_bench.py has supervised: it writes when it began to
 * run, holds as much memory as it is told, and ends by SIGUSR1 with status 3.
 *
 *   replaced FILE [MIB]            one line "PID NS" is added to FILE
 *   replaced --spawn PROGRAM...    the floor: start PROGRAM anew as soon as it ends
 *
 * As an application of a gateway FILE is "-": it is "starts" in $STATE_DIRECTORY.
 * One that stands by runs once it is activated, which is when it writes.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void ended(int signo)
{
	_exit(3);
}

static void spawn(char **program)
{
	for (;;) {
		pid_t pid = vfork();

		if (!pid) {
			execv(program[0], program);
			_exit(127);
		}
		waitpid(pid, NULL, 0);
	}
}

static void started_tell(const char *path, const struct timespec *at)
{
	char line[64];
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
	int n = snprintf(line, sizeof(line), "%d %lld\n", getpid(),
			 at->tv_sec * 1000000000LL + at->tv_nsec);

	if (fd < 0 || write(fd, line, n) != n)
		_exit(4);
	close(fd);
}

static void memory_hold(size_t mib)
{
	char *memory = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		_exit(5);
}

int main(int argc, char **argv)
{
	const char *folder = getenv("STATE_DIRECTORY");
	bool standby = getenv("FAULTLINE_STANDBY");
	char path[4096], line[256];
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	if (argc > 2 && !strcmp(argv[1], "--spawn"))
		spawn(argv + 2);
	if (argc < 2)
		return 2;
	signal(SIGUSR1, ended);
	snprintf(path, sizeof(path), "%s", argv[1]);
	if (!strcmp(argv[1], "-"))
		snprintf(path, sizeof(path), "%s/starts", folder ? folder : ".");
	if (!standby)
		started_tell(path, &at);
	if (argc > 2)
		memory_hold(atoi(argv[2]));
	if (standby && read(0, line, sizeof(line)) > 0) {
		clock_gettime(CLOCK_MONOTONIC, &at);
		started_tell(path, &at);
	}
	/* The end of its input is what ends an application. */
	if (!strcmp(argv[1], "-"))
		while (read(0, line, sizeof(line)) > 0)
			;
	else
		for (;;)
			pause();
	return 0;
}
