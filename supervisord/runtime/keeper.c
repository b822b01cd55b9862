// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/keeper.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/keeper/packet.h"
#include "supervisord/program.h"

/* It does nothing but answer; one that does not within this time is broken. */
#define ANSWER_S 5

struct keeper {
	int socket;
	bool found;
	bool broken;
	pid_t pid;
	struct sockaddr_un address;
};

static int keeper_connect(struct keeper *keeper)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	__cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&keeper->address, sizeof(keeper->address)))
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	keeper->socket = steal_fd(&fd);
	return 0;
}

static int keeper_start(struct keeper *keeper, struct error *err)
{
	char *arguments[] = { "faultline-keeper", NULL }, *environment[] = { NULL };
	__cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char program[PATH_MAX];
	int ret = program_beside("faultline-keeper", program);

	if (ret)
		return error_set(err, ret, "faultline-keeper: %s", strerror(-ret));
	unlink(keeper->address.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&keeper->address, sizeof(keeper->address)) ||
	    chmod(keeper->address.sun_path, 0600) || listen(fd, 4))
		return error_set(err, -errno, "%s: %m", keeper->address.sun_path);
	ret = program_spawn(program, fd, arguments, environment, &keeper->pid);
	if (ret)
		return error_set(err, ret, "cannot start %s: %s", program, strerror(-ret));
	ret = keeper_connect(keeper);
	return ret ? error_set(err, ret, "%s: %s", keeper->address.sun_path, strerror(-ret)) : 0;
}

static struct keeper *keeper_new(const char *folder, struct error *err)
{
	struct keeper *keeper = alloc_zero(1, sizeof(*keeper));

	keeper->socket = -1;
	keeper->address.sun_family = AF_UNIX;
	if (snprintf(keeper->address.sun_path, sizeof(keeper->address.sun_path),
		     "%s/keeper.sock", folder) < (int)sizeof(keeper->address.sun_path))
		return keeper;
	error_set(err, -ENAMETOOLONG, "%s: too long for a socket's path", folder);
	free(keeper);
	return NULL;
}

struct keeper *keeper_find(const char *folder)
{
	struct keeper *keeper = keeper_new(folder, NULL);

	if (!keeper)
		return NULL;
	keeper->found = !keeper_connect(keeper);
	if (keeper->found)
		return keeper;
	unlink(keeper->address.sun_path);
	free(keeper);
	return NULL;
}

struct keeper *keeper_open(const char *folder, struct error *err)
{
	struct keeper *keeper = keeper_new(folder, err);

	if (!keeper)
		return NULL;
	keeper->found = !keeper_connect(keeper);
	if (keeper->found || !keeper_start(keeper, err))
		return keeper;
	free(keeper);
	return NULL;
}

bool keeper_found(const struct keeper *keeper)
{
	return keeper && keeper->found;
}

pid_t keeper_pid(const struct keeper *keeper)
{
	return keeper->pid;
}

static void keeper_send(struct keeper *keeper, enum keeper_op op, const char *name,
			const char *data, const int *fds, int n)
{
	int ret;

	if (!keeper || keeper->broken)
		return;
	ret = packet_send(keeper->socket, op, name, data, data ? strlen(data) : 0, fds, n);
	if (!ret || ret == -EMSGSIZE)
		return;
	keeper->broken = true;
	log_error("faultline-keeper: %s: applications would end with this supervisor",
		  strerror(-ret));
}

void keeper_put(struct keeper *keeper, const char *name, json_t *data, const int *fds, int n)
{
	__cleanup_free char *text = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(17));

	json_decref(data);
	if (text)
		keeper_send(keeper, KEEPER_PUT, name, text, fds, n);
}

void keeper_drop(struct keeper *keeper, const char *name)
{
	keeper_send(keeper, KEEPER_DROP, name, NULL, NULL, 0);
}

int keeper_list(struct keeper *keeper, keeper_item_fn fn, void *user)
{
	struct packet *packet = alloc_zero(1, sizeof(*packet));
	int ret = packet_send(keeper->socket, KEEPER_LIST, "", NULL, 0, NULL, 0);

	while (!ret) {
		ret = packet_receive(keeper->socket, packet);
		if (ret <= 0 || packet->message.op != KEEPER_PUT)
			break;
		json_t *data = json_loads(packet->data, 0, NULL);

		fn(user, packet->message.name, data, packet->fds, packet->n_fds);
		json_decref(data);
		packet_close(packet);
		ret = 0;
	}
	if (ret > 0)
		ret = packet->message.op == KEEPER_END ? 0 : -EPROTO;
	else if (!ret)
		ret = -EPIPE;
	packet_close(packet);
	free(packet);
	return ret;
}

void keeper_close(struct keeper *keeper, bool quit)
{
	if (!keeper)
		return;
	if (quit) {
		keeper_send(keeper, KEEPER_QUIT, "", NULL, NULL, 0);
		unlink(keeper->address.sun_path);
		if (keeper->pid > 0 && !keeper->broken)
			waitpid(keeper->pid, NULL, 0);
	}
	close(keeper->socket);
	free(keeper);
}
