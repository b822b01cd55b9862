// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watched processes: found by every probe. The entries are a fixed pool and are
 * used again at once; a reader without the lock may so walk into another chain,
 * which the nulls at its end tell.
 */
#include <linux/log2.h>
#include <linux/rculist.h>
#include <linux/vmalloc.h>

#include "block.h"
#include "capture.h"
#include "detector.h"
#include "hang.h"
#include "lock.h"
#include "process.h"
#include "watch.h"

DEFINE_RAW_SPINLOCK(fl_process_lock);
struct fl_process_table fl_processes;

/* Guarded by fl_process_lock. */
static struct {
	struct fl_process *entries;
	unsigned int max;
	struct list_head free;
	u64 unwatched;
} processes = {
	.free = LIST_HEAD_INIT(processes.free),
};

bool __fl_process_watched(pid_t tgid)
{
	unsigned int bucket = hash_32(tgid, fl_processes.bits);
	struct hlist_nulls_node *pos;
	struct fl_process *process;
	bool found;

	/* No reader's protection: entries outlive the probes. */
again:
	found = false;
	hlist_nulls_for_each_entry_rcu(process, pos, &fl_processes.buckets[bucket], node) {
		if (READ_ONCE(process->tgid) == tgid) {
			found = true;
			break;
		}
	}
	if (!found && get_nulls_value(pos) != bucket)
		goto again;
	return found;
}

struct fl_process *fl_process_find(pid_t tgid)
{
	struct fl_process *process;
	struct hlist_nulls_node *pos;

	lockdep_assert_held(&fl_process_lock);

	hlist_nulls_for_each_entry(process, pos, fl_process_bucket(tgid), node)
		if (process->tgid == tgid)
			return process;
	return NULL;
}

struct fl_process *fl_process_add(struct fl_watch *watch, pid_t tgid, bool main)
{
	struct fl_process *process;

	lockdep_assert_held(&fl_process_lock);

	process = list_first_entry_or_null(&processes.free, struct fl_process, sibling);
	if (!process)
		return NULL;
	process->watch = watch;
	WRITE_ONCE(process->tgid, tgid);
	process->main = main;
	process->fatal = false;
	process->candidate.signo = 0;
	list_move_tail(&process->sibling, &watch->processes);
	watch->count++;
	hlist_nulls_add_head_rcu(&process->node, fl_process_bucket(tgid));
	WRITE_ONCE(fl_processes.count, fl_processes.count + 1);
	return process;
}

bool fl_process_wants_capture(const struct fl_process *process)
{
	return fl_detector_captures() &&
	       fl_settings_get(&process->watch->settings, FAULTLINE_WATCH_A_CAPTURE);
}

void fl_process_drop_captures(struct fl_process *process, pid_t tid)
{
	struct fl_capture *capture, *next;

	list_for_each_entry_safe(capture, next, &process->captures, node) {
		if (tid && capture->tid != tid)
			continue;
		list_del(&capture->node);
		fl_capture_put(capture);
	}
}

void fl_process_remove(struct fl_process *process)
{
	struct fl_watch *watch = process->watch;

	fl_process_drop_captures(process, 0);
	fl_blocks_put(process->memory);
	process->memory = NULL;
	process->watch = NULL;
	hlist_nulls_del_rcu(&process->node);
	list_move_tail(&process->sibling, &processes.free);
	WRITE_ONCE(fl_processes.count, fl_processes.count - 1);
	if (process->main)
		WRITE_ONCE(watch->main, false);
	if (!--watch->count)
		fl_watch_release(watch);
}

void fl_process_remove_all(struct fl_watch *watch)
{
	struct fl_process *process, *next;

	lockdep_assert_held(&fl_process_lock);

	list_for_each_entry_safe(process, next, &watch->processes, sibling)
		fl_process_remove(process);
}

void fl_process_fork(pid_t parent, pid_t child)
{
	struct fl_process *process;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = fl_process_find(parent);
	if (process && !fl_process_add(process->watch, child, false))
		processes.unwatched++;
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
}

u32 fl_process_watch(pid_t tgid)
{
	struct fl_process *process;
	unsigned long flags;
	u32 id = 0;

	/* A BPF program may run while this CPU has the lock. */
	if (!fl_lock_try(&fl_process_lock, flags))
		return 0;
	process = fl_process_find(tgid);
	if (process)
		id = process->watch->id;
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	return id;
}

/* Entries that are passed over before others may have the lock. */
#define NEXT_BATCH	64

bool fl_process_next_of(unsigned int *cursor, bool (*wanted)(const struct fl_watch *watch),
			pid_t *tgid, u32 *watch)
{
	const struct fl_process *process;
	unsigned long flags;
	bool found = false;
	unsigned int end;

	while (!found && *cursor < processes.max) {
		end = min(*cursor + NEXT_BATCH, processes.max);
		raw_spin_lock_irqsave(&fl_process_lock, flags);
		while (!found && *cursor < end) {
			process = &processes.entries[(*cursor)++];
			found = process->watch && wanted(process->watch);
		}
		if (found) {
			*tgid = process->tgid;
			*watch = process->watch->id;
		}
		raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	}
	return found;
}

static bool process_scanned(const struct fl_watch *watch)
{
	return fl_hang_wanted(&watch->settings, &watch->pulse);
}

bool fl_process_next(unsigned int *cursor, struct fl_process_view *view)
{
	const struct fl_process *process;
	unsigned long flags;

	do {
		if (!fl_process_next_of(cursor, process_scanned, &view->tgid, &view->watch))
			return false;
		raw_spin_lock_irqsave(&fl_process_lock, flags);
		process = fl_process_find(view->tgid);
		if (process)
			view->settings = process->watch->settings;
		raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	} while (!process);
	return true;
}

void fl_process_counts(u64 *watched, u64 *unwatched)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	*watched = fl_processes.count;
	*unwatched = processes.unwatched;
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
}

int fl_process_init(unsigned int max)
{
	unsigned int i;

	/* Sparse, so that what is not watched finds an empty bucket. */
	fl_processes.bits = order_base_2(max) + 2;
	fl_processes.buckets = vmalloc(sizeof(*fl_processes.buckets) << fl_processes.bits);
	processes.entries = vzalloc(array_size(max, sizeof(*processes.entries)));
	if (!fl_processes.buckets || !processes.entries) {
		fl_process_exit();
		return -ENOMEM;
	}
	for (i = 0; i < 1U << fl_processes.bits; i++)
		INIT_HLIST_NULLS_HEAD(&fl_processes.buckets[i], i);
	processes.max = max;
	for (i = 0; i < max; i++) {
		INIT_LIST_HEAD(&processes.entries[i].captures);
		list_add_tail(&processes.entries[i].sibling, &processes.free);
	}
	return 0;
}

void fl_process_exit(void)
{
	vfree(processes.entries);
	vfree(fl_processes.buckets);
}
