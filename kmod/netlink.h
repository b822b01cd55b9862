/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_NETLINK_H
#define _FL_NETLINK_H

#include <linux/skbuff.h>

int fl_netlink_init(void);
void fl_netlink_exit(void);

bool fl_netlink_has_listeners(void);

/* A FAULTLINE_CMD_EVENT with room for at least one record, or NULL. */
struct sk_buff *fl_netlink_event_new(void);

/* Consumes @skb; one without records goes nowhere. */
void fl_netlink_event_send(struct sk_buff *skb);

#endif /* _FL_NETLINK_H */
