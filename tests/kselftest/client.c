// SPDX-License-Identifier: GPL-2.0-only
/*
 * The socket: requests and their answers, and what the group sends meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "message.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static int client_error(struct client *client, struct nlmsghdr *msg)
{
	struct nlmsgerr *err = NLMSG_DATA(msg);
	struct nlattr *attr;
	char *begin;

	client->last_error[0] = 0;
	if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return err->error;
	begin = (char *)NLMSG_DATA(msg) + sizeof(*err);
	if (msg->nlmsg_type == NLMSG_DONE)
		begin = (char *)NLMSG_DATA(msg) + sizeof(int);
	else if (!(msg->nlmsg_flags & NLM_F_CAPPED))
		begin += err->msg.nlmsg_len - sizeof(err->msg);
	FOR_EACH_ATTR(attr, begin, message_end(msg)) {
		if (!attr->nla_len)
			break;
		if (ATTR_TYPE(attr) == NLMSGERR_ATTR_MSG)
			snprintf(client->last_error, sizeof(client->last_error), "%s",
				 (char *)ATTR_DATA(attr));
	}
	return err->error;
}

/*
 * Take in one datagram. Return: 1 at the end of the answer to request @seq, 0
 * where more is to come, or a negative errno.
 */
static int client_read(struct client *client, uint32_t seq, message_fn function, void *to)
{
	static char buffer[1 << 17];
	struct nlmsghdr *msg = (void *)buffer;
	ssize_t len = recv(client->fd, buffer, sizeof(buffer), 0);
	int err;

	if (len < 0 && errno == ENOBUFS) {
		client->overrun = true;
		return 0;
	}
	if (len < 0)
		return -errno;
	for (; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
		if (msg->nlmsg_flags & NLM_F_DUMP_INTR)
			client->interrupted = true;
		if (msg->nlmsg_type == client->family &&
		    message_genl(msg)->cmd == FAULTLINE_CMD_EVENT) {
			err = message_events(client, msg);
			if (err)
				return err;
			continue;
		}
		if (msg->nlmsg_seq != seq)
			continue;
		if (msg->nlmsg_type == NLMSG_ERROR || msg->nlmsg_type == NLMSG_DONE) {
			err = client_error(client, msg);
			return err ? err : 1;
		}
		err = function ? function(client, msg, to) : 0;
		if (err)
			return err;
	}
	return 0;
}

int client_send_only(struct client *client, struct request *request, bool dump)
{
	struct nlmsghdr *msg = (void *)request->bytes;

	msg->nlmsg_len = request->len;
	if (!msg->nlmsg_type)
		msg->nlmsg_type = client->family;
	msg->nlmsg_flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK);
	msg->nlmsg_seq = ++client->seq;
	client->interrupted = false;
	return send(client->fd, request->bytes, request->len, 0) < 0 ? -errno : 0;
}

static int client_answer(struct client *client, message_fn function, void *to)
{
	int err;

	do {
		err = client_read(client, client->seq, function, to);
	} while (!err);
	return err < 0 ? err : 0;
}

int client_finish(struct client *client)
{
	return client_answer(client, NULL, NULL);
}

int client_call(struct client *client, struct request *request, bool dump,
		       message_fn function, void *to)
{
	int err = client_send_only(client, request, dump);

	return err ? err : client_answer(client, function, to);
}

int client_send(struct client *client, struct request *request, bool dump)
{
	return client_call(client, request, dump, NULL, NULL);
}

static int message_family(struct client *client, struct nlmsghdr *msg, void *to)
{
	struct nlattr *attr, *group, *item;

	FOR_EACH_ATTR(attr, message_attrs(msg), message_end(msg)) {
		if (ATTR_TYPE(attr) == CTRL_ATTR_FAMILY_ID)
			memcpy(&client->family, ATTR_DATA(attr), sizeof(client->family));
		if (ATTR_TYPE(attr) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		FOR_EACH_ATTR(group, ATTR_DATA(attr), (char *)attr + attr->nla_len)
			FOR_EACH_ATTR(item, ATTR_DATA(group), (char *)group + group->nla_len)
				if (ATTR_TYPE(item) == CTRL_ATTR_MCAST_GRP_ID)
					client->group = attr_u32(item);
	}
	return 0;
}

int client_open(struct client *client)
{
	struct timeval limit = { .tv_sec = 20 };
	int size = 8 << 20, one = 1, err;
	struct request request;
	struct nlmsghdr *msg;

	memset(client, 0, sizeof(*client));
	client->events = calloc(CLIENT_EVENTS_MAX, sizeof(*client->events));
	if (!client->events)
		return -ENOMEM;
	client->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (client->fd < 0)
		return -errno;
	setsockopt(client->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(client->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(client->fd, SOL_NETLINK, NETLINK_BROADCAST_ERROR, &one, sizeof(one));

	request_init(&request, CTRL_CMD_GETFAMILY);
	msg = (void *)request.bytes;
	msg->nlmsg_type = GENL_ID_CTRL;
	request_put(&request, CTRL_ATTR_FAMILY_NAME, FAULTLINE_GENL_NAME,
		    sizeof(FAULTLINE_GENL_NAME));
	err = client_call(client, &request, false, message_family, NULL);
	if (err)
		client_close(client);
	return err;
}

void client_close(struct client *client)
{
	client_forget(client);
	free(client->events);
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	client->events = NULL;
}

int client_join(struct client *client)
{
	return setsockopt(client->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			  &client->group, sizeof(client->group)) ? -errno : 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int client_wait(struct client *client, int ms,
		bool (*fits)(const struct event *event, uint64_t with), uint64_t with)
{
	int64_t end = now_ms() + ms;
	struct pollfd poller = { .fd = client->fd, .events = POLLIN };
	size_t seen = 0;
	int64_t left;
	int err;

	for (;;) {
		for (; seen < client->count; seen++)
			if (fits && fits(&client->events[seen], with))
				return 0;
		left = end - now_ms();
		if (left <= 0 || !poll(&poller, 1, left))
			return -ETIME;
		err = client_read(client, 0, NULL, NULL);
		if (err < 0)
			return err;
	}
}

static bool event_is_last(const struct event *event, uint64_t cookie)
{
	return event->record.cookie == cookie &&
	       event->record.type == FAULTLINE_RECORD_EXIT &&
	       event->record.flags & FAULTLINE_F_LAST;
}

int client_wait_last(struct client *client, uint64_t cookie)
{
	return client_wait(client, 20000, event_is_last, cookie);
}
