/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_SETTINGS_H
#define _FL_SETTINGS_H

#include <linux/skbuff.h>
#include <linux/faultline.h>

struct netlink_ext_ack;
struct nlattr;

/**
 * struct fl_settings - the settings of a watch
 * @value: by enum faultline_watch_attr
 *
 * Those of a watch change under fl_process_lock. A reader without it sees each
 * value whole, and not all of them from the same change.
 */
struct fl_settings {
	u64 value[FAULTLINE_WATCH_A_PAD];
};

static inline u64 fl_settings_get(const struct fl_settings *settings,
				  enum faultline_watch_attr attr)
{
	return READ_ONCE(settings->value[attr]);
}

extern const struct nla_policy fl_settings_policy[FAULTLINE_WATCH_A_MAX + 1];

void fl_settings_init(struct fl_settings *settings);

/**
 * fl_settings_parse() - read FAULTLINE_A_SETTINGS
 * @settings: set where @nest has a value
 * @given: set to the bits of those
 *
 * Return: 0, or a negative errno, told to @extack.
 */
int fl_settings_parse(struct fl_settings *settings, unsigned long *given,
		      const struct nlattr *nest, struct netlink_ext_ack *extack);

/* Those of @from that are in @given; may be seen while it runs. */
void fl_settings_apply(struct fl_settings *settings, const struct fl_settings *from,
		       unsigned long given);

/* All of them, as FAULTLINE_A_SETTINGS. Return: 0, or -EMSGSIZE. */
int fl_settings_put(struct sk_buff *skb, const struct fl_settings *settings);

#endif /* _FL_SETTINGS_H */
