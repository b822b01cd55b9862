// SPDX-License-Identifier: GPL-2.0-only
/*
 * Task works: how the module gets into a thread that is about to die, at a
 * point where it can look around. get_signal() begins by running them.
 */
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/oom.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>

#include "candidate.h"
#include "cost.h"
#include "twork.h"

/**
 * struct fl_twork - one work of the pool
 * @head: first, so that a pointer to it can be given to kfree()
 * @node: in @free, @pending or @orphans
 * @candidate: fl_candidate::id
 */
struct fl_twork {
	struct callback_head head;
	struct list_head node;
	u32 candidate;
};

/*
 * @free: ready for use
 * @pending: queued on some task and not yet begun
 * @orphans: begun after fl_twork_retire() had given them up
 * @running: works that are in none of these lists
 */
static struct {
	raw_spinlock_t lock;
	struct list_head free;
	struct list_head pending;
	struct list_head orphans;
	unsigned int running;
} works = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(works.lock),
	.free = LIST_HEAD_INIT(works.free),
	.pending = LIST_HEAD_INIT(works.pending),
	.orphans = LIST_HEAD_INIT(works.orphans),
};

static void twork_capture(u32 candidate)
{
	u64 begin = fl_cost_begin();

	fl_candidate_capture(candidate);
	fl_cost_end(FL_COST_CAPTURE, begin);
}

/* What is outside of @running may not sleep: see fl_twork_retire(). */
static void twork_run(struct callback_head *head)
{
	struct fl_twork *work = container_of(head, struct fl_twork, head);
	unsigned long flags;
	bool orphan;

	raw_spin_lock_irqsave(&works.lock, flags);
	orphan = list_empty(&work->node);
	if (orphan)
		list_add(&work->node, &works.orphans);
	else
		list_del_init(&work->node);
	works.running += !orphan;
	raw_spin_unlock_irqrestore(&works.lock, flags);
	if (orphan)
		return;

	/* In exit the mm is gone; an OOM victim is to go without delay. */
	if (!(current->flags & PF_EXITING) && !tsk_is_oom_victim(current)) {
		twork_capture(work->candidate);
		fl_candidate_hold(work->candidate);
	}

	raw_spin_lock_irqsave(&works.lock, flags);
	list_add(&work->node, &works.free);
	works.running--;
	raw_spin_unlock_irqrestore(&works.lock, flags);
}

bool fl_twork_queue(struct task_struct *task, u32 candidate)
{
	struct fl_twork *work;
	unsigned long flags;

	raw_spin_lock_irqsave(&works.lock, flags);
	work = list_first_entry_or_null(&works.free, struct fl_twork, node);
	if (work)
		list_move(&work->node, &works.pending);
	raw_spin_unlock_irqrestore(&works.lock, flags);
	if (!work)
		return false;

	work->candidate = candidate;
	init_task_work(&work->head, twork_run);
	if (!task_work_add(task, &work->head, FL_TWA_RESUME))
		return true;

	raw_spin_lock_irqsave(&works.lock, flags);
	list_move(&work->node, &works.free);
	raw_spin_unlock_irqrestore(&works.lock, flags);
	return false;
}

static void twork_free_list(struct list_head *list)
{
	struct fl_twork *work, *next;

	list_for_each_entry_safe(work, next, list, node)
		kfree(work);
	INIT_LIST_HEAD(list);
}

/*
 * A work can be pending for as long as its task is stopped, traced or stuck in
 * the kernel, and a module cannot take it back: task_work_cancel() is not
 * exported. So each pending work is turned into one that frees itself, and is
 * the task's own from then on: its function becomes kfree(), which takes the
 * work's address and outlives the module. The probes are gone, so nothing is
 * queued while this runs. Each work that is pending now is
 *
 *  (a) still in its task's list. task_work_run() loads ->func after this store
 *      and calls kfree(); the work's memory is not looked at afterwards, since
 *      ->next was read before.
 *  (b) taken by a task that has loaded the old ->func and not yet got as far as
 *      the lock in twork_run(). The node is empty when it gets there, so it
 *      leaves the work among the orphans, which are freed below.
 *
 * A work that is not pending any more is (c) being run by twork_run(). It may
 * sleep, for a moment (a path's name takes locks that sleep on PREEMPT_RT; what
 * could last, pages and the lock of the mappings, is not waited for; a thread
 * that is held was woken by fl_hold_close() and none is held after it). It is
 * counted as running from the lock at its begin to the lock at its end, and is
 * waited for; no work comes to be running after that, as none is pending.
 *
 * The tasks of (b), and those of (c) behind their last lock, are between the
 * load of ->func and the return from twork_run(). Nothing there goes to sleep
 * of its own accord (locks are raw), and synchronize_rcu_tasks() waits until
 * each task has slept of its own accord or been in user space. After it no
 * task is in this module's code. Where kernels have no preemption it is
 * synchronize_rcu(), which then says the same.
 *
 * This stands without kernel CFI, which would compare kfree()'s type with that
 * of a task work; compat.h refuses to build there. With IBT alone it is sound:
 * kfree() is an exported function, begins with ENDBR, and is called through
 * pointers in the kernel itself.
 */
void fl_twork_retire(void)
{
	struct fl_twork *work, *next;
	unsigned int given = 0;
	unsigned long flags;

	static_assert(!offsetof(struct fl_twork, head));

	raw_spin_lock_irqsave(&works.lock, flags);
	list_for_each_entry_safe(work, next, &works.pending, node) {
		list_del_init(&work->node);
		/* The work may be freed as soon as this can be seen. */
		smp_store_release(&work->head.func, (task_work_func_t)(void *)kfree);
		given++;
	}
	raw_spin_unlock_irqrestore(&works.lock, flags);

	while (READ_ONCE(works.running))
		usleep_range(100, 1000);
	synchronize_rcu_tasks();

	if (given)
		pr_debug("%u works left to their tasks\n", given);
	twork_free_list(&works.orphans);
}

int fl_twork_init(unsigned int count)
{
	struct fl_twork *work;

	while (count--) {
		work = kzalloc(sizeof(*work), GFP_KERNEL);
		if (!work) {
			fl_twork_exit();
			return -ENOMEM;
		}
		list_add(&work->node, &works.free);
	}
	return 0;
}

void fl_twork_exit(void)
{
	twork_free_list(&works.free);
}
