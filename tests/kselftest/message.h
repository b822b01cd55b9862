/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of generic netlink, taken apart: for the parts of the client alone.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdint.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "client.h"

#define ATTR_NEXT(attr) ((struct nlattr *)((char *)(attr) + NLA_ALIGN((attr)->nla_len)))
#define ATTR_DATA(attr) ((void *)((char *)(attr) + NLA_HDRLEN))
#define ATTR_LEN(attr) ((size_t)(attr)->nla_len - NLA_HDRLEN)
#define ATTR_TYPE(attr) ((attr)->nla_type & NLA_TYPE_MASK)
#define FOR_EACH_ATTR(attr, begin, end)						\
	for (attr = (struct nlattr *)(begin); (char *)(end) - (char *)attr >= NLA_HDRLEN; \
	     attr = ATTR_NEXT(attr))

/* Takes an answer in, to @to. Return: 0 or a negative errno. */
typedef int (*message_fn)(struct client *client, struct nlmsghdr *msg, void *to);

static inline struct genlmsghdr *message_genl(struct nlmsghdr *msg)
{
	return NLMSG_DATA(msg);
}

static inline struct nlattr *message_attrs(struct nlmsghdr *msg)
{
	return (struct nlattr *)((char *)NLMSG_DATA(msg) + GENL_HDRLEN);
}

static inline void *message_end(struct nlmsghdr *msg)
{
	return (char *)msg + msg->nlmsg_len;
}

static inline uint64_t attr_u64(const struct nlattr *attr)
{
	uint64_t value;

	memcpy(&value, ATTR_DATA(attr), sizeof(value));
	return value;
}

static inline uint32_t attr_u32(const struct nlattr *attr)
{
	uint32_t value;

	memcpy(&value, ATTR_DATA(attr), sizeof(value));
	return value;
}

/* Send a request and take its whole answer in; @function: NULL: nothing of it is wanted. */
int client_call(struct client *client, struct request *request, bool dump, message_fn function, void *to);

/* Records of a notification or a dump, appended to client::events. */
int message_events(struct client *client, struct nlmsghdr *msg);

#endif /* MESSAGE_H */
