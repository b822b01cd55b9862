/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, in one place. HAVE_* come from the tests in
 * configure/; Kbuild puts this file in front of every source, so the others
 * are written as for the newest kernel.
 */
#ifndef _FL_COMPAT_H
#define _FL_COMPAT_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <net/genetlink.h>
#ifdef CONFIG_X86
#include <asm/thread_info.h>
#endif

#ifndef CONFIG_64BIT
#error "faultline needs a 64-bit kernel: its counters are read without a lock"
#endif

#if defined(CONFIG_CFI_CLANG) || defined(CONFIG_CFI)
#error "faultline cannot be unloaded safely under kernel CFI: see fl_twork_retire()"
#endif

#ifndef GENL_MCAST_CAP_NET_ADMIN
#error "faultline needs a kernel that can close a multicast group to users without CAP_NET_ADMIN"
#endif

#ifndef PF_USER_WORKER
#define PF_USER_WORKER 0
#endif

/* The enumerator came with the flags of task_work_add(). */
#ifdef HAVE_TWAF_NO_ALLOC
#define FL_TWA_RESUME (TWA_RESUME | TWAF_NO_ALLOC)
#else
#define FL_TWA_RESUME TWA_RESUME
#endif

/* What tells sparse of a lock; newer kernels are checked by clang. */
#ifndef __cond_lock
#define __cond_lock(lock, locked) (locked)
#endif

/* kfuncs have had their own macros since they became many. */
#ifndef __bpf_kfunc
#define __bpf_kfunc __used noinline
#endif

#ifndef __bpf_kfunc_start_defs
#define __bpf_kfunc_start_defs()						\
	__diag_push();								\
	__diag_ignore_all("-Wmissing-prototypes", "only BPF programs call them")
#define __bpf_kfunc_end_defs() __diag_pop()
#endif

#ifndef BTF_KFUNCS_START
#define BTF_KFUNCS_START BTF_SET8_START
#define BTF_KFUNCS_END BTF_SET8_END
#endif

#if defined(CONFIG_X86_64) && !defined(rdmsrl)
#define rdmsrl(msr, val) rdmsrq(msr, val)
#endif

static inline struct nlattr **fl_dump_attrs(struct netlink_callback *cb)
{
#ifdef HAVE_GENL_INFO_DUMP
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

#ifdef CONFIG_X86_64
static inline struct fpstate *fl_fpstate(struct task_struct *task)
{
#ifdef HAVE_X86_TASK_FPU
	return x86_task_fpu(task)->fpstate;
#else
	return task->thread.fpu.fpstate;
#endif
}
#endif

static inline const struct path *fl_file_path(const struct file *file)
{
#ifdef HAVE_FILE_USER_PATH
	return file_user_path(file);
#else
	return &file->f_path;
#endif
}

/*
 * Under rcu_read_lock(). The kernel's own for_each_thread() asks lockdep for a
 * lock that modules cannot link with.
 */
#define fl_for_each_thread(task, thread) \
	list_for_each_entry_rcu(thread, &(task)->signal->thread_head, thread_node)

/*
 * The last thread of a process may see signal->live reach 0 together with
 * others that exit at the same time: whoever asks must bear with several "yes".
 */
static inline bool fl_group_dead(struct task_struct *task)
{
	return !atomic_read(&task->signal->live);
}

#ifdef HAVE_PROCESS_EXIT_GROUP_DEAD
#define FL_PROCESS_EXIT_ARGS struct task_struct *task, bool group_dead
#else
#define FL_PROCESS_EXIT_ARGS struct task_struct *task
#endif

/*
 * Pages that @mm has of a kind. The kernel's get_mm_counter() leaves out what its
 * CPUs, or threads, have not added up yet, which is most of a small process.
 */
static inline u64 fl_mm_counter(struct mm_struct *mm, int member)
{
#ifdef HAVE_MM_COUNTER_PERCPU
	return percpu_counter_sum_positive(&mm->rss_stat[member]);
#else
	s64 pages = atomic_long_read(&mm->rss_stat.count[member]);

#ifdef SPLIT_RSS_COUNTING
	if (current->mm == mm)
		pages += current->rss_stat.count[member];
#endif
	return max_t(s64, pages, 0);
#endif
}

#ifdef HAVE_MARK_VICTIM_TASK
#define FL_MARK_VICTIM_ARGS struct task_struct *task, uid_t uid
#else
#define FL_MARK_VICTIM_ARGS int pid
#endif

/*
 * The user registers of another task, or NULL. Under rcu_read_lock(), in which
 * a stack is freed no earlier than the next grace period; they may be of any
 * moment, and torn.
 */
static inline struct pt_regs *fl_task_regs(struct task_struct *task)
{
	unsigned long stack = (unsigned long)READ_ONCE(task->stack);

	if (!stack)
		return NULL;
#ifdef CONFIG_X86
	stack -= TOP_OF_KERNEL_STACK_PADDING;
#endif
	return (struct pt_regs *)(stack + THREAD_SIZE) - 1;
}

/* Its system calls have the numbers of another architecture. */
static inline bool fl_task_compat(struct task_struct *task)
{
#if defined(CONFIG_X86) && defined(CONFIG_COMPAT)
	return task_thread_info(task)->status & TS_COMPAT;
#elif defined(CONFIG_ARM64) && defined(CONFIG_COMPAT)
	return is_compat_thread(task_thread_info(task));
#else
	return false;
#endif
}

#endif /* _FL_COMPAT_H */
