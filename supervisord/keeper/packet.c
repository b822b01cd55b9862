// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/keeper/packet.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static_assert(offsetof(struct packet, data) ==
	      offsetof(struct packet, message) + sizeof(struct keeper_message),
	      "the data follow the message");

int packet_send(int socket, enum keeper_op op, const char *name, const void *data, size_t size,
		const int *fds, int n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(KEEPER_FDS_MAX * sizeof(int))] = { 0 };
	struct keeper_message head = { .op = op, .size = size };
	struct iovec parts[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)data, .iov_len = size },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = size ? 2 : 1 };
	ssize_t n;

	if (size > KEEPER_DATA_MAX || n_fds > KEEPER_FDS_MAX || strlen(name) >= KEEPER_NAME_MAX)
		return -EMSGSIZE;
	strcpy(head.name, name);
	if (n_fds) {
		struct cmsghdr *c = (struct cmsghdr *)control;

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	do {
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static void descriptors_take(struct msghdr *message, struct packet *packet)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		int n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(packet->fds, CMSG_DATA(c), n * sizeof(int));
		packet->n_fds = n;
	}
}

static bool packet_valid(const struct packet *packet, const struct msghdr *message, size_t n)
{
	return !(message->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	       n >= sizeof(packet->message) &&
	       packet->message.size == n - sizeof(packet->message) &&
	       memchr(packet->message.name, '\0', KEEPER_NAME_MAX);
}

int packet_receive(int socket, struct packet *packet)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(KEEPER_FDS_MAX * sizeof(int))];
	struct iovec part = {
		.iov_base = &packet->message,
		.iov_len = sizeof(packet->message) + KEEPER_DATA_MAX,
	};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n;

	packet->n_fds = 0;
	do {
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : 0;
	descriptors_take(&message, packet);
	if (!packet_valid(packet, &message, n)) {
		packet_close(packet);
		return -EPROTO;
	}
	packet->data[packet->message.size] = '\0';
	return 1;
}

void packet_close(struct packet *packet)
{
	for (int i = 0; i < packet->n_fds; i++)
		if (packet->fds[i] >= 0)
			close(packet->fds[i]);
	packet->n_fds = 0;
}
