// SPDX-License-Identifier: GPL-2.0-only
/* Does mark_victim tell its probes which task it is, not its number alone? */
#include <trace/events/oom.h>

void faultline_test(void);

static void probe(void *data, struct task_struct *task, uid_t uid)
{
}

void faultline_test(void)
{
	check_trace_callback_type_mark_victim(probe);
}
