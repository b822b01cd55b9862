/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of the current thread at the moment of its fault: registers in the
 * architecture's user_regs_struct order, and the top of its stack. Nothing here
 * sleeps: a page that is not in memory ends the stack.
 */
#ifndef CAPTURE_BPF_H
#define CAPTURE_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <linux/faultline.h>

#include "kernel.h"
#include "mappings.bpf.h"
#include "probes.h"

#define STACK_CHUNK	512

#if defined(__TARGET_ARCH_x86)

/* struct user_regs_struct: pt_regs first, with cs, ss at 17 and 20; then these. */
enum {
	REGS_CS = 17,
	REGS_SS = 20,
	REGS_FS_BASE = 21,
	REGS_GS_BASE,
	REGS_DS,
	REGS_ES,
	REGS_FS,
	REGS_GS,
	REGS_COUNT,
};

static __always_inline u64 capture_regs(struct faultline_capture *capture,
					struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	capture->arch = FAULTLINE_ARCH_X86_64;
	capture->nregs = REGS_COUNT;
	bpf_probe_read_kernel(capture->regs, REGS_FS_BASE * sizeof(u64), regs);
	/* With FRED the upper bits of these two words tell of the event. */
	capture->regs[REGS_CS] &= 0xffff;
	capture->regs[REGS_SS] &= 0xffff;
	capture->regs[REGS_FS_BASE] = task->thread.fsbase;
	capture->regs[REGS_GS_BASE] = task->thread.gsbase;
	capture->regs[REGS_DS] = task->thread.ds;
	capture->regs[REGS_ES] = task->thread.es;
	capture->regs[REGS_FS] = task->thread.fsindex;
	capture->regs[REGS_GS] = task->thread.gsindex;
	return regs->sp;
}

static __always_inline void capture_trap(struct faultline_record *record,
					 struct task_struct *task)
{
	record->trapno = task->thread.trap_nr;
	record->error_code = task->thread.error_code;
}

#elif defined(__TARGET_ARCH_arm64)

#define REGS_COUNT 34	/* struct user_pt_regs: regs, sp, pc, pstate */

static __always_inline u64 capture_regs(struct faultline_capture *capture,
					struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	capture->arch = FAULTLINE_ARCH_AARCH64;
	capture->nregs = REGS_COUNT;
	bpf_probe_read_kernel(capture->regs, REGS_COUNT * sizeof(u64), regs);
	return regs->sp;
}

static __always_inline void capture_trap(struct faultline_record *record,
					 struct task_struct *task)
{
	record->error_code = task->thread.fault_code;
}

#else
#error "The probes know x86-64 and arm64."
#endif

/* Reads to the next border of a chunk, then whole chunks, so that no page border is inside one. */
static __always_inline u32 capture_stack(u8 *stack, u64 from)
{
	u32 size = STACK_CHUNK - (from & (STACK_CHUNK - 1));

	if (bpf_probe_read_user(stack, size, (void *)from))
		return 0;
#pragma unroll
	for (int i = 1; i < PROBES_STACK_MAX / STACK_CHUNK; i++) {
		if (bpf_probe_read_user(stack + size, STACK_CHUNK,
					(void *)(from + size)))
			break;
		size += STACK_CHUNK;
		/* An "or" in place of the sum would hide the bound from the verifier. */
		barrier_var(size);
	}
	return size;
}

/* The mappings behind the stack; 0 where there are none to be had. */
static __always_inline u32 capture_mappings(struct faultline_capture *capture, struct task_struct *task)
{
	struct mappings *here = mappings_here();
	u32 behind, size;

	if (!here)
		return 0;
	size = mappings_take(here, task);
	behind = (capture->stack_len + 7) & ~7U;
	if (!size || size > PROBES_MAPS_MAX || behind > PROBES_STACK_MAX)
		return 0;
	bpf_probe_read_kernel((u8 *)(capture + 1) + behind, size, here->list);
	return size;
}

/*
 * Fills in what follows the record: a whole capture with PROBES_STACK_MAX bytes of stack, and PROBES_MAPS_MAX of
 * mappings, must have room; returns the bytes that are used.
 */
static __always_inline u32 capture_take(struct faultline_record *record, struct task_struct *task)
{
	struct faultline_capture *capture = (void *)(record + 1);
	u64 begin = bpf_ktime_get_ns();
	u32 maps;
	u64 sp;

	__builtin_memset(capture, 0, sizeof(*capture));
	sp = capture_regs(capture, task);
	capture->stack_addr = sp & ~7ULL;
	capture->stack_len = capture_stack((u8 *)(capture + 1),
					   capture->stack_addr);
	record->flags |= FAULTLINE_F_CAPTURE;
	maps = capture_mappings(capture, task);
	if (maps)
		record->flags |= FAULTLINE_F_MAPS;
	capture->cost_ns = bpf_ktime_get_ns() - begin;
	return sizeof(*capture) + ((capture->stack_len + 7) & ~7U) + maps;
}

#endif /* CAPTURE_BPF_H */
