// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics: the ledger, what there is and was, and what it costs, from where
 * each of them is kept.
 */
#include <net/netlink.h>
#include <linux/faultline.h>

#include "block.h"
#include "capture.h"
#include "cost.h"
#include "detector.h"
#include "kfunc.h"
#include "limit.h"
#include "process.h"
#include "scan.h"
#include "stats.h"
#include "stream.h"
#include "watch.h"

static int stats_put_values(struct sk_buff *skb)
{
	u64 values[FAULTLINE_STATS_A_MAX + 1] = {};
	struct fl_stream_stats stream;
	struct nlattr *nest;
	int i;

	fl_stream_stats(&stream);
	values[FAULTLINE_STATS_A_EMITTED] = stream.emitted;
	values[FAULTLINE_STATS_A_DELIVERED] = stream.delivered;
	values[FAULTLINE_STATS_A_PENDING] = stream.pending;
	values[FAULTLINE_STATS_A_LOST_NO_SLOT] = stream.lost;
	values[FAULTLINE_STATS_A_SEQ] = stream.seq;
	values[FAULTLINE_STATS_A_ACKED] = stream.acked;
	fl_capture_counts(&values[FAULTLINE_STATS_A_CAPTURES],
			  &values[FAULTLINE_STATS_A_CAPTURES_MISSED]);
	fl_blocks_counts(&values[FAULTLINE_STATS_A_BLOCKS],
			 &values[FAULTLINE_STATS_A_BLOCKS_MISSED]);
	values[FAULTLINE_STATS_A_WATCHES] = fl_watch_count();
	fl_process_counts(&values[FAULTLINE_STATS_A_PROCESSES],
			  &values[FAULTLINE_STATS_A_UNWATCHED]);
	fl_limit_counts(&values[FAULTLINE_STATS_A_LIMIT_PASSES],
			&values[FAULTLINE_STATS_A_LIMIT_NS]);
	fl_scan_counts(&values[FAULTLINE_STATS_A_THREADS],
		       &values[FAULTLINE_STATS_A_THREADS_MISSED],
		       &values[FAULTLINE_STATS_A_SCANS],
		       &values[FAULTLINE_STATS_A_SCAN_NS]);
	values[FAULTLINE_STATS_A_REFUSED] = fl_kfunc_refused();
	values[FAULTLINE_STATS_A_SWITCHED_OFF] = fl_detector_dropped();

	nest = nla_nest_start(skb, FAULTLINE_A_STATS);
	if (!nest)
		return -EMSGSIZE;
	for (i = FAULTLINE_STATS_A_EMITTED; i < FAULTLINE_STATS_A_PAD; i++)
		if (nla_put_u64_64bit(skb, i, values[i], FAULTLINE_STATS_A_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int stats_put_count(struct sk_buff *skb, int type, int kind, u64 count)
{
	struct nlattr *nest = nla_nest_start(skb, FAULTLINE_A_COUNT);

	if (!nest || nla_put_u32(skb, FAULTLINE_COUNT_A_TYPE, type) ||
	    nla_put_u32(skb, FAULTLINE_COUNT_A_KIND, kind) ||
	    nla_put_u64_64bit(skb, FAULTLINE_COUNT_A_RECORDS, count, FAULTLINE_COUNT_A_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int stats_put_counts(struct sk_buff *skb)
{
	int type, kind;
	u64 count;

	for (type = 0; type < FL_DETECTOR_TYPES; type++) {
		for (kind = 0; kind < FL_DETECTOR_KINDS; kind++) {
			count = fl_detector_records(type, kind);
			if (count && stats_put_count(skb, type, kind, count))
				return -EMSGSIZE;
		}
	}
	return 0;
}

static int stats_put_cost(struct sk_buff *skb, enum fl_cost_place place)
{
	struct nlattr *nest;
	struct fl_cost cost;

	fl_cost_sum(place, &cost);
	nest = nla_nest_start(skb, FAULTLINE_A_COST);
	if (!nest || nla_put_string(skb, FAULTLINE_COST_A_PLACE, fl_cost_name(place)) ||
	    nla_put_u64_64bit(skb, FAULTLINE_COST_A_CALLS, cost.calls, FAULTLINE_COST_A_PAD) ||
	    nla_put_u64_64bit(skb, FAULTLINE_COST_A_NS, cost.ns, FAULTLINE_COST_A_PAD) ||
	    nla_put_u64_64bit(skb, FAULTLINE_COST_A_WORST_NS, cost.worst_ns, FAULTLINE_COST_A_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int fl_stats_put(struct sk_buff *skb)
{
	int err, place;

	err = stats_put_values(skb) ?: stats_put_counts(skb);
	for (place = 0; !err && place < FL_COSTS; place++)
		err = stats_put_cost(skb, place);
	return err;
}
