/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_DETECTOR_H
#define _FL_DETECTOR_H

#include <linux/faultline.h>

/* Types and kinds that are told apart; what is beyond counts as the last. */
#define FL_DETECTOR_TYPES	8
#define FL_DETECTOR_KINDS	65

/**
 * fl_detector_wanted() - is the detector of this type of record switched on?
 *
 * With false the record is to be dropped; it counts as switched off.
 */
bool fl_detector_wanted(int type);

/* Whether to begin with what would come to a record that is dropped. */
bool fl_detector_signals(void);
bool fl_detector_captures(void);
bool fl_detector_limits(void);
bool fl_detector_hangs(void);

/* A record was made. */
void fl_detector_record(const struct faultline_record *record);

/* How many there were of this type; by signal (FATAL), code (HANG and others) or 0. */
u64 fl_detector_records(int type, int kind);

/* Records that were not made because their detector is switched off. */
u64 fl_detector_dropped(void);

#endif /* _FL_DETECTOR_H */
