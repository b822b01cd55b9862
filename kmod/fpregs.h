/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_FPREGS_H
#define _FL_FPREGS_H

struct fl_capture;

/* Add the floating point registers of the current thread, where a module can have them. */
void fl_fpregs_take(struct fl_capture *capture);

#endif /* _FL_FPREGS_H */
