// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stream: one thread takes the records from the slots in order of time,
 * gives each its sequence number, keeps it until the supervisor acknowledges it
 * and tells the multicast group.
 *
 * There is one place where a record can be lost: fl_slot_emit() without a free
 * slot. While all of the room for kept records is in use the thread takes
 * nothing, the slots fill, and the loss is counted there. What has a sequence
 * number stays until it is acknowledged.
 */
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#include "block.h"
#include "capture.h"
#include "netlink.h"
#include "slot.h"
#include "stream.h"

/* Records that are taken before others may have the lock. */
#define DRAIN_BATCH	64
#define RETRY_DELAY	(HZ / 50 + 1)

/*
 * @lock: guards all but @task, @kicked and @announced
 * @kept: ring of @kept_max; record n is in kept[n & (kept_max - 1)]
 * @seq: newest sequence number given
 * @acked: newest sequence number acknowledged
 * @announced: newest sequence number told to the group; the thread's own
 * @kicked: something may be there to do
 */
static struct {
	struct mutex lock; /* see above */
	struct fl_slot *kept;
	unsigned int kept_max;
	u64 seq;
	u64 acked;
	u64 announced;
	bool kicked;
	struct task_struct *task;
} stream = {
	.lock = __MUTEX_INITIALIZER(stream.lock),
};

static struct fl_slot *stream_slot(u64 seq)
{
	return &stream.kept[seq & (stream.kept_max - 1)];
}

static void stream_kick(void)
{
	struct task_struct *task = READ_ONCE(stream.task);

	WRITE_ONCE(stream.kicked, true);
	if (task)
		wake_up_process(task);
}

/*
 * A record that was emitted because of another (an exit after its fault, on
 * another CPU) must come after it. All that was emitted before @now is visible
 * in the heads that are read after @now, so what is older than @now can be put
 * in order; the rest waits for the next round.
 */
static bool stream_drain(void)
{
	unsigned int taken = 0;
	u64 filled, lost, now;
	bool more;

	mutex_lock(&stream.lock);
	now = ktime_get_boottime_ns();
	smp_mb(); /* see above */
	while (taken < DRAIN_BATCH && stream.seq - stream.acked < stream.kept_max &&
	       fl_slot_shift(stream_slot(stream.seq + 1), now)) {
		stream.seq++;
		stream_slot(stream.seq)->record.seq = stream.seq;
		taken++;
	}
	more = fl_slot_counts(&filled, &lost) &&
	       stream.seq - stream.acked < stream.kept_max;
	mutex_unlock(&stream.lock);
	return more;
}

/* Tell the group what is new. -ENOMEM: try again later, nothing is lost. */
static int stream_announce(void)
{
	struct sk_buff *skb;
	u64 seq, end;
	int err;

	while (stream.announced != READ_ONCE(stream.seq)) {
		if (!fl_netlink_has_listeners()) {
			stream.announced = READ_ONCE(stream.seq);
			break;
		}
		skb = fl_netlink_event_new();
		if (!skb)
			return -ENOMEM;
		fl_stream_first(stream.announced, &seq, &end);
		for (err = 0; seq <= end; seq++) {
			err = fl_stream_put(skb, seq);
			if (err == -EMSGSIZE)
				break;
			/* -ENOENT: acknowledged meanwhile, by a dump's reader. */
		}
		stream.announced = seq - 1;
		fl_netlink_event_send(skb);
	}
	return 0;
}

static int stream_thread(void *unused)
{
	long timeout = MAX_SCHEDULE_TIMEOUT;
	bool more;

	/* A fault is to be known before the machine's ordinary work goes on. */
	sched_set_fifo_low(current);
	for (;;) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop())
			break;
		if (!xchg(&stream.kicked, false))
			schedule_timeout(timeout);
		__set_current_state(TASK_RUNNING);
		do {
			more = stream_drain();
			timeout = stream_announce() ? RETRY_DELAY : MAX_SCHEDULE_TIMEOUT;
			cond_resched();
		} while (more && !kthread_should_stop());
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

int fl_stream_ack(u64 seq)
{
	int err = 0;

	mutex_lock(&stream.lock);
	if (seq > stream.seq)
		err = -ERANGE;
	while (!err && stream.acked < seq)
		fl_slot_release(stream_slot(++stream.acked));
	mutex_unlock(&stream.lock);
	if (!err)
		stream_kick();
	return err;
}

void fl_stream_first(u64 since, u64 *seq, u64 *end)
{
	mutex_lock(&stream.lock);
	*seq = clamp(since, stream.acked, stream.seq) + 1;
	*end = stream.seq;
	mutex_unlock(&stream.lock);
}

/* @to has room for record->len bytes. */
static void stream_copy(void *to, const struct fl_slot *slot)
{
	memcpy(to, &slot->record, sizeof(slot->record));
	to += sizeof(slot->record);
	if (slot->capture) {
		memcpy(to, &slot->capture->data, slot->capture->size);
		to += slot->capture->size;
	}
	if (slot->blocks)
		memcpy(to, slot->blocks->data, slot->blocks->len);
}

int fl_stream_put(struct sk_buff *skb, u64 seq)
{
	struct fl_slot *slot;
	struct nlattr *attr;
	int err = -ENOENT;

	mutex_lock(&stream.lock);
	if (seq <= stream.acked || seq > stream.seq)
		goto unlock;
	slot = stream_slot(seq);
	err = -EMSGSIZE;
	attr = nla_reserve(skb, FAULTLINE_A_RECORD, slot->record.len);
	if (!attr)
		goto unlock;
	stream_copy(nla_data(attr), slot);
	err = 0;
unlock:
	mutex_unlock(&stream.lock);
	return err;
}

void fl_stream_stats(struct fl_stream_stats *stats)
{
	u64 filled;

	mutex_lock(&stream.lock);
	fl_slot_counts(&filled, &stats->lost);
	stats->seq = stream.seq;
	stats->acked = stream.acked;
	mutex_unlock(&stream.lock);
	/*
	 * What was ever filled in and is not acknowledged is in a slot or kept:
	 * only this lock's owner moves records on.
	 */
	stats->emitted = filled + stats->lost;
	stats->delivered = stats->acked;
	stats->pending = filled - stats->acked;
}

int fl_stream_init(unsigned int slots, unsigned int kept)
{
	int err;

	stream.kept_max = kept;
	stream.kept = vzalloc(array_size(kept, sizeof(*stream.kept)));
	if (!stream.kept)
		return -ENOMEM;
	err = fl_slot_init(slots, stream_kick);
	if (err)
		vfree(stream.kept);
	return err;
}

int fl_stream_start(void)
{
	struct task_struct *task = kthread_create(stream_thread, NULL, "faultline");

	if (IS_ERR(task))
		return PTR_ERR(task);
	/* Slots and acknowledgements may still kick it after it has ended. */
	WRITE_ONCE(stream.task, get_task_struct(task));
	stream_kick();
	return 0;
}

void fl_stream_stop(void)
{
	kthread_stop(stream.task);
}

void fl_stream_exit(void)
{
	fl_slot_sync();
	if (stream.task)
		put_task_struct(stream.task);
	fl_slot_exit();
	vfree(stream.kept);
}
