/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_STATS_H
#define _FL_STATS_H

#include <linux/skbuff.h>

/* Bytes that are enough for all of it. */
#define FL_STATS_SIZE	8192

/* Append FAULTLINE_A_STATS, _COUNT and _COST. Return: 0, or -EMSGSIZE. */
int fl_stats_put(struct sk_buff *skb);

#endif /* _FL_STATS_H */
