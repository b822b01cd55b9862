// SPDX-License-Identifier: GPL-2.0-only
/*
 * The other threads of a process that faults: where each of them is.
 *
 * They go on while they are looked at, and may end. A thread's registers are at
 * the top of its kernel stack, which is there until a grace period after the
 * thread has ended, or becomes another thread's stack; so they are read under
 * RCU, and whether the thread was still the same and still is asleep is asked
 * after. What a running thread left there is old, and is marked so.
 */
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <asm/syscall.h>

#include "capture.h"
#include "threads.h"

static unsigned long thread_switches(const struct task_struct *task)
{
	return READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

static bool thread_is_running(const struct task_struct *task)
{
#ifdef CONFIG_SMP
	return READ_ONCE(task->on_cpu);
#else
	return false;	/* the current one does */
#endif
}

static void thread_registers(struct faultline_thread *thread, struct task_struct *task)
{
	unsigned long before = thread_switches(task);
	bool running = thread_is_running(task);
	struct pt_regs regs;
	void *stack;

	smp_rmb(); /* the registers after both */
	stack = READ_ONCE(task->stack);
	if (!stack)
		return;
	regs = *task_pt_regs(task);
	smp_rmb(); /* and before what says whether they were worth it */
	if (READ_ONCE(task->flags) & PF_EXITING || READ_ONCE(task->stack) != stack)
		return;
	thread->pc = instruction_pointer(&regs);
	thread->sp = user_stack_pointer(&regs);
	if (running || thread_is_running(task) || thread_switches(task) != before)
		thread->flags |= FAULTLINE_THREAD_STALE;
	else
		thread->syscall = syscall_get_nr(task, &regs);
}

static void thread_describe(struct faultline_thread *thread, struct task_struct *task)
{
	thread->tid = task_pid_nr(task);
	thread->state = task_state_to_char(task);
	thread->syscall = -1;
	/* Not get_task_comm(), whose lock sleeps on PREEMPT_RT. */
	memcpy(thread->comm, task->comm, sizeof(thread->comm));
	thread->comm[sizeof(thread->comm) - 1] = 0;
	if (READ_ONCE(task->flags) & (PF_EXITING | PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
		thread->flags |= FAULTLINE_THREAD_KERNEL;
	else
		thread_registers(thread, task);
}

void fl_threads_take(struct fl_capture *capture)
{
	struct faultline_threads *list;
	struct task_struct *task;
	int total = get_nr_threads(current) - 1;
	u32 room = fl_capture_room(capture), max;

	if (total <= 0 || room < sizeof(*list))
		return;
	max = min_t(u32, total, (room - sizeof(*list)) / sizeof(list->threads[0]));
	max = min_t(u32, max, FAULTLINE_THREADS_MAX);
	list = fl_capture_block(capture, FAULTLINE_BLOCK_THREADS,
				struct_size(list, threads, max));
	if (!list)
		return;
	list->total = total;
	rcu_read_lock();
	fl_for_each_thread(current, task) {
		if (task == current)
			continue;
		if (list->count == max)
			break;
		thread_describe(&list->threads[list->count++], task);
	}
	rcu_read_unlock();
	fl_capture_trim(capture, &list->block, struct_size(list, threads, list->count));
}
