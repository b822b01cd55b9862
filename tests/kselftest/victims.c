// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victims.h"

const char *const place_names[PLACES] = {
	"main", "thread", "child", "grandchild", "child's thread", "vfork child",
};

static uint64_t last_cookie = 0x1000;

int victim_start(struct client *client, struct victim *victim,
		 void (*function)(void *with), void *with)
{
	return victim_start_with(client, victim, NULL, function, with);
}

int victim_start_with(struct client *client, struct victim *victim,
		      const struct settings *settings, void (*function)(void *with), void *with)
{
	int go[2], err;
	char byte;

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	victim->cookie = ++last_cookie;
	victim->pid = fork();
	if (victim->pid < 0)
		return -errno;
	if (!victim->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(99);
		function(with);
		_exit(0);
	}
	close(go[0]);
	err = client_watch_with(client, victim->pid, victim->cookie, settings, &victim->watch);
	if (!err && write(go[1], "", 1) != 1)
		err = -errno;
	close(go[1]);
	if (err)
		waitpid(victim->pid, NULL, 0);
	return err;
}

int place_processes(enum place place)
{
	switch (place) {
	case PLACE_MAIN:
	case PLACE_THREAD:
		return 1;
	case PLACE_GRANDCHILD:
		return 3;
	default:
		return 2;
	}
}

bool place_is_main(enum place place)
{
	return place == PLACE_MAIN || place == PLACE_THREAD;
}

struct run {
	void (*function)(void *with);
	void *with;
};

static void *run_thread(void *to)
{
	struct run *run = to;

	run->function(run->with);
	return NULL;
}

static void run_in_thread(void (*function)(void *with), void *with)
{
	struct run run = { function, with };
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_thread, &run))
		_exit(98);
	pthread_join(thread, NULL);
}

static void run_in_child(enum place inner, void (*function)(void *with), void *with)
{
	pid_t pid = fork();

	if (!pid) {
		place_run(inner, function, with);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

void place_run(enum place place, void (*function)(void *with), void *with)
{
	switch (place) {
	case PLACE_MAIN:
		function(with);
		break;
	case PLACE_THREAD:
		run_in_thread(function, with);
		break;
	case PLACE_CHILD:
		run_in_child(PLACE_MAIN, function, with);
		break;
	case PLACE_GRANDCHILD:
		run_in_child(PLACE_CHILD, function, with);
		break;
	case PLACE_CHILD_THREAD:
		run_in_child(PLACE_THREAD, function, with);
		break;
	case PLACE_VFORK:
		if (!vfork()) {
			function(with);
			_exit(0);
		}
		wait(NULL);
		break;
	case PLACES:
		break;
	}
}

pid_t thread_id(void)
{
	return syscall(SYS_gettid);
}

void signal_self(int signo)
{
	syscall(SYS_tgkill, getpid(), thread_id(), signo);
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err = -errno;
	close(fd);
	return err;
}
