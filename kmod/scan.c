// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scan: one thread that looks at the threads of all watches that have a
 * threshold, eight times within the shortest of them. Without a threshold it
 * sleeps. It is above ordinary threads, which it has to see starving, and
 * bounded in its work: a pass looks at each thread once, without a lock but
 * those of a moment.
 */
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>

#include "detector.h"
#include "hang.h"
#include "process.h"
#include "scan.h"
#include "tally.h"
#include "thread.h"
#include "watch.h"

#define PASSES_A_THRESHOLD	8
#define DELAY_MIN_MS		10
#define DELAY_MAX_MS		1000

/*
 * @pass: its number; the thread's own, as are @last_ns and @delay_ms
 * @last_ns: when the last one began; 0: there is none to go on from
 * @delay_ms: that was meant to be between the two
 */
static struct {
	struct task_struct *task;
	bool kicked;
	u32 pass;
	u64 last_ns;
	u32 delay_ms;
	u64 scans;
	u64 ns;
	u64 missed;
} scan;

void fl_scan_kick(void)
{
	WRITE_ONCE(scan.kicked, true);
	wake_up_process(scan.task);
}

static void scan_shortest(struct fl_watch *watch, void *with)
{
	u32 ms = fl_hang_shortest(&watch->settings, &watch->pulse);
	u32 *shortest = with;

	if (ms && (!*shortest || ms < *shortest))
		*shortest = ms;
}

/* Until the next pass; 0: nobody wants one. */
static u32 scan_delay(void)
{
	u32 shortest = 0;

	fl_watch_each(scan_shortest, &shortest);
	if (!shortest)
		return 0;
	/* Nobody tells the scan when it is switched on again. */
	if (!fl_detector_hangs())
		return DELAY_MAX_MS;
	return clamp_t(u32, shortest / PASSES_A_THRESHOLD, DELAY_MIN_MS, DELAY_MAX_MS);
}

/**
 * struct scan_step - time from the last pass to this one
 * @elapsed: ns that count
 * @lost: ns that do not, as the scan itself did not get to run
 */
struct scan_step {
	u64 elapsed;
	u64 lost;
};

static struct scan_step scan_step(u64 now)
{
	u64 passed = scan.last_ns ? now - scan.last_ns : 0;
	struct scan_step step;

	step.elapsed = min(passed, 2ULL * scan.delay_ms * NSEC_PER_MSEC);
	step.lost = passed - step.elapsed;
	return step;
}

static void scan_process(const struct fl_process_view *view, const struct scan_step *step)
{
	struct task_struct *leader, *task;
	struct fl_tally tally = {};

	rcu_read_lock();
	leader = pid_task(find_pid_ns(view->tgid, &init_pid_ns), PIDTYPE_TGID);
	if (leader)
		fl_for_each_thread(leader, task)
			fl_hang_thread(task, view->watch, &view->settings, scan.pass,
				       step->elapsed, step->lost, &tally);
	rcu_read_unlock();
	if (tally.blind)
		scan.missed++;
	fl_tally_add(view, &tally);
}

static void scan_watch(struct fl_watch *watch, void *with)
{
	const struct scan_step *step = with;

	fl_hang_watch(watch, step->elapsed, step->lost);
}

static void scan_pass(void)
{
	u64 now = ktime_get_ns();
	struct scan_step step = scan_step(now);
	struct fl_process_view view;
	unsigned int cursor = 0;

	scan.last_ns = now;
	scan.pass++;
	WRITE_ONCE(scan.missed, 0);
	while (fl_process_next(&cursor, &view)) {
		scan_process(&view, &step);
		cond_resched();
	}
	fl_thread_sweep(scan.pass, fl_hang_thread_gone);
	fl_watch_each(scan_watch, &step);
	WRITE_ONCE(scan.scans, scan.scans + 1);
	WRITE_ONCE(scan.ns, scan.ns + ktime_get_ns() - now);
}

/*
 * By a timer of its own: those of schedule_timeout() expire in a soft interrupt,
 * which on PREEMPT_RT is a thread of low priority (ktimers) of this CPU, and so
 * starves with what the scan is to see starving. One that a real-time thread
 * sleeps by expires in the hard interrupt there as well.
 */
static void scan_sleep(u32 delay_ms)
{
	ktime_t delay = ms_to_ktime(delay_ms);

	set_current_state(TASK_IDLE);
	if (!kthread_should_stop() && !xchg(&scan.kicked, false))
		schedule_hrtimeout_range(delay_ms ? &delay : NULL, TICK_NSEC, HRTIMER_MODE_REL);
	__set_current_state(TASK_RUNNING);
}

/* What was seen is of no use to the pass that comes next. */
static void scan_forget(void)
{
	scan.last_ns = 0;
	fl_thread_sweep(++scan.pass, fl_hang_thread_gone);
}

static int scan_thread(void *unused)
{
	u32 delay_ms;

	sched_set_fifo(current);
	while (!kthread_should_stop()) {
		delay_ms = scan_delay();
		if (!delay_ms)
			scan_forget();
		scan.delay_ms = max(delay_ms, DELAY_MIN_MS);
		scan_sleep(delay_ms);
		if (!delay_ms || kthread_should_stop())
			continue;
		if (fl_detector_hangs())
			scan_pass();
		else
			scan_forget();
	}
	return 0;
}

void fl_scan_counts(u64 *threads, u64 *missed, u64 *scans, u64 *ns)
{
	*threads = fl_thread_count();
	*missed = READ_ONCE(scan.missed);
	*scans = READ_ONCE(scan.scans);
	*ns = READ_ONCE(scan.ns);
}

int fl_scan_start(unsigned int threads)
{
	struct task_struct *task;
	int err;

	err = fl_thread_init(threads);
	if (err)
		return err;
	task = kthread_create(scan_thread, NULL, "faultline/scan");
	if (IS_ERR(task)) {
		fl_thread_exit();
		return PTR_ERR(task);
	}
	scan.task = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

void fl_scan_stop(void)
{
	kthread_stop(scan.task);
}

void fl_scan_exit(void)
{
	put_task_struct(scan.task);
	fl_thread_exit();
}
