// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/priority.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PRIORITY_NICE	(-10)
/* The least that the scheduler takes (kernel/sched/syscalls.c). */
#define PRIORITY_SLICE_NS 100000
/* include/uapi/linux/sched.h: SCHED_FLAG_RESET_ON_FORK */
#define RESET_ON_FORK	1

/* include/uapi/linux/sched/types.h: struct sched_attr, its first version */
struct attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
};

int priority_raise(void)
{
	struct attributes attributes = {
		.size = sizeof(attributes),
		.policy = SCHED_OTHER,
		.flags = RESET_ON_FORK,
		.nice = PRIORITY_NICE,
		.runtime = PRIORITY_SLICE_NS,
	};

	return syscall(SYS_sched_setattr, 0, &attributes, 0) ? -errno : 0;
}
