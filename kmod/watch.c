// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches: what the supervisor asked to be told of.
 */
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "heartbeat.h"
#include "hold.h"
#include "process.h"
#include "trace.h"
#include "scan.h"
#include "watch.h"

/* Guarded by fl_process_lock. */
static struct {
	struct list_head list;
	unsigned int max;
	unsigned int count;
	unsigned int generation;
	u32 last_id;
} watches = {
	.list = LIST_HEAD_INIT(watches.list),
	.generation = 1,
};

static void watch_free(struct fl_watch *watch)
{
	pr_debug("watch %u destroyed\n", watch->id);
	put_pid(watch->pid);
	kfree(watch);
}

static void watch_free_rcu(struct rcu_head *rcu)
{
	watch_free(container_of(rcu, struct fl_watch, rcu));
}

void fl_watch_release(struct fl_watch *watch)
{
	lockdep_assert_held(&fl_process_lock);

	trace_faultline_watch_end(watch->id, watch->cookie);
	list_del_rcu(&watch->node);
	watches.count--;
	watches.generation++;
	call_rcu(&watch->rcu, watch_free_rcu);
}

/* From here on the watch may be gone at any time: only @id speaks of it. */
static int watch_link(struct fl_watch *watch, struct task_struct *task, u32 *id,
		      struct netlink_ext_ack *extack)
{
	unsigned long flags;
	int err = 0;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	if (fl_process_find(task_tgid_nr(task))) {
		NL_SET_ERR_MSG(extack, "this process is watched already");
		err = -EEXIST;
	} else if (watches.count == watches.max || watches.last_id == U32_MAX) {
		NL_SET_ERR_MSG(extack, "no more watches: module parameter max_watches");
		err = -ENOSPC;
	} else if (!fl_process_add(watch, task_tgid_nr(task), true)) {
		NL_SET_ERR_MSG(extack, "no more processes: module parameter max_processes");
		err = -ENOSPC;
	} else {
		watch->id = ++watches.last_id;
		fl_heartbeat_renew(watch);
		*id = watch->id;
		list_add_tail_rcu(&watch->node, &watches.list);
		watches.count++;
		watches.generation++;
		trace_faultline_watch_begin(watch->id, watch->cookie);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	return err;
}

int fl_watch_create(struct pid *pid, u64 cookie, const struct fl_settings *settings,
		    u32 *id, struct netlink_ext_ack *extack)
{
	struct task_struct *task;
	struct fl_watch *watch;
	int err;

	task = get_pid_task(pid, PIDTYPE_TGID);
	if (!task) {
		NL_SET_ERR_MSG(extack, "no process has this id");
		return -ESRCH;
	}
	err = -EINVAL;
	if (task->flags & PF_KTHREAD) {
		NL_SET_ERR_MSG(extack, "a kernel thread cannot be watched");
		goto put_task;
	}
	err = -ENOMEM;
	watch = kzalloc(sizeof(*watch), GFP_KERNEL);
	if (!watch)
		goto put_task;
	watch->cookie = cookie;
	watch->settings = *settings;
	watch->pid = get_pid(pid);
	watch->main = true;
	INIT_LIST_HEAD(&watch->processes);

	err = watch_link(watch, task, id, extack);
	if (err) {
		put_pid(watch->pid);
		kfree(watch);
		goto put_task;
	}
	pr_debug("watch %u created\n", *id);
	fl_limit_kick(settings);
	fl_scan_kick();
	/*
	 * The process may have ended before its entry was there to be found:
	 * then the exit probe has not seen it and never will. Pairs with the
	 * full barrier of the exit's atomic_dec_and_test(&signal->live).
	 */
	smp_mb();
	if (fl_group_dead(task) && !fl_watch_delete(*id)) {
		NL_SET_ERR_MSG(extack, "this process has ended");
		err = -ESRCH;
	}
put_task:
	put_task_struct(task);
	return err;
}

struct fl_watch *fl_watch_find(u32 id)
{
	struct fl_watch *watch;

	lockdep_assert_held(&fl_process_lock);

	list_for_each_entry(watch, &watches.list, node)
		if (watch->id == id)
			return watch;
	return NULL;
}

int fl_watch_delete(u32 id)
{
	struct fl_watch *watch;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	watch = fl_watch_find(id);
	/* The watch goes with its last process. */
	if (watch)
		fl_process_remove_all(watch);
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	/* None comes to be held any more: its process is not found. */
	fl_hold_release(id);
	return watch ? 0 : -ENOENT;
}

int fl_watch_unhold(u32 id)
{
	struct fl_watch *watch;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	watch = fl_watch_find(id);
	if (watch)
		fl_hold_release(id);
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	return watch ? 0 : -ENOENT;
}

int fl_watch_change(u32 id, const struct fl_settings *settings, unsigned long given)
{
	struct fl_watch *watch;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	watch = fl_watch_find(id);
	if (watch) {
		fl_settings_apply(&watch->settings, settings, given);
		/* The time begins anew with what is expected. */
		if (given & BIT(FAULTLINE_WATCH_A_HEARTBEAT_MS))
			fl_heartbeat_renew(watch);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	fl_limit_kick(settings);
	if (watch)
		fl_scan_kick();
	return watch ? 0 : -ENOENT;
}

struct fl_watch *fl_watch_after(u32 id)
{
	struct fl_watch *watch;

	list_for_each_entry_rcu(watch, &watches.list, node)
		if (watch->id > id)
			return watch;
	return NULL;
}

void fl_watch_each(void (*function)(struct fl_watch *watch, void *with), void *with)
{
	struct fl_watch *watch;

	rcu_read_lock();
	list_for_each_entry_rcu(watch, &watches.list, node)
		function(watch, with);
	rcu_read_unlock();
}

unsigned int fl_watch_generation(void)
{
	return READ_ONCE(watches.generation);
}

unsigned int fl_watch_count(void)
{
	return READ_ONCE(watches.count);
}

void fl_watch_init(unsigned int max)
{
	watches.max = max;
}

void fl_watch_exit(void)
{
	struct fl_watch *watch, *next;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	list_for_each_entry_safe(watch, next, &watches.list, node)
		fl_process_remove_all(watch);
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	rcu_barrier();
}
