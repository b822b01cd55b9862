// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the scan to the watches: what it found in their processes, and what it
 * says of them.
 */
#include <linux/string.h>

#include "block.h"
#include "hang.h"
#include "process.h"
#include "record.h"
#include "slot.h"
#include "tally.h"
#include "watch.h"

void fl_tally_add(const struct fl_process_view *view, const struct fl_tally *tally)
{
	const struct fl_process *process;
	struct fl_tally *sum;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = fl_process_find(view->tgid);
	if (process && process->watch->id == view->watch) {
		sum = &process->watch->pulse.tally;
		sum->threads += tally->threads;
		sum->waiting += tally->waiting;
		sum->blind |= tally->blind;
		if (process->main || !process->watch->main) {
			sum->held |= tally->held;
			sum->lost = max(sum->lost, tally->lost);
		} else {
			/* Its threads are not known, and it is not their heart that beats. */
			sum->blind |= tally->held;
		}
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
}

/* Under the lock, so that it comes before the EXIT record of the process. */
void fl_tally_tell(pid_t tgid, u32 watch, pid_t tid, const char *comm, int type, int code,
		   struct fl_blocks *blocks)
{
	struct faultline_record record = { .type = type, .code = code };
	const struct fl_process *process;
	unsigned long flags;

	fl_record_process(&record, tgid);
	record.tid = tid;
	strscpy(record.comm, comm, sizeof(record.comm));
	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = fl_process_find(tgid);
	if (process && process->watch->id == watch) {
		record.flags = process->main ? FAULTLINE_F_MAIN : 0;
		record.cookie = process->watch->cookie;
		record.watch = watch;
		fl_slot_emit(&record, NULL, blocks);
		blocks = NULL;
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	fl_blocks_put(blocks);
}
