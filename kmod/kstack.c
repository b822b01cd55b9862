// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel stacks of threads that sleep or wait for a CPU.
 *
 * On x86-64 by the unwinder, which is open to modules on every kernel, where
 * stack_trace_save_tsk() is not before 6.3. Elsewhere modules have nothing of
 * the kind, and there are no kernel stacks.
 */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#ifdef CONFIG_X86
#include <asm/unwind.h>
#endif
#include <linux/faultline.h>

#include "block.h"
#include "kstack.h"

#define NAME_LEN	48

/*
 * The thread may wake while its stack is read: the unwinder takes no word for
 * granted, and the stack's memory stays for the RCU grace period.
 */
void fl_kstack_take(struct fl_kstack *stack, struct task_struct *task)
{
	stack->count = 0;
#ifdef CONFIG_X86
	struct unwind_state state;
	unsigned long address;

	if (!READ_ONCE(task->stack) || READ_ONCE(task->on_cpu))
		return;
	for (unwind_start(&state, task, NULL, NULL);
	     !unwind_done(&state) && stack->count < FL_KSTACK_MAX;
	     unwind_next_frame(&state)) {
		address = unwind_get_return_address(&state);
		if (!address)
			break;
		stack->frames[stack->count++] = address;
	}
#endif
}

static void kstack_name(unsigned long frame, char *name, size_t size)
{
	snprintf(name, size, "%ps", (void *)frame);
}

void fl_kstack_wchan(const struct fl_kstack *stack, char *name, size_t size)
{
	unsigned int i;

	for (i = 0; i < stack->count; i++) {
		kstack_name(stack->frames[i], name, size);
		if (!strstr(name, "schedule") && !strstr(name, "__switch_to"))
			return;
	}
	*name = 0;
}

void fl_kstack_add(const struct fl_kstack *stack, pid_t tid, struct fl_blocks *blocks)
{
	u32 room = round_down(fl_blocks_left(blocks), 8);
	struct faultline_kstack_block *block;
	u32 size = sizeof(*block);
	char name[NAME_LEN];
	unsigned int i;
	u32 len;

	if (!stack->count)
		return;
	block = fl_blocks_add(blocks, FAULTLINE_BLOCK_KSTACK, 0, room);
	if (!block)
		return;
	block->tid = tid;
	for (i = 0; i < stack->count; i++) {
		kstack_name(stack->frames[i], name, sizeof(name));
		len = strlen(name) + 1;
		if (size + len > room)
			break;
		memcpy((void *)block + size, name, len);
		size += len;
		block->count++;
	}
	fl_blocks_trim(blocks, &block->block, size);
}
