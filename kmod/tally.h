/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_TALLY_H
#define _FL_TALLY_H

#include <linux/types.h>

struct fl_blocks;
struct fl_process_view;
struct fl_tally;

/* Add what was found in a process to its watch. */
void fl_tally_add(const struct fl_process_view *view, const struct fl_tally *tally);

/**
 * fl_tally_tell() - record that a watched process or a thread of it hangs, or does no more
 * @watch: it must still belong to that
 * @tid: the thread, which may have ended
 * @comm: its name
 * @blocks: evidence, or NULL; is given back where there is no record
 */
void fl_tally_tell(pid_t tgid, u32 watch, pid_t tid, const char *comm, int type, int code,
		   struct fl_blocks *blocks);

#endif /* _FL_TALLY_H */
