/* SPDX-License-Identifier: GPL-2.0-only */
/* What a task_struct says of how the thread gets on. */
#ifndef SCHED_BPF_H
#define SCHED_BPF_H

#include <asm/unistd.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"
#include "progress.h"

/* include/linux/sched.h */
#define TASK_UNINTERRUPTIBLE	0x00000002
#define TASK_STOPPED		0x00000004
#define TASK_TRACED		0x00000008
#define TASK_NOLOAD		0x00000400
#define TASK_FROZEN		0x00008000
#define PF_EXITING		0x00000004
/* include/linux/sched/jobctl.h */
#define JOBCTL_TRAP_FREEZE	(1UL << 23)
#ifndef __NR_futex_waitv
#define __NR_futex_waitv	449
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sched_entity {
	u64 sum_exec_runtime;
};

struct task_struct___sched {
	unsigned int __state;
	unsigned int flags;
	unsigned int ptrace;
	struct sched_entity se;
	unsigned long jobctl;
	unsigned in_iowait : 1;
	unsigned in_memstall : 1;
	unsigned long nvcsw;
	unsigned long nivcsw;
};

struct pt_regs___call {
#if defined(__TARGET_ARCH_x86)
	unsigned long r10;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
#elif defined(__TARGET_ARCH_arm64)
	u64 regs[31];
	u64 pc;
	int syscallno;
#endif
};

#pragma clang attribute pop

#define SCHED(task) ((struct task_struct___sched *)(task))

static __always_inline u32 sched_state(struct task_struct *task)
{
	return SCHED(task)->__state;
}

static __always_inline bool sched_exiting(struct task_struct *task)
{
	return SCHED(task)->flags & PF_EXITING;
}

static __always_inline u64 sched_exec(struct task_struct *task)
{
	return SCHED(task)->se.sum_exec_runtime;
}

/* The same by an address that may be stale: then a number without meaning. */
static __always_inline u64 sched_exec_of(struct task_struct *task)
{
	return BPF_CORE_READ(SCHED(task), se.sum_exec_runtime);
}

/* Who the thread is, by an address likewise. */
static __always_inline void sched_identity(struct faultline_record *record, struct task_struct *task)
{
	if (!task)
		return;
	record->ptgid = BPF_CORE_READ(task, real_parent, tgid);
	record->uid = BPF_CORE_READ(task, real_cred, uid.val);
	bpf_probe_read_kernel_str(record->comm, sizeof(record->comm),
				  __builtin_preserve_access_index(&task->comm));
}

/* Is it kept from going on by somebody who may? By an address, likewise. */
static __always_inline bool sched_held(struct task_struct *task)
{
	return BPF_CORE_READ(SCHED(task), ptrace) ||
	       BPF_CORE_READ(SCHED(task), jobctl) & JOBCTL_TRAP_FREEZE ||
	       BPF_CORE_READ(SCHED(task), __state) & (TASK_STOPPED | TASK_TRACED | TASK_FROZEN);
}

/* What it waits for, where the kernel knows. */
static __always_inline u32 sched_wait(struct task_struct *task)
{
	u32 flags = 0;

	if (BPF_CORE_READ_BITFIELD(SCHED(task), in_iowait))
		flags |= PROGRESS_IOWAIT;
	if (bpf_core_field_exists(struct task_struct___sched, in_memstall) &&
	    BPF_CORE_READ_BITFIELD(SCHED(task), in_memstall))
		flags |= PROGRESS_RECLAIM;
	return flags;
}

/* The system call that the current thread is in, as /proc/PID/syscall has it; and what kind of wait that is. */
static __always_inline u32 sched_call(struct task_struct *task, s32 *nr, u64 *argument, u64 *ip)
{
	struct pt_regs___call *regs = (struct pt_regs___call *)bpf_task_pt_regs(task);
	u64 timeout;

#if defined(__TARGET_ARCH_x86)
	*nr = regs->orig_ax;
	*argument = regs->di;
	*ip = regs->ip;
	timeout = regs->r10;
#elif defined(__TARGET_ARCH_arm64)
	*nr = regs->syscallno;
	*argument = regs->regs[0];
	*ip = regs->pc;
	timeout = regs->regs[3];
#endif
	switch (*nr) {
	case __NR_futex:
	case __NR_futex_waitv:
		/* One with a time limit goes on by itself. */
		return timeout ? 0 : PROGRESS_FUTEX;
#ifdef __NR_vfork
	case __NR_vfork:
#endif
	case __NR_clone:
	case __NR_clone3:
		return PROGRESS_VFORK;
	}
	return 0;
}

#endif /* SCHED_BPF_H */
