/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_MEMORY_H
#define _FL_MEMORY_H

struct fl_blocks;
struct fl_capture;
struct mm_struct;

/* Add what the current process uses. */
void fl_memory_take(struct fl_capture *capture);

/**
 * fl_memory_blocks() - the same, for a record without capture
 *
 * Of a process that has given up its memory, what is left to know. Any context
 * but NMI.
 *
 * Return: of the pool; NULL where there is none to spare.
 */
struct fl_blocks *fl_memory_blocks(void);

/* Of another process, whose @mm stays while this runs. */
struct fl_blocks *fl_memory_blocks_of(struct mm_struct *mm);

#endif /* _FL_MEMORY_H */
