// SPDX-License-Identifier: GPL-2.0-only
/*
 * Soft limits: a warning before the hard end. While a watch has one, its
 * processes are counted once in a while, by an ordinary work: a warning is not
 * so urgent that it should be before what the machine is for. Nothing is held
 * while counting but a task's own lock, for a moment.
 *
 * Each limit is told once, and again only after the use has come down by an
 * eighth of it, so that what wavers about a limit does not fill the stream.
 */
#include <linux/fdtable.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>

#include "block.h"
#include "detector.h"
#include "limit.h"
#include "process.h"
#include "record.h"
#include "watch.h"

#define PERIOD_MIN_MS	10
#define PERIOD_MAX_MS	60000

static unsigned int limit_ms = 1000;
module_param(limit_ms, uint, 0644);
MODULE_PARM_DESC(limit_ms, "period in which soft limits are looked at (10-60000)");

static const struct {
	enum faultline_watch_attr setting;
	enum faultline_limit code;
} softs[FL_SOFTS] = {
	[FL_SOFT_MEMORY] = { FAULTLINE_WATCH_A_SOFT_MEMORY, FAULTLINE_LIMIT_MEMORY },
	[FL_SOFT_PROCESSES] = { FAULTLINE_WATCH_A_SOFT_PROCESSES, FAULTLINE_LIMIT_PROCESSES },
	[FL_SOFT_FILES] = { FAULTLINE_WATCH_A_SOFT_FILES, FAULTLINE_LIMIT_FILES },
	[FL_SOFT_CPU] = { FAULTLINE_WATCH_A_SOFT_CPU, FAULTLINE_LIMIT_CPU },
};

/* @pass and below: the work's own. */
static struct {
	struct delayed_work work;
	u32 pass;
	u64 passes;
	u64 ns;
} limit;

static bool settings_limit(const struct fl_settings *settings)
{
	int i;

	for (i = 0; i < FL_SOFTS; i++)
		if (fl_settings_get(settings, softs[i].setting))
			return true;
	return false;
}

static bool watch_is_limited(const struct fl_watch *watch)
{
	return settings_limit(&watch->settings);
}

/* Also of threads that have ended. Under rcu_read_lock(). */
static u64 process_cpu(struct task_struct *process)
{
	u64 ns = READ_ONCE(process->signal->sum_sched_runtime);
	struct task_struct *thread;

	fl_for_each_thread(process, thread)
		ns += READ_ONCE(thread->se.sum_exec_runtime);
	return ns;
}

static u64 files_count(struct files_struct *files)
{
	struct fdtable *table = rcu_dereference(files->fdt);

	return bitmap_weight(table->open_fds, table->max_fds);
}

/*
 * The leader may have ended before the other threads: the first that still has
 * what they share tells. A task's lock keeps both from going.
 */
static void process_count_shared(struct task_struct *process, u64 *used)
{
	bool memory = false, files = false;
	struct task_struct *thread;

	fl_for_each_thread(process, thread) {
		task_lock(thread);
		if (!memory && thread->mm) {
			used[FL_SOFT_MEMORY] = get_mm_rss(thread->mm) << PAGE_SHIFT;
			memory = true;
		}
		if (!files && thread->files) {
			used[FL_SOFT_FILES] = files_count(thread->files);
			files = true;
		}
		task_unlock(thread);
		if (memory && files)
			return;
	}
}

static void process_count(pid_t tgid, u64 *used)
{
	struct task_struct *process;

	rcu_read_lock();
	process = pid_task(find_pid_ns(tgid, &init_pid_ns), PIDTYPE_TGID);
	if (process) {
		process_count_shared(process, used);
		used[FL_SOFT_PROCESSES] = READ_ONCE(process->signal->nr_threads);
		used[FL_SOFT_CPU] = process_cpu(process);
	}
	rcu_read_unlock();
}

static void limits_add(struct fl_limits *to, const struct fl_process *process, const u64 *used)
{
	int i;

	if (to->pass != limit.pass) {
		to->pass = limit.pass;
		memset(to->used, 0, sizeof(to->used));
		to->used[FL_SOFT_CPU] = to->ended_cpu;
		to->tgid = 0;
		to->files_tgid = 0;
	}
	for (i = 0; i < FL_SOFTS; i++)
		if (i != FL_SOFT_FILES)
			to->used[i] += used[i];
	if (used[FL_SOFT_FILES] >= to->used[FL_SOFT_FILES]) {
		to->used[FL_SOFT_FILES] = used[FL_SOFT_FILES];
		to->files_tgid = process->tgid;
	}
	if (!to->tgid || process->main)
		to->tgid = process->tgid;
}

static void limits_count(void)
{
	struct fl_process *process;
	unsigned int cursor = 0;
	unsigned long flags;
	pid_t tgid;
	u32 watch;

	while (fl_process_next_of(&cursor, watch_is_limited, &tgid, &watch)) {
		u64 used[FL_SOFTS] = {};

		process_count(tgid, used);
		raw_spin_lock_irqsave(&fl_process_lock, flags);
		process = fl_process_find(tgid);
		/* It may have ended, and then is in what has ended already. */
		if (process && process->watch->id == watch)
			limits_add(&process->watch->limits, process, used);
		raw_spin_unlock_irqrestore(&fl_process_lock, flags);
		cond_resched();
	}
}

static void limit_tell(enum fl_soft soft, pid_t tgid, u64 used, u64 allowed)
{
	struct faultline_record record = {
		.type = FAULTLINE_RECORD_LIMIT,
		.code = softs[soft].code,
	};
	struct fl_blocks *blocks = fl_blocks_take();
	struct faultline_usage *usage = NULL;

	fl_record_process(&record, tgid);
	if (blocks)
		usage = fl_blocks_add(blocks, FAULTLINE_BLOCK_LIMIT, 0, sizeof(*usage));
	if (usage) {
		usage->used = used;
		usage->limit = allowed;
		usage->scope = FAULTLINE_SCOPE_SOFT;
		usage->times = 1;
	}
	fl_record_emit(&record, blocks);
}

/* Return: it is to be told now. */
static bool limit_crossed(struct fl_limits *counted, enum fl_soft soft, u64 allowed)
{
	u64 used = counted->used[soft];
	bool told = counted->told[soft];

	if (!allowed || used < allowed - allowed / 8)
		counted->told[soft] = false;
	else if (used >= allowed)
		counted->told[soft] = true;
	return counted->told[soft] && !told;
}

static void watch_judge(struct fl_watch *watch)
{
	bool tell[FL_SOFTS] = {};
	struct fl_limits counted;
	u64 allowed[FL_SOFTS];
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	for (i = 0; i < FL_SOFTS; i++) {
		allowed[i] = fl_settings_get(&watch->settings, softs[i].setting);
		if (watch->limits.pass == limit.pass)
			tell[i] = limit_crossed(&watch->limits, i, allowed[i]);
	}
	counted = watch->limits;
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);

	for (i = 0; i < FL_SOFTS; i++)
		if (tell[i])
			limit_tell(i, i == FL_SOFT_FILES ? counted.files_tgid : counted.tgid,
				   counted.used[i], allowed[i]);
}

/* Return: a watch has a soft limit, so that there is to be another pass. */
static bool limits_judge(void)
{
	struct fl_watch *watch;
	bool limited = false;
	u32 id = 0;

	rcu_read_lock();
	while ((watch = fl_watch_after(id))) {
		id = watch->id;
		if (!watch_is_limited(watch))
			continue;
		limited = true;
		if (fl_detector_limits())
			watch_judge(watch);
	}
	rcu_read_unlock();
	return limited;
}

static void limit_work(struct work_struct *work)
{
	u32 period = clamp_t(u32, READ_ONCE(limit_ms), PERIOD_MIN_MS, PERIOD_MAX_MS);
	u64 begin = ktime_get_mono_fast_ns();

	/* 0 is what a new watch has. */
	if (!++limit.pass)
		limit.pass++;
	if (fl_detector_limits())
		limits_count();
	if (limits_judge())
		queue_delayed_work(system_unbound_wq, &limit.work, msecs_to_jiffies(period));
	WRITE_ONCE(limit.passes, limit.passes + 1);
	WRITE_ONCE(limit.ns, limit.ns + ktime_get_mono_fast_ns() - begin);
}

void fl_limit_kick(const struct fl_settings *settings)
{
	if (settings_limit(settings))
		mod_delayed_work(system_unbound_wq, &limit.work, 0);
}

void fl_limit_process_gone(struct fl_watch *watch)
{
	lockdep_assert_held(&fl_process_lock);

	rcu_read_lock();
	watch->limits.ended_cpu += process_cpu(current);
	rcu_read_unlock();
}

void fl_limit_counts(u64 *passes, u64 *ns)
{
	*passes = READ_ONCE(limit.passes);
	*ns = READ_ONCE(limit.ns);
}

void fl_limit_init(void)
{
	INIT_DELAYED_WORK(&limit.work, limit_work);
}

void fl_limit_exit(void)
{
	cancel_delayed_work_sync(&limit.work);
}
