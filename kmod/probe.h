/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_PROBE_H
#define _FL_PROBE_H

/* Return: 0, or -ENOENT where the kernel lacks a tracepoint. */
int fl_probe_init(void);

/* No probe is running or will run. */
void fl_probe_exit(void);

#endif /* _FL_PROBE_H */
