/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_KFUNC_H
#define _FL_KFUNC_H

#include <linux/types.h>

/*
 * faultline_emit() and faultline_watch() are there for BPF programs, once the module is loaded and
 * where it has BTF (/sys/kernel/btf/faultline). It needs no undoing: whoever
 * may call it holds the module.
 */
void fl_kfunc_init(void);

/* Records that programs handed over and that were not taken, ever. */
u64 fl_kfunc_refused(void);

/* The kfuncs themselves; nothing in the module calls them. */
int faultline_emit(void *record, u32 record__sz);
u32 faultline_watch(void);

#endif /* _FL_KFUNC_H */
