// SPDX-License-Identifier: GPL-2.0-only
/* Can task_work_add() be told not to allocate? */
#include <linux/task_work.h>

int faultline_test(struct task_struct *task, struct callback_head *work);

int faultline_test(struct task_struct *task, struct callback_head *work)
{
	return task_work_add(task, work, TWA_RESUME | TWAF_NO_ALLOC);
}
