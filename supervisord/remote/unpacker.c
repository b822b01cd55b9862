// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/unpacker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "supervisord/program.h"
#include "supervisord/remote/unpack/status.h"

#define PROGRAM "faultline-unpack"

struct unpacker {
	struct ev_loop *loop;
	ev_io exit;		/* its pidfd */
	int error_fd;		/* its standard error */
	unpacker_done_fn done;
	void *user;
};

/* The last line that it wrote, without its own name before it. */
static void error_read(int fd, char *text, size_t size)
{
	ssize_t n = read(fd, text, size - 1);
	char *line;

	text[n > 0 ? n : 0] = '\0';
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	if (!strncmp(line, PROGRAM ": ", strlen(PROGRAM ": ")))
		line += strlen(PROGRAM ": ");
	memmove(text, line, strlen(line) + 1);
}

static void unpacker_exited(struct ev_loop *loop, ev_io *io, int events)
{
	struct unpacker *unpacker = io->data;
	siginfo_t info = { 0 };
	char text[ERROR_TEXT_MAX];
	bool good;

	ev_io_stop(loop, io);
	waitid(P_PIDFD, io->fd, &info, WEXITED | WNOHANG);
	good = info.si_code == CLD_EXITED && !info.si_status;
	error_read(unpacker->error_fd, text, sizeof(text));
	if (!good && !text[0])
		snprintf(text, sizeof(text), "%s ended with %s %d", PROGRAM,
			 info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
	close(io->fd);
	close(unpacker->error_fd);
	unpacker->done(unpacker->user, good ? NULL : text,
		       info.si_code == CLD_EXITED && info.si_status == UNPACK_CUT_SHORT);
	free(unpacker);
}

void unpacker_drop(struct unpacker *unpacker)
{
	siginfo_t info;

	ev_io_stop(unpacker->loop, &unpacker->exit);
	syscall(SYS_pidfd_send_signal, unpacker->exit.fd, SIGKILL, NULL, 0);
	waitid(P_PIDFD, unpacker->exit.fd, &info, WEXITED);
	close(unpacker->exit.fd);
	close(unpacker->error_fd);
	free(unpacker);
}

static int unpacker_spawn(char *const arguments[], int in, int error, pid_t *pid)
{
	char *environment[] = { "PATH=/usr/bin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int ret;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, error, 1);
	posix_spawn_file_actions_adddup2(&actions, error, 2);
	ret = posix_spawn(pid, arguments[0], &actions, &attributes, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -ret;
}

struct unpacker *unpacker_start(struct ev_loop *loop, const char *into, const char *sha256,
				uint64_t size, int *sink, unpacker_done_fn done, void *user,
				struct error *err)
{
	int in[2] = { -1, -1 }, error[2] = { -1, -1 };
	char program[PATH_MAX], bytes[24];
	char *arguments[] = { program, "--sha256", (char *)sha256, "--size", bytes,
			      "--into", (char *)into, NULL };
	struct unpacker *unpacker;
	int ret = program_beside(PROGRAM, program);
	int pidfd;
	pid_t pid;

	snprintf(bytes, sizeof(bytes), "%" PRIu64, size);
	if (!ret && (pipe2(in, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC | O_NONBLOCK) < 0))
		ret = -errno;
	if (!ret)
		ret = unpacker_spawn(arguments, in[0], error[1], &pid);
	closep(&in[0]);
	closep(&error[1]);
	if (ret) {
		closep(&in[1]);
		closep(&error[0]);
		error_set(err, ret, "%s cannot be started: %s", PROGRAM, strerror(-ret));
		return NULL;
	}
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		error_set(err, -errno, "pidfd_open: %m");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(in[1]);
		close(error[0]);
		return NULL;
	}
	unpacker = alloc_zero(1, sizeof(*unpacker));
	unpacker->loop = loop;
	unpacker->error_fd = error[0];
	unpacker->done = done;
	unpacker->user = user;
	ev_io_init(&unpacker->exit, unpacker_exited, pidfd, EV_READ);
	unpacker->exit.data = unpacker;
	ev_io_start(loop, &unpacker->exit);
	*sink = in[1];
	return unpacker;
}
