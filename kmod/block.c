// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks: small evidence of a record, where a capture would be too much. The
 * buffers are a fixed pool, as those of captures are, and in use from when the
 * record is made until the supervisor acknowledges it.
 */
#include <linux/align.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "block.h"
#include "lock.h"

#define BLOCKS_STRIDE	ALIGN(sizeof(struct fl_blocks) + FL_BLOCKS_ROOM, 8)

static struct {
	raw_spinlock_t lock;
	struct list_head free;
	unsigned int left; /* that are free */
	unsigned int count;
	void *buffers;
	u64 taken;
	u64 missed;
} pool = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(pool.lock),
	.free = LIST_HEAD_INIT(pool.free),
};

/* With the lock held; @reserve of them stay. */
static struct fl_blocks *pool_take(unsigned int reserve)
{
	struct fl_blocks *blocks = NULL;

	if (pool.left > reserve)
		blocks = list_first_entry(&pool.free, struct fl_blocks, node);
	if (blocks) {
		list_del_init(&blocks->node);
		pool.left--;
		blocks->len = 0;
		pool.taken++;
	} else {
		pool.missed++;
	}
	return blocks;
}

static struct fl_blocks *blocks_take(bool spare)
{
	struct fl_blocks *blocks;
	unsigned long flags;

	raw_spin_lock_irqsave(&pool.lock, flags);
	blocks = pool_take(spare ? pool.count / 2 : 0);
	raw_spin_unlock_irqrestore(&pool.lock, flags);
	return blocks;
}

struct fl_blocks *fl_blocks_take(void)
{
	return blocks_take(false);
}

struct fl_blocks *fl_blocks_take_spare(void)
{
	return blocks_take(true);
}

struct fl_blocks *fl_blocks_try_take(void)
{
	struct fl_blocks *blocks;
	unsigned long flags;

	if (!fl_lock_try(&pool.lock, flags))
		return NULL;
	blocks = pool_take(0);
	raw_spin_unlock_irqrestore(&pool.lock, flags);
	return blocks;
}

void fl_blocks_put(struct fl_blocks *blocks)
{
	unsigned long flags;

	if (!blocks)
		return;
	raw_spin_lock_irqsave(&pool.lock, flags);
	list_add(&blocks->node, &pool.free);
	pool.left++;
	raw_spin_unlock_irqrestore(&pool.lock, flags);
}

void *fl_blocks_add(struct fl_blocks *blocks, u16 type, u16 flags, u32 size)
{
	struct faultline_block *block = (void *)blocks->data + blocks->len;

	if (size > fl_blocks_left(blocks))
		return NULL;
	size = ALIGN(size, 8);
	memset(block, 0, size);
	block->len = size;
	block->type = type;
	block->flags = flags;
	blocks->len += size;
	return block;
}

void fl_blocks_trim(struct fl_blocks *blocks, struct faultline_block *block, u32 size)
{
	size = ALIGN(size, 8);
	blocks->len -= block->len - size;
	block->len = size;
}

void fl_blocks_counts(u64 *taken, u64 *missed)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pool.lock, flags);
	*taken = pool.taken;
	*missed = pool.missed;
	raw_spin_unlock_irqrestore(&pool.lock, flags);
}

int fl_blocks_init(unsigned int count)
{
	unsigned int i;

	static_assert(FL_BLOCKS_ROOM % 8 == 0);
	static_assert(offsetof(struct fl_blocks, data) % 8 == 0);

	if (!count)
		return 0;
	pool.buffers = vzalloc(array_size(count, BLOCKS_STRIDE));
	if (!pool.buffers)
		return -ENOMEM;
	pool.count = count;
	for (i = 0; i < count; i++) {
		struct fl_blocks *blocks = pool.buffers + i * BLOCKS_STRIDE;

		fl_blocks_begin(blocks, FL_BLOCKS_ROOM);
		fl_blocks_put(blocks);
	}
	return 0;
}

void fl_blocks_exit(void)
{
	vfree(pool.buffers);
}
