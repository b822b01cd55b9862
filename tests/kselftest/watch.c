// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "message.h"

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
