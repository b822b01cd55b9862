// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/priority.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
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

static bool raised;

static int attributes_set(uint32_t policy)
{
	struct attributes attributes = {
		.size = sizeof(attributes),
		.policy = policy,
		.flags = RESET_ON_FORK,
		.nice = PRIORITY_NICE,
		.runtime = PRIORITY_SLICE_NS,
	};

	return syscall(SYS_sched_setattr, 0, &attributes, 0) ? -errno : 0;
}

int priority_raise(void)
{
	int ret = attributes_set(SCHED_OTHER);

	raised = !ret;
	return ret;
}

static void about_to_wait(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	ev_prepare_stop(loop, prepare);
	attributes_set(SCHED_OTHER);
}

void priority_yield(struct ev_loop *loop)
{
	static ev_prepare prepare;

	if (!raised || ev_is_active(&prepare))
		return;
	attributes_set(SCHED_BATCH);
	ev_prepare_init(&prepare, about_to_wait);
	ev_prepare_start(loop, &prepare);
}
