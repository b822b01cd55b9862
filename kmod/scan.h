/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_SCAN_H
#define _FL_SCAN_H

#include <linux/types.h>

int fl_scan_start(unsigned int threads);
/* No thread runs any more; it may still be kicked. */
void fl_scan_stop(void);
/* Nothing kicks it any more. */
void fl_scan_exit(void);

/* Thresholds have changed. May be called where waking a task may. */
void fl_scan_kick(void);

void fl_scan_counts(u64 *threads, u64 *missed, u64 *scans, u64 *ns);

#endif /* _FL_SCAN_H */
