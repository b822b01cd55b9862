/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_BLOCK_H
#define _FL_BLOCK_H

#include <linux/list.h>
#include <linux/faultline.h>

/* Bytes of the blocks that a buffer of the pool has room for. */
#define FL_BLOCKS_ROOM	1000

/**
 * struct fl_blocks - blocks of evidence, one behind the other
 * @node: in the pool; the owner's while it is taken
 * @len: bytes in use
 * @room: bytes of @data
 * @data: struct faultline_block, as they go out
 *
 * A buffer of the pool, or a part of something larger: fl_blocks_begin().
 */
struct fl_blocks {
	struct list_head node;
	u32 len;
	u32 room;
	u8 data[] __aligned(8);
};

int fl_blocks_init(unsigned int count);
void fl_blocks_exit(void);

/**
 * fl_blocks_take() - an empty buffer of the pool
 *
 * Any context but NMI. Return: to be given back with fl_blocks_put(); NULL where
 * none is free, and that is counted.
 */
struct fl_blocks *fl_blocks_take(void);

/* Likewise, as long as half of them are free: of ends there may be any number at once. */
struct fl_blocks *fl_blocks_take_spare(void);

/* @blocks may be NULL. */
void fl_blocks_put(struct fl_blocks *blocks);

/* As fl_blocks_take(), also where this CPU is in the midst of the pool: then there is none. */
struct fl_blocks *fl_blocks_try_take(void);

/* Begin blocks in a buffer of one's own, with @room bytes of data, a multiple of 8. */
static inline void fl_blocks_begin(struct fl_blocks *blocks, u32 room)
{
	INIT_LIST_HEAD(&blocks->node);
	blocks->len = 0;
	blocks->room = room;
}

/**
 * fl_blocks_add() - append a block
 * @size: of the structure that begins with struct faultline_block, and what follows
 *
 * Return: the block, zeroed behind its header and padded to 8 bytes; NULL where
 * it does not fit.
 */
void *fl_blocks_add(struct fl_blocks *blocks, u16 type, u16 flags, u32 size);

/* Cut @block, the last one, to @size bytes, padded; its room is free again. */
void fl_blocks_trim(struct fl_blocks *blocks, struct faultline_block *block, u32 size);

/* Bytes that a block could still have. */
static inline u32 fl_blocks_left(const struct fl_blocks *blocks)
{
	return blocks->room - blocks->len;
}

void fl_blocks_counts(u64 *taken, u64 *missed);

#endif /* _FL_BLOCK_H */
