// SPDX-License-Identifier: GPL-2.0-only
/*
 * Held threads: they wait in their task work, with memory, registers and all
 * other threads as they were at the fault, so that somebody can look at it.
 *
 * The fatal signal is pending for the thread all the while, so no sleep that a
 * signal interrupts would be one. It sleeps killable, and looks up now and then
 * for what does not wake such a sleep: a debugger that attaches. The thread then
 * goes on into get_signal(), which stops it for the debugger with its fatal
 * signal before it, and the registers of the fault.
 *
 * A stop of the whole process, or a frozen cgroup, waits until the hold is over,
 * as those wait for any thread in the kernel. The freezer of a suspend does not:
 * the sleep is freezable.
 */
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "hold.h"

/* Each has a task work of the pool; the rest is for faults that are not held. */
#define HOLDS_MAX	32
/* How soon a debugger that attaches has its stop. */
#define LOOK_UP		(HZ / 50 + 1)

static struct {
	raw_spinlock_t lock; /* of all */
	struct list_head held;
	unsigned int count;
	bool closed;
} holds = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(holds.lock),
	.held = LIST_HEAD_INIT(holds.held),
};

bool fl_hold_begin(struct fl_hold *hold, u32 watch)
{
	unsigned long flags;
	bool begun = false;

	hold->watch = watch;
	hold->task = current;
	hold->released = false;
	raw_spin_lock_irqsave(&holds.lock, flags);
	if (!holds.closed && holds.count < HOLDS_MAX) {
		list_add_tail(&hold->node, &holds.held);
		holds.count++;
		begun = true;
	}
	raw_spin_unlock_irqrestore(&holds.lock, flags);
	return begun;
}

bool fl_hold_any(u32 watch)
{
	struct fl_hold *hold;
	unsigned long flags;
	bool any = false;

	raw_spin_lock_irqsave(&holds.lock, flags);
	list_for_each_entry(hold, &holds.held, node)
		any |= hold->watch == watch;
	raw_spin_unlock_irqrestore(&holds.lock, flags);
	return any;
}

static void hold_end(struct fl_hold *hold)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&holds.lock, flags);
	list_del(&hold->node);
	holds.count--;
	raw_spin_unlock_irqrestore(&holds.lock, flags);
}

void fl_hold_wait(struct fl_hold *hold, u32 ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	for (;;) {
		/* It is no load, and no thread that is stuck: whoever looks for those is told. */
		set_current_state(TASK_KILLABLE | TASK_FREEZABLE | TASK_NOLOAD);
		if (READ_ONCE(hold->released) || fatal_signal_pending(current) ||
		    READ_ONCE(current->ptrace) || time_after_eq(jiffies, end))
			break;
		schedule_timeout(min_t(long, LOOK_UP, end - jiffies));
	}
	__set_current_state(TASK_RUNNING);
	hold_end(hold);
}

/* With the lock: a thread leaves the list before it goes anywhere else. */
static void hold_release(struct fl_hold *hold)
{
	WRITE_ONCE(hold->released, true);
	wake_up_process(hold->task);
}

void fl_hold_release(u32 watch)
{
	struct fl_hold *hold;
	unsigned long flags;

	raw_spin_lock_irqsave(&holds.lock, flags);
	list_for_each_entry(hold, &holds.held, node)
		if (hold->watch == watch)
			hold_release(hold);
	raw_spin_unlock_irqrestore(&holds.lock, flags);
}

void fl_hold_close(void)
{
	struct fl_hold *hold;
	unsigned long flags;

	raw_spin_lock_irqsave(&holds.lock, flags);
	holds.closed = true;
	list_for_each_entry(hold, &holds.held, node)
		hold_release(hold);
	raw_spin_unlock_irqrestore(&holds.lock, flags);
}
