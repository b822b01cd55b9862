// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "client.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

#define ATTR_NEXT(attr) ((struct nlattr *)((char *)(attr) + NLA_ALIGN((attr)->nla_len)))
#define ATTR_DATA(attr) ((void *)((char *)(attr) + NLA_HDRLEN))
#define ATTR_LEN(attr) ((size_t)(attr)->nla_len - NLA_HDRLEN)
#define ATTR_TYPE(attr) ((attr)->nla_type & NLA_TYPE_MASK)
#define FOR_EACH_ATTR(attr, begin, end)						\
	for (attr = (struct nlattr *)(begin); (char *)(end) - (char *)attr >= NLA_HDRLEN; \
	     attr = ATTR_NEXT(attr))

typedef int (*message_fn)(struct client *client, struct nlmsghdr *msg, void *to);

static struct genlmsghdr *message_genl(struct nlmsghdr *msg)
{
	return NLMSG_DATA(msg);
}

static struct nlattr *message_attrs(struct nlmsghdr *msg)
{
	return (struct nlattr *)((char *)NLMSG_DATA(msg) + GENL_HDRLEN);
}

static void *message_end(struct nlmsghdr *msg)
{
	return (char *)msg + msg->nlmsg_len;
}

static uint64_t attr_u64(const struct nlattr *attr)
{
	uint64_t value;

	memcpy(&value, ATTR_DATA(attr), sizeof(value));
	return value;
}

static uint32_t attr_u32(const struct nlattr *attr)
{
	uint32_t value;

	memcpy(&value, ATTR_DATA(attr), sizeof(value));
	return value;
}

void request_init(struct request *request, uint8_t cmd)
{
	struct nlmsghdr *msg = (void *)request->bytes;
	struct genlmsghdr *genl;

	memset(request, 0, sizeof(*request));
	request->len = NLMSG_HDRLEN + GENL_HDRLEN;
	genl = message_genl(msg);
	genl->cmd = cmd;
	genl->version = FAULTLINE_GENL_VERSION;
}

void request_put(struct request *request, uint16_t type, const void *data, size_t len)
{
	struct nlattr *attr = (void *)(request->bytes + request->len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy(ATTR_DATA(attr), data, len);
	request->len += NLA_ALIGN(attr->nla_len);
}

void request_put_u32(struct request *request, uint16_t type, uint32_t value)
{
	request_put(request, type, &value, sizeof(value));
}

void request_put_u64(struct request *request, uint16_t type, uint64_t value)
{
	request_put(request, type, &value, sizeof(value));
}

size_t request_nest(struct request *request, uint16_t type)
{
	size_t nest = request->len;

	request_put(request, type | NLA_F_NESTED, "", 0);
	return nest;
}

void request_nest_end(struct request *request, size_t nest)
{
	struct nlattr *attr = (void *)(request->bytes + nest);

	attr->nla_len = request->len - nest;
}

void settings_give(struct settings *settings, enum faultline_watch_attr attr, uint64_t value)
{
	settings->given |= 1U << attr;
	settings->value[attr] = value;
}

void request_put_settings(struct request *request, const struct settings *settings)
{
	size_t nest = request_nest(request, FAULTLINE_A_SETTINGS);

	for (int i = 1; i < FAULTLINE_WATCH_A_PAD; i++) {
		if (!(settings->given & 1U << i))
			continue;
		if (i >= FAULTLINE_WATCH_A_SOFT_MEMORY)
			request_put_u64(request, i, settings->value[i]);
		else
			request_put_u32(request, i, settings->value[i]);
	}
	request_nest_end(request, nest);
}

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

/* Bytes of capture and mappings; more than @room where they are not whole. */
static size_t capture_size(const struct faultline_record *record, const char *data, size_t room)
{
	const struct faultline_capture *capture = (const void *)data;
	const struct faultline_maps *maps;
	size_t size;

	if (!(record->flags & FAULTLINE_F_CAPTURE))
		return 0;
	if (room < sizeof(*capture))
		return SIZE_MAX;
	size = sizeof(*capture) + (capture->stack_len + 7ULL) / 8 * 8;
	if (!(record->flags & FAULTLINE_F_MAPS))
		return size;
	if (room < size + sizeof(*maps))
		return SIZE_MAX;
	maps = (const void *)(data + size);
	return size + maps->len;
}

/* All that is left of a record is blocks, whole ones. */
static int blocks_store(struct event *event, const char *data, size_t size)
{
	const struct faultline_block *block;

	if (!(event->record.flags & FAULTLINE_F_BLOCKS))
		return size ? -EBADMSG : 0;
	if (!size)
		return -EBADMSG;
	for (size_t at = 0; at < size; at += block->len) {
		block = (const void *)(data + at);
		if (size - at < sizeof(*block) || block->len < sizeof(*block) ||
		    block->len % 8 || block->len > size - at)
			return -EBADMSG;
	}
	event->blocks = malloc(size);
	if (!event->blocks)
		return -ENOMEM;
	memcpy(event->blocks, data, size);
	event->blocks_len = size;
	return 0;
}

const void *event_block(const struct event *event, enum faultline_block_type type)
{
	const char *begin = (const char *)event->blocks;
	const struct faultline_block *block;

	for (size_t at = 0; at < event->blocks_len; at += block->len) {
		block = (const void *)(begin + at);
		if (block->type == type)
			return block;
	}
	return NULL;
}

static int event_store(struct client *client, struct nlattr *attr)
{
	struct event *event;
	size_t more, capture;
	const char *data;

	if (ATTR_LEN(attr) < sizeof(event->record) || client->count == CLIENT_EVENTS_MAX)
		return -EBADMSG;
	event = &client->events[client->count++];
	event->capture = NULL;
	event->blocks = NULL;
	event->blocks_len = 0;
	memcpy(&event->record, ATTR_DATA(attr), sizeof(event->record));
	if (event->record.len != ATTR_LEN(attr))
		return -EBADMSG;
	more = ATTR_LEN(attr) - sizeof(event->record);
	data = (char *)ATTR_DATA(attr) + sizeof(event->record);
	capture = capture_size(&event->record, data, more);
	if (capture > more)
		return -EBADMSG;
	if (capture) {
		event->capture = malloc(capture);
		if (!event->capture)
			return -ENOMEM;
		memcpy(event->capture, data, capture);
	}
	return blocks_store(event, data + capture, more - capture);
}

static int message_events(struct client *client, struct nlmsghdr *msg)
{
	struct nlattr *attr;
	int err;

	FOR_EACH_ATTR(attr, message_attrs(msg), message_end(msg)) {
		if (ATTR_TYPE(attr) != FAULTLINE_A_RECORD)
			return -EBADMSG;
		err = event_store(client, attr);
		if (err)
			return err;
	}
	return 0;
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

static int client_call(struct client *client, struct request *request, bool dump,
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

void client_forget(struct client *client)
{
	while (client->count) {
		client->count--;
		free(client->events[client->count].capture);
		free(client->events[client->count].blocks);
	}
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

static int message_watch_id(struct client *client, struct nlmsghdr *msg, void *to)
{
	struct nlattr *attr;

	FOR_EACH_ATTR(attr, message_attrs(msg), message_end(msg))
		if (ATTR_TYPE(attr) == FAULTLINE_A_WATCH)
			*(uint32_t *)to = attr_u32(attr);
	return 0;
}

int client_watch(struct client *client, pid_t pid, uint64_t cookie, uint32_t *id)
{
	return client_watch_with(client, pid, cookie, NULL, id);
}

int client_watch_with(struct client *client, pid_t pid, uint64_t cookie,
		      const struct settings *settings, uint32_t *id)
{
	struct request request;
	uint32_t unused = 0;

	request_init(&request, FAULTLINE_CMD_WATCH_SET);
	request_put_u32(&request, FAULTLINE_A_PID, pid);
	request_put_u64(&request, FAULTLINE_A_COOKIE, cookie);
	if (settings)
		request_put_settings(&request, settings);
	return client_call(client, &request, false, message_watch_id, id ? id : &unused);
}

static int client_send_watch(struct client *client, uint8_t cmd, uint32_t id)
{
	struct request request;

	request_init(&request, cmd);
	request_put_u32(&request, FAULTLINE_A_WATCH, id);
	return client_send(client, &request, false);
}

int client_unwatch(struct client *client, uint32_t id)
{
	return client_send_watch(client, FAULTLINE_CMD_WATCH_DEL, id);
}

int client_heartbeat(struct client *client, uint32_t id)
{
	return client_send_watch(client, FAULTLINE_CMD_HEARTBEAT, id);
}

int client_release(struct client *client, uint32_t id)
{
	return client_send_watch(client, FAULTLINE_CMD_RELEASE, id);
}

int client_change(struct client *client, uint32_t id, const struct settings *settings)
{
	struct request request;

	request_init(&request, FAULTLINE_CMD_WATCH_CHANGE);
	request_put_u32(&request, FAULTLINE_A_WATCH, id);
	request_put_settings(&request, settings);
	return client_send(client, &request, false);
}

int client_set(struct client *client, uint32_t id, enum faultline_watch_attr attr,
	       uint64_t value)
{
	struct settings settings = {};

	settings_give(&settings, attr, value);
	return client_change(client, id, &settings);
}

int client_ack(struct client *client, uint64_t seq)
{
	struct request request;

	request_init(&request, FAULTLINE_CMD_EVENT_ACK);
	request_put_u64(&request, FAULTLINE_A_SEQ, seq);
	return client_send(client, &request, false);
}

static void stats_count(struct stats *stats, struct nlattr *nest)
{
	uint32_t type = 0, kind = 0;
	struct nlattr *attr;

	FOR_EACH_ATTR(attr, ATTR_DATA(nest), (char *)nest + nest->nla_len) {
		if (ATTR_TYPE(attr) == FAULTLINE_COUNT_A_TYPE)
			type = attr_u32(attr);
		else if (ATTR_TYPE(attr) == FAULTLINE_COUNT_A_KIND)
			kind = attr_u32(attr);
		else if (ATTR_TYPE(attr) == FAULTLINE_COUNT_A_RECORDS &&
			 type <= FAULTLINE_RECORD_RANGE && kind < 65)
			stats->records[type][kind] = attr_u64(attr);
	}
}

static void stats_cost(struct stats *stats, struct nlattr *nest)
{
	struct nlattr *attr;

	if (stats->cost_count == sizeof(stats->costs) / sizeof(stats->costs[0]))
		return;
	FOR_EACH_ATTR(attr, ATTR_DATA(nest), (char *)nest + nest->nla_len) {
		switch (ATTR_TYPE(attr)) {
		case FAULTLINE_COST_A_PLACE:
			snprintf(stats->costs[stats->cost_count].place,
				 sizeof(stats->costs[0].place), "%.*s", (int)ATTR_LEN(attr),
				 (char *)ATTR_DATA(attr));
			break;
		case FAULTLINE_COST_A_CALLS:
			stats->costs[stats->cost_count].calls = attr_u64(attr);
			break;
		case FAULTLINE_COST_A_NS:
			stats->costs[stats->cost_count].ns = attr_u64(attr);
			break;
		case FAULTLINE_COST_A_WORST_NS:
			stats->costs[stats->cost_count].worst_ns = attr_u64(attr);
			break;
		}
	}
	stats->cost_count++;
}

uint64_t stats_calls(const struct stats *stats, const char *place)
{
	for (size_t i = 0; i < stats->cost_count; i++)
		if (!strcmp(stats->costs[i].place, place))
			return stats->costs[i].calls;
	return 0;
}

static int message_stats(struct client *client, struct nlmsghdr *msg, void *to)
{
	struct stats *stats = to;
	struct nlattr *nest, *attr;

	FOR_EACH_ATTR(nest, message_attrs(msg), message_end(msg)) {
		if (ATTR_TYPE(nest) == FAULTLINE_A_COUNT)
			stats_count(stats, nest);
		if (ATTR_TYPE(nest) == FAULTLINE_A_COST)
			stats_cost(stats, nest);
		if (ATTR_TYPE(nest) != FAULTLINE_A_STATS)
			continue;
		FOR_EACH_ATTR(attr, ATTR_DATA(nest), (char *)nest + nest->nla_len)
			if (ATTR_TYPE(attr) < FAULTLINE_STATS_A_PAD)
				stats->value[ATTR_TYPE(attr)] = attr_u64(attr);
	}
	return 0;
}

int client_stats(struct client *client, struct stats *stats)
{
	struct request request;

	memset(stats, 0, sizeof(*stats));
	memset(stats->value, 0xff, sizeof(stats->value));
	request_init(&request, FAULTLINE_CMD_STATS_GET);
	return client_call(client, &request, false, message_stats, stats);
}

bool stats_balance(const struct stats *stats)
{
	const uint64_t *v = stats->value;

	return v[FAULTLINE_STATS_A_EMITTED] ==
	       v[FAULTLINE_STATS_A_DELIVERED] + v[FAULTLINE_STATS_A_PENDING] +
	       v[FAULTLINE_STATS_A_LOST_NO_SLOT];
}

struct watch_list {
	struct watch_info *watches;
	size_t max;
	int count;
};

static void settings_read(struct settings *settings, struct nlattr *nest)
{
	struct nlattr *attr;

	FOR_EACH_ATTR(attr, ATTR_DATA(nest), (char *)nest + nest->nla_len) {
		if (ATTR_TYPE(attr) >= FAULTLINE_WATCH_A_PAD)
			continue;
		settings_give(settings, ATTR_TYPE(attr),
			      ATTR_LEN(attr) == sizeof(uint64_t) ? attr_u64(attr) : attr_u32(attr));
	}
}

static int message_watch(struct client *client, struct nlmsghdr *msg, void *to)
{
	struct watch_list *list = to;
	struct watch_info info = {};
	struct nlattr *attr;

	FOR_EACH_ATTR(attr, message_attrs(msg), message_end(msg)) {
		switch (ATTR_TYPE(attr)) {
		case FAULTLINE_A_WATCH:
			info.id = attr_u32(attr);
			break;
		case FAULTLINE_A_COOKIE:
			info.cookie = attr_u64(attr);
			break;
		case FAULTLINE_A_PID:
			info.pid = attr_u32(attr);
			break;
		case FAULTLINE_A_PROCESSES:
			info.processes = attr_u32(attr);
			break;
		case FAULTLINE_A_SETTINGS:
			settings_read(&info.settings, attr);
			break;
		}
	}
	if ((size_t)list->count < list->max)
		list->watches[list->count] = info;
	list->count++;
	return 0;
}

int client_watches(struct client *client, struct watch_info *watches, size_t max)
{
	struct watch_list list = { .watches = watches, .max = max };
	struct request request;
	int err;

	request_init(&request, FAULTLINE_CMD_WATCH_GET);
	err = client_call(client, &request, true, message_watch, &list);
	return err ? err : list.count;
}

static int message_dumped(struct client *client, struct nlmsghdr *msg, void *to)
{
	return message_events(client, msg);
}

int client_dump(struct client *client, uint64_t since)
{
	struct request request;

	request_init(&request, FAULTLINE_CMD_EVENT_GET);
	if (since)
		request_put_u64(&request, FAULTLINE_A_SINCE, since);
	return client_call(client, &request, true, message_dumped, NULL);
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

int module_load(const char *parameters)
{
	const char *path = getenv("FAULTLINE_KO") ?: "./faultline.ko";
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, parameters, 0))
		err = -errno;
	close(fd);
	return err;
}

int module_unload(void)
{
	return syscall(SYS_delete_module, "faultline", O_NONBLOCK) ? -errno : 0;
}

bool module_loaded(void)
{
	return !access("/sys/module/faultline", F_OK);
}
