// SPDX-License-Identifier: GPL-2.0-only
/* Does sched_process_exit tell its probes that the whole process is dead? */
#include <trace/events/sched.h>

void faultline_test(void);

static void probe(void *data, struct task_struct *task, bool group_dead)
{
}

void faultline_test(void)
{
	check_trace_callback_type_sched_process_exit(probe);
}
