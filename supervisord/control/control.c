// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/control/control.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/runtime/logs.h"
#include "supervisord/script/dry_run.h"
#include "supervisord/script/run.h"
#include "supervisord/settings.h"

#define CLIENTS_MAX 64
#define GROUP "faultline"

struct control {
	ev_io accept;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct control_client *clients;
	int n;
};

static void client_free(struct control_client *client)
{
	struct control *control = client->gateway->control;

	for (struct control_client **p = &control->clients; *p; p = &(*p)->next)
		if (*p == client) {
			*p = client->next;
			break;
		}
	control->n--;
	if (client->run)
		run_forget(client->run);
	if (client->dry_run)
		dry_run_forget(client->dry_run);
	json_decref(client->run_id);
	if (client->follower)
		logs_unfollow(client->gateway->logs, client->follower);
	jsonrpc_free(client->peer);
	free(client);
}

static void client_request(struct jsonrpc_peer *peer, const char *method, json_t *params,
			   json_t *id, void *user)
{
	if (!id)
		return;
	for (const struct control_method *m = control_methods; m->name; m++)
		if (!strcmp(m->name, method)) {
			m->answer(user, id, params);
			return;
		}
	jsonrpc_error(peer, id, JSONRPC_METHOD_NOT_FOUND,
		      "method not found; is the command line of the same version?", NULL);
}

static void client_closed(struct jsonrpc_peer *peer, int code, void *user)
{
	client_free(user);
}

static const struct jsonrpc_handler client_handler = {
	.request = client_request,
	.closed = client_closed,
};

static void control_accept(struct ev_loop *loop, ev_io *io, int events)
{
	struct gateway *gateway = io->data;
	struct control *control = gateway->control;
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct control_client *client;

	if (fd < 0)
		return;
	if (control->n >= CLIENTS_MAX) {
		close(fd);
		return;
	}
	client = alloc_zero(1, sizeof(*client));
	client->gateway = gateway;
	client->peer = jsonrpc_new(loop, fd, fd, &client_handler, client);
	jsonrpc_send_long(client->peer);
	client->next = control->clients;
	control->clients = client;
	control->n++;
}

/*
 * Does the process that listens there live? A socket outlives it for a moment: a process that it was about to make has it
 * too, until it notices that nobody will say go.
 */
static bool listener_lives(int fd)
{
	struct ucred listener = { 0 };
	socklen_t size = sizeof(listener);
	__cleanup_close int pidfd = -1;
	struct pollfd ended = { .events = POLLIN };

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &size) || !listener.pid)
		return true;
	if (listener.pid == getpid())
		return false;
	pidfd = syscall(SYS_pidfd_open, listener.pid, 0);
	if (pidfd < 0)
		return errno != ESRCH;
	ended.fd = pidfd;
	return poll(&ended, 1, 0) == 0;
}

/* A socket whose maker answers is another daemon's; any other one is left over. */
static int address_free(const struct sockaddr_un *address, struct error *err)
{
	__cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) && listener_lives(fd))
		return error_set(err, -EADDRINUSE,
				 "%s: another faultlined is running; stop it, or set another run directory",
				 address->sun_path);
	unlink(address->sun_path);
	return 0;
}

static void access_grant(const char *path)
{
	struct group *group = getgrnam(GROUP);

	if (chmod(path, group ? 0660 : 0600) < 0 ||
	    (group && chown(path, 0, group->gr_gid) < 0))
		log_warning("%s: %m", path);
}

static int address_find(const char *folder, struct sockaddr_un *address, struct error *err)
{
	address->sun_family = AF_UNIX;
	if (snprintf(address->sun_path, sizeof(address->sun_path), "%s/" CONTROL_SOCKET, folder) >=
	    (int)sizeof(address->sun_path))
		return error_set(err, -ENAMETOOLONG, "%s: too long for a socket's path", folder);
	return address_free(address, err);
}

int control_vacate(const char *folder, struct error *err)
{
	struct sockaddr_un address;

	return address_find(folder, &address, err);
}

int control_open(struct gateway *gateway, struct error *err)
{
	const char *folder = gateway->settings->run_folder;
	struct sockaddr_un address;
	__cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct control *control;
	int ret = folder_make(folder, 0755, err);

	if (ret)
		return ret;
	ret = address_find(folder, &address, err);
	if (ret)
		return ret;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0)
		return error_set(err, -errno, "%s: %m", address.sun_path);
	access_grant(address.sun_path);
	control = alloc_zero(1, sizeof(*control));
	strcpy(control->path, address.sun_path);
	ev_io_init(&control->accept, control_accept, steal_fd(&fd), EV_READ);
	control->accept.data = gateway;
	ev_io_start(gateway->loop, &control->accept);
	gateway->control = control;
	return 0;
}

void control_close(struct gateway *gateway)
{
	struct control *control = gateway->control;

	if (!control)
		return;
	while (control->clients)
		client_free(control->clients);
	ev_io_stop(gateway->loop, &control->accept);
	close(control->accept.fd);
	unlink(control->path);
	free(steal_pointer(&gateway->control));
}
