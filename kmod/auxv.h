/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_AUXV_H
#define _FL_AUXV_H

struct fl_capture;

/* Add what the kernel told the current program at its start: where it is, and its interpreter. */
void fl_auxv_take(struct fl_capture *capture);

#endif /* _FL_AUXV_H */
