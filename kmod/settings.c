// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings of a watch: what the supervisor may say, and how it is kept where
 * probes read it.
 */
#include <net/netlink.h>

#include "settings.h"

/*
 * A day of milliseconds: more is a mistake in the unit. Not const, as policies of
 * older kernels want it.
 */
static struct netlink_range_validation time_range = { .max = 86400000 };

#define POLICY_SWITCH	NLA_POLICY_MAX(NLA_U32, 1)
#define POLICY_TIME	NLA_POLICY_FULL_RANGE(NLA_U32, &time_range)

const struct nla_policy fl_settings_policy[FAULTLINE_WATCH_A_MAX + 1] = {
	[FAULTLINE_WATCH_A_CAPTURE] = POLICY_SWITCH,
	[FAULTLINE_WATCH_A_HOLD_MS] = POLICY_TIME,
	[FAULTLINE_WATCH_A_HEARTBEAT_MS] = POLICY_TIME,
	[FAULTLINE_WATCH_A_DSTATE_MS] = POLICY_TIME,
	[FAULTLINE_WATCH_A_STARVED_MS] = POLICY_TIME,
	[FAULTLINE_WATCH_A_SPIN_MS] = POLICY_TIME,
	[FAULTLINE_WATCH_A_DEADLOCK_MS] = POLICY_TIME,
	[FAULTLINE_WATCH_A_WORK] = POLICY_SWITCH,
	[FAULTLINE_WATCH_A_SOFT_MEMORY] = { .type = NLA_U64 },
	[FAULTLINE_WATCH_A_SOFT_PROCESSES] = { .type = NLA_U64 },
	[FAULTLINE_WATCH_A_SOFT_FILES] = { .type = NLA_U64 },
	[FAULTLINE_WATCH_A_SOFT_CPU] = { .type = NLA_U64 },
};

static bool settings_is_u64(int attr)
{
	return fl_settings_policy[attr].type == NLA_U64;
}

void fl_settings_init(struct fl_settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	settings->value[FAULTLINE_WATCH_A_CAPTURE] = 1;
}

int fl_settings_parse(struct fl_settings *settings, unsigned long *given,
		      const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[FAULTLINE_WATCH_A_MAX + 1];
	int err, i;

	static_assert(FAULTLINE_WATCH_A_MAX < BITS_PER_LONG);

	*given = 0;
	err = nla_parse_nested(attrs, FAULTLINE_WATCH_A_MAX, nest, fl_settings_policy, extack);
	if (err)
		return err;
	for (i = 1; i < FAULTLINE_WATCH_A_PAD; i++) {
		if (!attrs[i])
			continue;
		*given |= BIT(i);
		settings->value[i] = settings_is_u64(i) ? nla_get_u64(attrs[i]) :
							  nla_get_u32(attrs[i]);
	}
	return 0;
}

void fl_settings_apply(struct fl_settings *settings, const struct fl_settings *from,
		       unsigned long given)
{
	unsigned int i;

	for_each_set_bit(i, &given, FAULTLINE_WATCH_A_PAD)
		WRITE_ONCE(settings->value[i], from->value[i]);
}

int fl_settings_put(struct sk_buff *skb, const struct fl_settings *settings)
{
	struct nlattr *nest = nla_nest_start(skb, FAULTLINE_A_SETTINGS);
	int err, i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 1; i < FAULTLINE_WATCH_A_PAD; i++) {
		u64 value = fl_settings_get(settings, i);

		if (settings_is_u64(i))
			err = nla_put_u64_64bit(skb, i, value, FAULTLINE_WATCH_A_PAD);
		else
			err = nla_put_u32(skb, i, value);
		if (err)
			return err;
	}
	nla_nest_end(skb, nest);
	return 0;
}
