// SPDX-License-Identifier: GPL-2.0-only
#include "center/trial/room.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/sandbox.h"

#define EQUIPMENT_READY_MS 1000

static int text_write(const char *path, const char *text)
{
	__cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* The user keeps its id: a file cannot be made by one that the namespace does not know. */
static int user_map(uid_t uid, gid_t gid)
{
	char map[64];
	int ret = text_write("/proc/self/setgroups", "deny");

	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	if (!ret)
		ret = text_write("/proc/self/gid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	return ret ? ret : text_write("/proc/self/uid_map", map);
}

static int loopback_up(void)
{
	__cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

int room_enter(struct error *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int ret = unshare(CLONE_NEWNET | (uid ? CLONE_NEWUSER : 0)) < 0 ? -errno : 0;

	if (!ret && uid)
		ret = user_map(uid, gid);
	if (!ret)
		ret = loopback_up();
	if (!ret)
		return 0;
	return error_set(err, ret, "no network of its own can be made for it (%s)%s", strerror(-ret),
			 uid ? "; run it as root, or allow user namespaces" : "");
}

static void equipment_run(const char *command, int out)
{
	struct error err = {};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	if (dup2(out, 1) < 0 || sandbox_become(-1, -1, &err))
		_exit(126);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

/* One that closed its output without a word is about to end, if it does: that takes a moment. */
static bool equipment_ended(pid_t pid, bool closed, int *status)
{
	for (int i = 0; i < 20; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		if (!closed)
			break;
		usleep(5000);
	}
	return false;
}

int room_equip(const char *command, pid_t *pid, struct error *err)
{
	__cleanup_close int reading = -1, writing = -1;
	struct pollfd ready = { .events = POLLIN };
	int ends[2], status;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, "pipe: %m");
	reading = ends[0];
	writing = ends[1];
	*pid = fork();
	if (!*pid)
		equipment_run(command, writing);
	if (*pid < 0)
		return error_set(err, -errno, "fork: %m");
	close(steal_fd(&writing));
	ready.fd = reading;
	poll(&ready, 1, EQUIPMENT_READY_MS);
	if (equipment_ended(*pid, ready.revents == POLLHUP, &status)) {
		*pid = 0;
		return error_set(err, -ECHILD, "the equipment \"%.200s\" ended at once with %s %d", command,
				 WIFEXITED(status) ? "status" : "signal",
				 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	}
	/* Its later output must not break it: the read end stays open as long as this process. */
	steal_fd(&reading);
	return 0;
}

void room_clear(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
