/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_SLOT_H
#define _FL_SLOT_H

#include <linux/faultline.h>

struct fl_blocks;
struct fl_capture;

/**
 * struct fl_slot - one record on its way
 * @record: without sequence number until the stream has taken it
 * @capture: owned by the slot; NULL where there is none
 * @blocks: likewise
 */
struct fl_slot {
	struct faultline_record record;
	struct fl_capture *capture;
	struct fl_blocks *blocks;
};

/**
 * fl_slot_init() - rings of @count slots, a power of two, for every CPU
 * @wake: called in hard interrupt context after records were filled in
 */
int fl_slot_init(unsigned int count, void (*wake)(void));

/* No @wake is running or will run; no detector may emit any more. */
void fl_slot_sync(void);
void fl_slot_exit(void);

/**
 * fl_slot_emit() - the one way for a record into the stream
 * @record: complete but for time_ns, len, seq and what tells of the evidence
 * @capture: becomes the slot's, or is given back where the record is lost; or NULL
 * @blocks: of the pool; likewise
 *
 * Any context but NMI. The record is counted, as emitted or as lost; or as
 * switched off, and it is over then.
 * Return: false where it was lost.
 */
bool fl_slot_emit(struct faultline_record *record, struct fl_capture *capture,
		  struct fl_blocks *blocks);

/* Give back the evidence of a record that was taken, copied and is over. */
void fl_slot_release(struct fl_slot *slot);

/**
 * fl_slot_shift() - take the oldest record from before @time
 *
 * One caller at a time. Return: false where there is none.
 */
bool fl_slot_shift(struct fl_slot *to, u64 time);

/**
 * fl_slot_counts() - records ever put into slots, and ever lost for want of one
 * Return: true where a slot waits to be taken.
 */
bool fl_slot_counts(u64 *filled, u64 *lost);

#endif /* _FL_SLOT_H */
