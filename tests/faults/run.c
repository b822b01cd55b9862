// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a row's act in its place, in the program itself.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acts.h"

/* ---- what the acts share ---- */

void say_who(pid_t pid)
{
	if (write(STDOUT_FILENO, &pid, sizeof(pid)) != sizeof(pid))
		_exit(89);
}

void await_go(void)
{
	char byte;

	(void)!read(STDIN_FILENO, &byte, 1);
}

/* Tell the tester who is ready, and go on when it says so. */
void say_ready(void)
{
	say_who(getpid());
	await_go();
}

pid_t own_tid(void)
{
	return syscall(SYS_gettid);
}

int count_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	int count = 0;

	if (!folder)
		_exit(88);
	for (struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

bool leader_is_zombie(void)
{
	char path[64], text[256] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		_exit(88);
	close(fd);
	return strstr(text, ") Z ");
}

void spawn_thread(void *(*function)(void *with), void *with)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, function, with))
		_exit(87);
}

void *sleep_for_ever(void *with)
{
	for (;;)
		pause();
	return NULL;
}

void *spin_for_ever(void *with)
{
	volatile bool for_ever = true;

	while (for_ever)
		;
	return NULL;
}

/* ---- places ---- */

static void *act_in_thread(void *with)
{
	const struct fault *fault = with;

	fault->act(fault->with);
	_exit(0);
}

static void run_in_thread(const struct fault *fault)
{
	spawn_thread(act_in_thread, (void *)fault);
	sleep_for_ever(NULL);
}

static void run(const struct fault *fault, enum fault_place place);

static void run_in_child(const struct fault *fault, enum fault_place inner)
{
	pid_t pid = fork();

	if (pid < 0)
		_exit(86);
	if (!pid) {
		run(fault, inner);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void run(const struct fault *fault, enum fault_place place)
{
	switch (place) {
	case FAULT_MAIN:
		fault->act(fault->with);
		break;
	case FAULT_THREADS:
		for (int i = 0; i < 3; i++)
			spawn_thread(i ? sleep_for_ever : spin_for_ever, NULL);
		run_in_thread(fault);
		break;
	case FAULT_THREAD:
		run_in_thread(fault);
		break;
	case FAULT_CHILD:
		run_in_child(fault, FAULT_MAIN);
		break;
	case FAULT_CHILD_THREAD:
		run_in_child(fault, FAULT_THREAD);
		break;
	case FAULT_CONTAINER:
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS))
			_exit(85);
		run_in_child(fault, FAULT_CHILD);
		break;
	case FAULT_GRANDCHILD:
		run_in_child(fault, FAULT_CHILD);
		break;
	case FAULT_VFORK:
		if (!vfork()) {
			fault->act(fault->with);
			_exit(0);
		}
		wait(NULL);
		break;
	}
}

_Noreturn void fault_run(const struct fault *fault)
{
	/* One that the row does not ask for would only take time. */
	setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, RLIM_INFINITY });
	run(fault, fault->place);
	_exit(0);
}
