// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests under construction, right or wrong.
 */
#include <string.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "message.h"

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
