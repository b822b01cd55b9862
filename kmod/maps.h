/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_MAPS_H
#define _FL_MAPS_H

#include <linux/types.h>
#include <linux/faultline.h>

struct vm_area_struct;

/**
 * fl_maps_take() - list the mappings of the current process
 * @maps: aligned to 8
 * @room: bytes that the list may take, FAULTLINE_MAPS_MAX at most
 *
 * In the context of a task work. Does not wait for the mappings' lock nor for
 * a page; it may sleep for a moment where a path is renamed, on PREEMPT_RT.
 *
 * Return: bytes of the list, which is maps->len; 0 where somebody else is about
 * to change the mappings or there is no room, and @maps is not set then.
 */
u32 fl_maps_take(struct faultline_maps *maps, u32 room);

/* FAULTLINE_MAP_* of a mapping, as far as they are its own. With the mappings' lock. */
u32 fl_maps_flags(const struct vm_area_struct *vma);

#endif /* _FL_MAPS_H */
