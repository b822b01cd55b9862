// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultline-keeper: outlives the supervisor, and holds for the next one what an
 * application would lose with it: the other ends of its pipes, the socket that it
 * notifies, and its pidfd. It reads nothing from them and knows nothing of what
 * it keeps; it is small and does nothing that could fail.
 *
 * Started by faultlined with its listening socket as descriptor KEEPER_FD. One
 * supervisor at a time: a new connection takes the place of the one before.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/sandbox.h"
#include "supervisord/keeper/packet.h"

struct item {
	struct item *next;
	int n_fds;
	int fds[KEEPER_FDS_MAX];
	size_t size;
	char *data;
	char name[KEEPER_NAME_MAX];
};

static struct item *items;
static int n_items;

/* The place of the item called @name, or where a new one goes. */
static struct item **item_find(const char *name)
{
	struct item **place = &items;

	while (*place && strcmp((*place)->name, name))
		place = &(*place)->next;
	return place;
}

static void descriptors_close(struct item *item)
{
	for (int i = 0; i < item->n_fds; i++)
		close(item->fds[i]);
	item->n_fds = 0;
}

/* The descriptors become the item's. */
static void descriptors_set(struct item *item, struct packet *packet)
{
	if (!packet->n_fds)
		return;
	descriptors_close(item);
	memcpy(item->fds, packet->fds, sizeof(item->fds));
	item->n_fds = packet->n_fds;
	packet->n_fds = 0;
}

static void item_put(struct packet *packet)
{
	struct item **place = item_find(packet->message.name);
	struct item *item = *place;
	char *data = malloc(packet->message.size + 1);

	if (!item && n_items < KEEPER_ITEMS_MAX)
		item = calloc(1, sizeof(*item));
	if (!item || !data) {
		log_error("no room for %s", packet->message.name);
		if (!*place)
			free(item);
		free(data);
		return;
	}
	if (!*place) {
		strcpy(item->name, packet->message.name);
		*place = item;
		n_items++;
	}
	memcpy(data, packet->data, packet->message.size);
	free(item->data);
	item->data = data;
	item->size = packet->message.size;
	descriptors_set(item, packet);
}

static void item_drop(const char *name)
{
	struct item **place = item_find(name);
	struct item *item = *place;

	if (!item)
		return;
	*place = item->next;
	descriptors_close(item);
	free(item->data);
	free(item);
	n_items--;
}

static int items_list(int socket)
{
	int ret = 0;

	for (struct item *item = items; item && !ret; item = item->next)
		ret = packet_send(socket, KEEPER_PUT, item->name, item->data, item->size,
				  item->fds, item->n_fds);
	return ret ? ret : packet_send(socket, KEEPER_END, "", NULL, 0, NULL, 0);
}

/* Return: false when the connection is over. */
static bool message_serve(int socket)
{
	static struct packet packet;
	bool good = packet_receive(socket, &packet) > 0;

	if (!good)
		return false;
	switch (packet.message.op) {
	case KEEPER_PUT:
		item_put(&packet);
		break;
	case KEEPER_DROP:
		item_drop(packet.message.name);
		break;
	case KEEPER_LIST:
		good = !items_list(socket);
		break;
	case KEEPER_QUIT:
		exit(0);
	default:
		good = false;
	}
	packet_close(&packet);
	return good;
}

/* Another supervisor; whoever is not root has no business here. */
static int supervisor_accept(int before)
{
	const struct timeval patience = { .tv_sec = 5 };
	int fd = accept4(KEEPER_FD, NULL, NULL, SOCK_CLOEXEC);
	struct ucred peer = { .uid = -1 };
	socklen_t size = sizeof(peer);

	if (fd < 0)
		return before;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || peer.uid) {
		close(fd);
		return before;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (before >= 0)
		close(before);
	return fd;
}

static int calls_enter(struct error *err)
{
	static const struct sandbox_call allowed[] = {
		SANDBOX_CALLS_BASE, { __NR_ppoll }, { __NR_recvmsg }, { __NR_sendmsg },
		{ __NR_accept4 }, { __NR_getsockopt }, { __NR_setsockopt },
#ifdef __NR_poll
		{ __NR_poll },
#endif
	};

	return sandbox_calls(allowed, sizeof(allowed) / sizeof(*allowed), err);
}

static void serve(void)
{
	struct pollfd fds[] = {
		{ .fd = KEEPER_FD, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].fd >= 0 && fds[1].revents && !message_serve(fds[1].fd)) {
			close(fds[1].fd);
			fds[1].fd = -1;
		}
		if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
			return;
		if (fds[0].revents)
			fds[1].fd = supervisor_accept(fds[1].fd);
	}
}

/* Is the descriptor that faultlined starts it with a socket that listens? */
static bool is_started_by_supervisor(void)
{
	int listens = 0;
	socklen_t size = sizeof(listens);

	return !getsockopt(KEEPER_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) && listens;
}

static int explain(int argc, char **argv)
{
	bool asked = argc == 2 && !strcmp(argv[1], "--help");

	fputs("Usage: faultline-keeper\n"
	      "Holds what applications would lose with a supervisor that dies.\n"
	      "faultlined(8) starts it; it is of no use by hand.\n", asked ? stdout : stderr);
	return asked ? 0 : 2;
}

int main(int argc, char **argv)
{
	const struct rlimit descriptors = { .rlim_cur = KEEPER_ITEMS_MAX * KEEPER_FDS_MAX,
					    .rlim_max = KEEPER_ITEMS_MAX * KEEPER_FDS_MAX };
	struct error err = { 0 };

	if (argc > 1 || !is_started_by_supervisor())
		return explain(argc, argv);
	log_open("faultline-keeper", LOG_NOTICE);
	/* Whoever ends the supervisor does not mean this; it ends when it is told to. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	setsid();
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_NOFILE, &descriptors);
	if (sandbox_become(-1, -1, &err) || (sandbox_seccomp() && calls_enter(&err))) {
		log_error("%s", err.text);
		return 1;
	}
	serve();
	return 1;
}
