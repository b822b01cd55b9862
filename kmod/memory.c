// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory: what a process uses when it comes to its end. Counters alone are read:
 * nothing sleeps, and the lock of the mappings is not needed.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "block.h"
#include "capture.h"
#include "memory.h"

static u64 bytes(u64 pages)
{
	return pages << PAGE_SHIFT;
}

static void memory_fill(struct faultline_memory *memory, struct mm_struct *mm)
{
	memory->size = bytes(mm->total_vm);
	memory->size_peak = bytes(max(mm->hiwater_vm, mm->total_vm));
	memory->anon = bytes(fl_mm_counter(mm, MM_ANONPAGES));
	memory->file = bytes(fl_mm_counter(mm, MM_FILEPAGES));
	memory->shmem = bytes(fl_mm_counter(mm, MM_SHMEMPAGES));
	memory->resident = memory->anon + memory->file + memory->shmem;
	memory->resident_peak = max(bytes(mm->hiwater_rss), memory->resident);
	memory->swap = bytes(fl_mm_counter(mm, MM_SWAPENTS));
	memory->stack = bytes(mm->stack_vm);
}

void fl_memory_take(struct fl_capture *capture)
{
	struct faultline_memory *memory;

	memory = fl_capture_block(capture, FAULTLINE_BLOCK_MEMORY, sizeof(*memory));
	if (memory)
		memory_fill(memory, current->mm);
}

struct fl_blocks *fl_memory_blocks_of(struct mm_struct *mm)
{
	struct fl_blocks *blocks = fl_blocks_take_spare();

	if (blocks)
		memory_fill(fl_blocks_add(blocks, FAULTLINE_BLOCK_MEMORY, 0,
					  sizeof(struct faultline_memory)), mm);
	return blocks;
}

/* What exit_mm() leaves: do_exit() has taken it down before. */
static struct fl_blocks *blocks_of_ended(void)
{
	struct fl_blocks *blocks = fl_blocks_take_spare();
	struct faultline_memory *memory;

	if (!blocks)
		return NULL;
	memory = fl_blocks_add(blocks, FAULTLINE_BLOCK_MEMORY, FAULTLINE_MEMORY_ENDED,
			       sizeof(*memory));
	memory->resident_peak = bytes(current->signal->maxrss);
	return blocks;
}

struct fl_blocks *fl_memory_blocks(void)
{
	return current->mm ? fl_memory_blocks_of(current->mm) : blocks_of_ended();
}
