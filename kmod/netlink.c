// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: commands of the supervisor, and the group on
 * which the stream goes out. kmod/faultline.yaml describes it.
 */
#include <linux/pid.h>
#include <net/genetlink.h>
#include <linux/faultline.h>

#include "block.h"
#include "capture.h"
#include "heartbeat.h"
#include "netlink.h"
#include "process.h"
#include "settings.h"
#include "stats.h"
#include "stream.h"
#include "watch.h"

/*
 * Bytes of a notification. It holds one record with all that it can have, or
 * several; a reader with a buffer of 32 KiB never sees it cut.
 */
#define EVENT_SIZE (32768 - SKB_DATA_ALIGN(sizeof(struct skb_shared_info)) - \
		    GENL_HDRLEN - NLMSG_HDRLEN)

static struct genl_family family;

static const struct nla_policy watch_set_policy[FAULTLINE_A_MAX + 1] = {
	[FAULTLINE_A_PID] = NLA_POLICY_MIN(NLA_U32, 1),
	[FAULTLINE_A_COOKIE] = { .type = NLA_U64 },
	[FAULTLINE_A_SETTINGS] = NLA_POLICY_NESTED(fl_settings_policy),
};

static const struct nla_policy watch_change_policy[FAULTLINE_A_MAX + 1] = {
	[FAULTLINE_A_WATCH] = NLA_POLICY_MIN(NLA_U32, 1),
	[FAULTLINE_A_SETTINGS] = NLA_POLICY_NESTED(fl_settings_policy),
};

static const struct nla_policy watch_id_policy[FAULTLINE_A_MAX + 1] = {
	[FAULTLINE_A_WATCH] = NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy event_get_policy[FAULTLINE_A_MAX + 1] = {
	[FAULTLINE_A_SINCE] = { .type = NLA_U64 },
};

static const struct nla_policy event_ack_policy[FAULTLINE_A_MAX + 1] = {
	[FAULTLINE_A_SEQ] = { .type = NLA_U64 },
};

/* Refuses every attribute, where no policy would let all of them pass. */
static const struct nla_policy empty_policy[FAULTLINE_A_MAX + 1] = {};

/* Begin the answer to @info's command. */
static struct sk_buff *netlink_reply_new(struct genl_info *info, size_t size, void **header)
{
	struct sk_buff *skb = genlmsg_new(size, GFP_KERNEL);

	if (!skb)
		return NULL;
	*header = genlmsg_put_reply(skb, info, &family, 0, info->genlhdr->cmd);
	if (*header)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

static int netlink_watch_set(struct sk_buff *request, struct genl_info *info)
{
	struct fl_settings settings;
	unsigned long given;
	struct sk_buff *skb;
	struct pid *pid;
	void *header;
	u64 cookie;
	int err;
	u32 id;

	if (GENL_REQ_ATTR_CHECK(info, FAULTLINE_A_PID) ||
	    GENL_REQ_ATTR_CHECK(info, FAULTLINE_A_COOKIE)) {
		NL_SET_ERR_MSG(info->extack, "a watch needs a pid and a cookie");
		return -EINVAL;
	}
	cookie = nla_get_u64(info->attrs[FAULTLINE_A_COOKIE]);
	fl_settings_init(&settings);
	if (info->attrs[FAULTLINE_A_SETTINGS]) {
		err = fl_settings_parse(&settings, &given, info->attrs[FAULTLINE_A_SETTINGS],
					info->extack);
		if (err)
			return err;
	}
	/* First what can fail, so that no watch is set without an answer. */
	skb = netlink_reply_new(info, GENLMSG_DEFAULT_SIZE, &header);
	if (!skb)
		return -ENOMEM;

	pid = find_get_pid(nla_get_u32(info->attrs[FAULTLINE_A_PID]));
	if (!pid) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[FAULTLINE_A_PID],
				    "no process has this id");
		err = -ESRCH;
		goto err_free;
	}
	err = fl_watch_create(pid, cookie, &settings, &id, info->extack);
	put_pid(pid);
	if (err)
		goto err_free;
	if (WARN_ON(nla_put_u32(skb, FAULTLINE_A_WATCH, id))) {
		fl_watch_delete(id);
		err = -EMSGSIZE;
		goto err_free;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);

err_free:
	nlmsg_free(skb);
	return err;
}

/* Which watch a command is for; 0 where it does not say. */
static u32 netlink_watch_id(struct genl_info *info)
{
	if (!GENL_REQ_ATTR_CHECK(info, FAULTLINE_A_WATCH))
		return nla_get_u32(info->attrs[FAULTLINE_A_WATCH]);
	NL_SET_ERR_MSG(info->extack, "which watch?");
	return 0;
}

static int netlink_watch_answer(struct genl_info *info, int err)
{
	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[FAULTLINE_A_WATCH],
				    "no watch has this id; its processes may have ended");
	return err;
}

static int netlink_watch_del(struct sk_buff *request, struct genl_info *info)
{
	u32 id = netlink_watch_id(info);

	return id ? netlink_watch_answer(info, fl_watch_delete(id)) : -EINVAL;
}

static int netlink_release(struct sk_buff *request, struct genl_info *info)
{
	u32 id = netlink_watch_id(info);

	return id ? netlink_watch_answer(info, fl_watch_unhold(id)) : -EINVAL;
}

static int netlink_watch_change(struct sk_buff *request, struct genl_info *info)
{
	u32 id = netlink_watch_id(info);
	struct fl_settings settings;
	unsigned long given;
	int err;

	if (!id)
		return -EINVAL;
	if (GENL_REQ_ATTR_CHECK(info, FAULTLINE_A_SETTINGS)) {
		NL_SET_ERR_MSG(info->extack, "which settings?");
		return -EINVAL;
	}
	err = fl_settings_parse(&settings, &given, info->attrs[FAULTLINE_A_SETTINGS],
				info->extack);
	if (err)
		return err;
	return netlink_watch_answer(info, fl_watch_change(id, &settings, given));
}

static int netlink_heartbeat(struct sk_buff *request, struct genl_info *info)
{
	u32 id = netlink_watch_id(info);

	return id ? netlink_watch_answer(info, fl_heartbeat_beat(id)) : -EINVAL;
}

static int netlink_watch_put(struct sk_buff *skb, struct netlink_callback *cb,
			     struct fl_watch *watch)
{
	void *header;
	pid_t pid;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     &family, NLM_F_MULTI, FAULTLINE_CMD_WATCH_GET);
	if (!header)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, header);
	pid = READ_ONCE(watch->main) ? pid_vnr(watch->pid) : 0;
	if (nla_put_u32(skb, FAULTLINE_A_WATCH, watch->id) ||
	    nla_put_u64_64bit(skb, FAULTLINE_A_COOKIE, watch->cookie, FAULTLINE_A_PAD) ||
	    nla_put_u32(skb, FAULTLINE_A_PID, pid) ||
	    nla_put_u32(skb, FAULTLINE_A_PROCESSES, READ_ONCE(watch->count)) ||
	    fl_settings_put(skb, &watch->settings)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* Resumes after the watch whose id is in args[0]. */
static int netlink_watch_get(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct fl_watch *watch;

	rcu_read_lock();
	cb->seq = fl_watch_generation();
	while ((watch = fl_watch_after(cb->args[0]))) {
		if (netlink_watch_put(skb, cb, watch))
			break;
		cb->args[0] = watch->id;
	}
	rcu_read_unlock();
	return skb->len;
}

/**
 * struct event_dump - where a dump of records stands, in netlink_callback::ctx
 * @next: sequence number to come
 * @end: newest one when the dump began, so that every dump ends
 * @gaps: how often records were acknowledged under the dump's feet
 */
struct event_dump {
	u64 next;
	u64 end;
	u32 gaps;
};

static int netlink_event_get_start(struct netlink_callback *cb)
{
	struct nlattr *since = fl_dump_attrs(cb)[FAULTLINE_A_SINCE];
	struct event_dump *dump = (void *)cb->ctx;

	static_assert(sizeof(*dump) <= sizeof(cb->ctx));

	fl_stream_first(since ? nla_get_u64(since) : 0, &dump->next, &dump->end);
	dump->gaps = 1;
	cb->min_dump_alloc = EVENT_SIZE;
	return 0;
}

static int netlink_event_put(struct sk_buff *skb, struct netlink_callback *cb, u64 seq)
{
	void *header;
	int err;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     &family, NLM_F_MULTI, FAULTLINE_CMD_EVENT_GET);
	if (!header)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, header);
	err = fl_stream_put(skb, seq);
	if (err)
		genlmsg_cancel(skb, header);
	else
		genlmsg_end(skb, header);
	return err;
}

static int netlink_event_get(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct event_dump *dump = (void *)cb->ctx;
	int err;

	cb->seq = dump->gaps;
	while (dump->next <= dump->end) {
		err = netlink_event_put(skb, cb, dump->next);
		if (err == -EMSGSIZE)
			break;
		if (err == -ENOENT)
			cb->seq = ++dump->gaps;
		dump->next++;
	}
	return skb->len;
}

static int netlink_event_ack(struct sk_buff *request, struct genl_info *info)
{
	int err;

	if (GENL_REQ_ATTR_CHECK(info, FAULTLINE_A_SEQ)) {
		NL_SET_ERR_MSG(info->extack, "up to which sequence number?");
		return -EINVAL;
	}
	err = fl_stream_ack(nla_get_u64(info->attrs[FAULTLINE_A_SEQ]));
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[FAULTLINE_A_SEQ],
				    "this sequence number has not been given yet");
	return err;
}

static int netlink_stats_get(struct sk_buff *request, struct genl_info *info)
{
	struct sk_buff *skb;
	void *header;
	int err;

	skb = netlink_reply_new(info, FL_STATS_SIZE, &header);
	if (!skb)
		return -ENOMEM;
	err = fl_stats_put(skb);
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

static const struct genl_ops netlink_ops[] = {
	{
		.cmd = FAULTLINE_CMD_WATCH_SET,
		.flags = GENL_ADMIN_PERM,
		.policy = watch_set_policy,
		.maxattr = FAULTLINE_A_MAX,
		.doit = netlink_watch_set,
	},
	{
		.cmd = FAULTLINE_CMD_WATCH_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = empty_policy,
		.maxattr = FAULTLINE_A_MAX,
		.dumpit = netlink_watch_get,
	},
	{
		.cmd = FAULTLINE_CMD_WATCH_DEL,
		.flags = GENL_ADMIN_PERM,
		.policy = watch_id_policy,
		.maxattr = FAULTLINE_A_MAX,
		.doit = netlink_watch_del,
	},
	{
		.cmd = FAULTLINE_CMD_EVENT_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = event_get_policy,
		.maxattr = FAULTLINE_A_MAX,
		.start = netlink_event_get_start,
		.dumpit = netlink_event_get,
	},
	{
		.cmd = FAULTLINE_CMD_EVENT_ACK,
		.flags = GENL_ADMIN_PERM,
		.policy = event_ack_policy,
		.maxattr = FAULTLINE_A_MAX,
		.doit = netlink_event_ack,
	},
	{
		.cmd = FAULTLINE_CMD_STATS_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = empty_policy,
		.maxattr = FAULTLINE_A_MAX,
		.doit = netlink_stats_get,
	},
	{
		.cmd = FAULTLINE_CMD_RELEASE,
		.flags = GENL_ADMIN_PERM,
		.policy = watch_id_policy,
		.maxattr = FAULTLINE_A_MAX,
		.doit = netlink_release,
	},
	{
		.cmd = FAULTLINE_CMD_WATCH_CHANGE,
		.flags = GENL_ADMIN_PERM,
		.policy = watch_change_policy,
		.maxattr = FAULTLINE_A_MAX,
		.doit = netlink_watch_change,
	},
	{
		.cmd = FAULTLINE_CMD_HEARTBEAT,
		.flags = GENL_ADMIN_PERM,
		.policy = watch_id_policy,
		.maxattr = FAULTLINE_A_MAX,
		.doit = netlink_heartbeat,
	},
};

static const struct genl_multicast_group netlink_groups[] = {
	{ .name = FAULTLINE_GENL_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

/*
 * Of the first network namespace only: a container's root has no business with
 * the faults of others. Every operation is checked strictly.
 */
static struct genl_family family __ro_after_init = {
	.name = FAULTLINE_GENL_NAME,
	.version = FAULTLINE_GENL_VERSION,
	.maxattr = FAULTLINE_A_MAX,
	.module = THIS_MODULE,
	.ops = netlink_ops,
	.n_ops = ARRAY_SIZE(netlink_ops),
	.resv_start_op = FAULTLINE_CMD_WATCH_SET,
	.mcgrps = netlink_groups,
	.n_mcgrps = ARRAY_SIZE(netlink_groups),
};

bool fl_netlink_has_listeners(void)
{
	return genl_has_listeners(&family, &init_net, 0);
}

struct sk_buff *fl_netlink_event_new(void)
{
	struct sk_buff *skb = genlmsg_new(EVENT_SIZE, GFP_KERNEL);

	if (skb && !genlmsg_put(skb, 0, 0, &family, 0, FAULTLINE_CMD_EVENT)) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

void fl_netlink_event_send(struct sk_buff *skb)
{
	struct nlmsghdr *header = nlmsg_hdr(skb);

	if (skb->len == nlmsg_msg_size(GENL_HDRLEN)) {
		nlmsg_free(skb);
		return;
	}
	nlmsg_end(skb, header);
	/*
	 * A reader without room is told so by its own socket, and one that has
	 * gone is no error: what was not taken is kept.
	 */
	genlmsg_multicast(&family, skb, 0, 0, GFP_KERNEL);
}

int fl_netlink_init(void)
{
	static_assert(FAULTLINE_RECORD_MAX + NLA_HDRLEN <=
		      EVENT_SIZE - GENL_HDRLEN - NLMSG_HDRLEN);

	return genl_register_family(&family);
}

void fl_netlink_exit(void)
{
	genl_unregister_family(&family);
}
