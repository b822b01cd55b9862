// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault addresses: why one could not be used. Of what the kernel refused it
 * tells no more than "not mapped" and "no rights"; the mappings around the
 * address and the thread's stack pointer tell the rest.
 */
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/sizes.h>
#if defined(CONFIG_X86_64)
#include <asm/trap_pf.h>
#elif defined(CONFIG_ARM64)
#include <asm/esr.h>
#endif

#include "address.h"
#include "capture.h"
#include "maps.h"
#include "process.h"

/* An index or a member behind a null pointer; nothing is mapped there by default. */
#define NULL_END	SZ_64K
/* How far from its stack pointer a thread's own use of its stack is. */
#define STACK_REACH	SZ_64K

/* What was tried: FAULTLINE_MAP_*, 0 where the processor does not tell. */
static u32 address_access(u64 error_code)
{
#if defined(CONFIG_X86_64)
	if (error_code & X86_PF_INSTR)
		return FAULTLINE_MAP_EXEC;
	return error_code & X86_PF_WRITE ? FAULTLINE_MAP_WRITE : FAULTLINE_MAP_READ;
#elif defined(CONFIG_ARM64)
	if (ESR_ELx_EC(error_code) == ESR_ELx_EC_IABT_LOW)
		return FAULTLINE_MAP_EXEC;
	if (ESR_ELx_EC(error_code) != ESR_ELx_EC_DABT_LOW)
		return 0;
	return error_code & ESR_ELx_WNR && !(error_code & ESR_ELx_CM) ?
	       FAULTLINE_MAP_WRITE : FAULTLINE_MAP_READ;
#endif
}

static bool address_is_near(u64 address, unsigned long sp)
{
	return address >= sp - min_t(unsigned long, sp, STACK_REACH);
}

/* The stack that the thread is on begins here, or it has gone below it. */
static bool stack_begins_at(unsigned long start, unsigned long end, unsigned long sp)
{
	return sp < end && sp < start + STACK_REACH;
}

/*
 * A growing stack that may not grow: the address is below it, and near the
 * stack pointer. A thread's stack has a guard below it: a mapping without
 * rights, or pages of its own mapping that nobody may touch.
 */
static bool address_is_stack(const struct faultline_address *at, unsigned long sp)
{
	const u32 rights = FAULTLINE_MAP_READ | FAULTLINE_MAP_WRITE | FAULTLINE_MAP_EXEC;
	bool inside = at->address < at->below_end;

	if (!address_is_near(at->address, sp))
		return false;
	if (!inside)
		return at->above_flags & FAULTLINE_MAP_GROWS &&
		       stack_begins_at(at->above_start, at->above_end, sp);
	if (!(at->below_flags & rights))
		return at->above_start == at->below_end &&
		       at->above_flags & FAULTLINE_MAP_WRITE &&
		       stack_begins_at(at->above_start, at->above_end, sp);
	return at->below_flags & at->access & FAULTLINE_MAP_WRITE &&
	       sp >= at->below_start && stack_begins_at(at->address, at->below_end, sp);
}

static u32 address_what(const struct faultline_address *at,
			const struct fl_candidate *candidate)
{
	if (at->address < NULL_END)
		return FAULTLINE_ADDRESS_NULL;
	if (at->address >= TASK_SIZE)
		return FAULTLINE_ADDRESS_KERNEL;
	if (candidate->signo == SIGBUS)
		return FAULTLINE_ADDRESS_BEYOND;
	if (address_is_stack(at, user_stack_pointer(task_pt_regs(current))))
		return FAULTLINE_ADDRESS_STACK;
	return at->address < at->below_end ? FAULTLINE_ADDRESS_PROTECTION :
					     FAULTLINE_ADDRESS_UNMAPPED;
}

/* The mapping that has the address, or those on both sides of it. */
static void address_look(struct faultline_address *at)
{
	struct vm_area_struct *below, *above;

	VMA_ITERATOR(vmi, current->mm, at->address);

	above = vma_next(&vmi);
	if (!above)
		return;
	if (above->vm_start <= at->address) {
		below = above;
		above = vma_next(&vmi);
	} else {
		below = vma_prev(&vmi);
	}
	if (below) {
		at->below_start = below->vm_start;
		at->below_end = below->vm_end;
		at->below_flags = fl_maps_flags(below);
	}
	if (above) {
		at->above_start = above->vm_start;
		at->above_end = above->vm_end;
		at->above_flags = fl_maps_flags(above);
	}
}

void fl_address_take(struct fl_capture *capture, const struct fl_candidate *candidate)
{
	struct faultline_address *at;

	if (!candidate || !candidate->fault || !mmap_read_trylock(current->mm))
		return;
	at = fl_capture_block(capture, FAULTLINE_BLOCK_ADDRESS, sizeof(*at));
	if (!at)
		goto unlock;
	at->what = FAULTLINE_ADDRESS_NONE;
	if (candidate->code == SI_KERNEL)
		goto unlock;
	at->address = candidate->address;
	at->access = address_access(candidate->error_code);
	address_look(at);
	at->what = address_what(at, candidate);
unlock:
	mmap_read_unlock(current->mm);
}
