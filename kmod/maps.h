/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_MAPS_H
#define _FL_MAPS_H

#include <linux/types.h>
#include <linux/faultline.h>

/**
 * fl_maps_take() - list the mappings of the current process
 * @maps: room of FAULTLINE_MAPS_MAX bytes, aligned to 8
 *
 * In the context of a task work. Does not wait for the mappings' lock nor for
 * a page; it may sleep for a moment where a path is renamed, on PREEMPT_RT.
 *
 * Return: bytes of the list, which is maps->len; 0 where somebody else is about
 * to change the mappings, and @maps is not set then.
 */
u32 fl_maps_take(struct faultline_maps *maps);

#endif /* _FL_MAPS_H */
