// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heartbeats: signs of life of a watch, from the supervisor that passes on those
 * of sd_notify(3), and from the application itself by /dev/faultline. There is
 * one pulse for both; what is expected is the shorter of the two times.
 */
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "hang.h"
#include "heartbeat.h"
#include "process.h"
#include "scan.h"
#include "watch.h"

void fl_heartbeat_renew(struct fl_watch *watch)
{
	lockdep_assert_held(&fl_process_lock);

	watch->pulse.beats++;
	watch->pulse.beat_ns = ktime_get_ns();
}

int fl_heartbeat_beat(u32 id)
{
	struct fl_watch *watch;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	watch = fl_watch_find(id);
	if (watch)
		fl_heartbeat_renew(watch);
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	return watch ? 0 : -ENOENT;
}

/* The current process's watch, if it is @id or @id is 0. */
static struct fl_watch *heartbeat_watch(u32 id)
{
	struct fl_process *process = fl_process_find(task_tgid_nr(current));

	return process && (!id || process->watch->id == id) ? process->watch : NULL;
}

int fl_heartbeat_open(u32 *id)
{
	struct fl_watch *watch;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	watch = heartbeat_watch(0);
	if (watch) {
		*id = watch->id;
		if (!fl_hang_heartbeat_ms(&watch->settings, &watch->pulse))
			WRITE_ONCE(watch->pulse.device_ms, FL_HEARTBEAT_DEFAULT_MS);
		fl_heartbeat_renew(watch);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	if (!watch)
		return -EPERM;
	fl_scan_kick();
	return 0;
}

int fl_heartbeat_own(u32 id)
{
	struct fl_watch *watch;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	watch = heartbeat_watch(id);
	if (watch)
		fl_heartbeat_renew(watch);
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	return watch ? 0 : -EPERM;
}

int fl_heartbeat_expect(u32 id, u32 ms)
{
	struct fl_watch *watch;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	watch = heartbeat_watch(id);
	if (watch) {
		WRITE_ONCE(watch->pulse.device_ms, ms);
		fl_heartbeat_renew(watch);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	if (!watch)
		return -EPERM;
	fl_scan_kick();
	return 0;
}

int fl_heartbeat_times(u32 id, u32 *timeout_ms, u32 *left_ms)
{
	struct fl_watch *watch;
	unsigned long flags;
	u64 age_ms;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	watch = heartbeat_watch(id);
	if (watch) {
		*timeout_ms = fl_hang_heartbeat_ms(&watch->settings, &watch->pulse);
		age_ms = div_u64(ktime_get_ns() - watch->pulse.beat_ns, NSEC_PER_MSEC);
		*left_ms = *timeout_ms - min_t(u64, age_ms, *timeout_ms);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	return watch ? 0 : -EPERM;
}

void fl_heartbeat_close(u32 id)
{
	struct fl_watch *watch;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	watch = fl_watch_find(id);
	if (watch)
		WRITE_ONCE(watch->pulse.device_ms, 0);
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
}
