// SPDX-License-Identifier: GPL-2.0-only
/* Is a task's floating point state found by a function? */
#include <linux/sched.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/processor.h>

struct fpu *faultline_test(struct task_struct *task);

struct fpu *faultline_test(struct task_struct *task)
{
	return x86_task_fpu(task);
}
