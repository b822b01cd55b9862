// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records as they come: each with its capture and its blocks, which are looked
 * through for sizes that do not fit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

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

int message_events(struct client *client, struct nlmsghdr *msg)
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

int client_ack(struct client *client, uint64_t seq)
{
	struct request request;

	request_init(&request, FAULTLINE_CMD_EVENT_ACK);
	request_put_u64(&request, FAULTLINE_A_SEQ, seq);
	return client_send(client, &request, false);
}

void client_forget(struct client *client)
{
	while (client->count) {
		client->count--;
		free(client->events[client->count].capture);
		free(client->events[client->count].blocks);
	}
}
