// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floating point registers. The kernel's own functions that save them are not
 * for modules; the instruction is. Where the kernel has put the registers away
 * they are read from there. On arm64 a module can reach neither.
 */
#include <linux/irqflags.h>
#include <linux/sched.h>
#ifdef CONFIG_X86_64
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#endif

#include "capture.h"
#include "fpregs.h"

#ifdef CONFIG_X86_64

/* What the processor has, and did not write out because it is as after reset. */
static void fpregs_init_state(struct fxregs_state *regs, u64 features)
{
	u32 mxcsr = regs->mxcsr;

	if (!(features & XFEATURE_MASK_FP)) {
		memset(regs, 0, offsetof(struct fxregs_state, mxcsr));
		memset(regs->st_space, 0, sizeof(regs->st_space));
		regs->cwd = 0x37f;
	}
	if (!(features & XFEATURE_MASK_SSE)) {
		memset(regs->xmm_space, 0, sizeof(regs->xmm_space));
		/* Written with AVX's state as well, which may be there alone. */
		regs->mxcsr = features & XFEATURE_MASK_YMM ? mxcsr : MXCSR_DEFAULT;
	}
}

void fl_fpregs_take(struct fl_capture *capture)
{
	struct faultline_fpregs *block;
	const union fpregs_state *saved;
	struct fxregs_state *regs;
	unsigned long flags;
	/* FXSAVE wants 16 bytes of alignment, which records do not have. */
	u8 room[sizeof(*regs) + 15];

	static_assert(sizeof(*regs) == sizeof(block->regs));

	if (!boot_cpu_has(X86_FEATURE_FXSR))
		return;
	block = fl_capture_block(capture, FAULTLINE_BLOCK_FPREGS, sizeof(*block));
	if (!block)
		return;
	regs = PTR_ALIGN((void *)room, 16);
	/* No interrupt may use the registers, and so put them away, in between. */
	local_irq_save(flags);
	if (!test_thread_flag(TIF_NEED_FPU_LOAD)) {
		asm volatile("fxsave64 %0" : "=m" (*regs));
	} else {
		saved = &fl_fpstate(current)->regs;
		*regs = saved->fxsave;
		if (boot_cpu_has(X86_FEATURE_XSAVE))
			fpregs_init_state(regs, saved->xsave.header.xfeatures);
	}
	local_irq_restore(flags);
	memcpy(block->regs, regs, sizeof(block->regs));
}

#else

void fl_fpregs_take(struct fl_capture *capture)
{
}

#endif
