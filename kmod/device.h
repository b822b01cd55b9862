/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_DEVICE_H
#define _FL_DEVICE_H

int fl_device_init(void);

/* Also where it is open: those files are dead from then on. */
void fl_device_exit(void);

#endif /* _FL_DEVICE_H */
