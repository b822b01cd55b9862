/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_STREAM_H
#define _FL_STREAM_H

#include <linux/skbuff.h>

/**
 * struct fl_stream_stats - the ledger, read at one moment
 *
 * emitted = delivered + pending + lost, always.
 */
struct fl_stream_stats {
	u64 emitted;
	u64 delivered;
	u64 pending;
	u64 lost;
	u64 seq;
	u64 acked;
};

int fl_stream_init(unsigned int slots, unsigned int kept);

/* The thread takes records, and tells the group through the family. */
int fl_stream_start(void);
/* No thread runs any more; slots are still filled, commands still answer. */
void fl_stream_stop(void);
/* Nothing fills slots or asks for records any more. */
void fl_stream_exit(void);

/**
 * fl_stream_ack() - the supervisor holds every record up to @seq
 * Return: 0, or -ERANGE where @seq has not been given yet.
 */
int fl_stream_ack(u64 seq);

/**
 * fl_stream_first() - first kept record after @since
 * @seq: set to its sequence number, which is @since + 1 unless that was
 *	acknowledged already
 * @end: set to the newest sequence number given
 */
void fl_stream_first(u64 since, u64 *seq, u64 *end);

/**
 * fl_stream_put() - append record @seq as FAULTLINE_A_RECORD
 * Return: 0, -EMSGSIZE where it does not fit, -ENOENT where it is not kept.
 */
int fl_stream_put(struct sk_buff *skb, u64 seq);

void fl_stream_stats(struct fl_stream_stats *stats);

#endif /* _FL_STREAM_H */
