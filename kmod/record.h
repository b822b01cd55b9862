/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_RECORD_H
#define _FL_RECORD_H

#include <linux/signal_types.h>
#include <linux/faultline.h>

struct fl_blocks;
struct fl_process;

/* A record of @type about the current process, which is @process. With fl_process_lock held. */
void fl_record_begin(struct faultline_record *record, const struct fl_process *process, int type);

/* What came with the signal that was delivered to the current thread. */
void fl_record_siginfo(struct faultline_record *record, const struct kernel_siginfo *info);

/* Who process @tgid is; its number alone where it is there no more. */
void fl_record_process(struct faultline_record *record, pid_t tgid);

/**
 * fl_record_emit() - a record of somebody else's about a watched process
 * @record: tgid says which, 0: the current one; flags are set to what the
 *	module knows, as are watch and cookie, and with 0 who the process is
 * @blocks: of the pool, given back where the record does not go out; or NULL
 *
 * Any context but NMI, also one in which this CPU holds fl_process_lock.
 *
 * Return: 0, -ESRCH where it is not watched, -EBUSY where the lock is not to be
 * had, -ENOBUFS where there was no slot, which is counted.
 */
int fl_record_emit(struct faultline_record *record, struct fl_blocks *blocks);

#endif /* _FL_RECORD_H */
