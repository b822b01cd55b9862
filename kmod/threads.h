/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_THREADS_H
#define _FL_THREADS_H

struct fl_capture;

/* Add where the other threads of the current process are. They are not stopped. Does not sleep. */
void fl_threads_take(struct fl_capture *capture);

#endif /* _FL_THREADS_H */
