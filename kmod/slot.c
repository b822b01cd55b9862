// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots: a ring for each CPU, filled by the detectors with interrupts off and
 * emptied by the stream's thread. Detectors run under siglock, in interrupts
 * and, on PREEMPT_RT, where no sleeping lock may be taken, so nothing here
 * allocates, takes a lock or wakes a task: the wake-up goes by irq_work.
 */
#include <linux/irq_work.h>
#include <linux/percpu.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#include "block.h"
#include "capture.h"
#include "detector.h"
#include "slot.h"
#include "trace.h"

/**
 * struct ring - single producer, single consumer
 * @head: records ever filled in; written by this CPU with interrupts off
 * @lost: records that found no free slot; likewise
 * @work: wakes the stream's thread
 * @slots: the records, and their evidence
 * @tail: records ever taken out; written by the stream's thread
 */
struct ring {
	u64 head;
	u64 lost;
	struct irq_work work;
	struct fl_slot *slots;
	u64 tail ____cacheline_aligned_in_smp;
};

static struct ring __percpu *rings;
static unsigned int slots_mask;
static void (*slots_wake)(void);

static void slot_irq_work(struct irq_work *work)
{
	slots_wake();
}

void fl_slot_release(struct fl_slot *slot)
{
	if (slot->capture)
		fl_capture_put(slot->capture);
	fl_blocks_put(slot->blocks);
	slot->capture = NULL;
	slot->blocks = NULL;
}

bool fl_slot_emit(struct faultline_record *record, struct fl_capture *capture,
		  struct fl_blocks *blocks)
{
	struct fl_slot *slot, lost;
	unsigned long flags;
	struct ring *ring;

	if (!fl_detector_wanted(record->type)) {
		lost.capture = capture;
		lost.blocks = blocks;
		fl_slot_release(&lost);
		return true;
	}
	record->len = sizeof(*record);
	if (capture) {
		record->len += capture->size;
		record->flags |= FAULTLINE_F_CAPTURE;
		if (capture->maps)
			record->flags |= FAULTLINE_F_MAPS;
		if (capture->blocks)
			record->flags |= FAULTLINE_F_BLOCKS;
	}
	if (blocks && blocks->len) {
		record->len += blocks->len;
		record->flags |= FAULTLINE_F_BLOCKS;
	}

	local_irq_save(flags);
	ring = this_cpu_ptr(rings);
	/* Taken here, so that each ring is in order of time. */
	record->time_ns = ktime_get_boottime_ns();
	/* The slot has been read: pairs with fl_slot_shift(). */
	if (ring->head - smp_load_acquire(&ring->tail) > slots_mask) {
		WRITE_ONCE(ring->lost, ring->lost + 1);
		local_irq_restore(flags);
		fl_detector_record(record);
		trace_faultline_lost(record);
		lost.capture = capture;
		lost.blocks = blocks;
		fl_slot_release(&lost);
		return false;
	}
	slot = &ring->slots[ring->head & slots_mask];
	slot->record = *record;
	slot->capture = capture;
	slot->blocks = blocks;
	/* The slot is filled in: pairs with fl_slot_shift(). */
	smp_store_release(&ring->head, ring->head + 1);
	irq_work_queue(&ring->work);
	local_irq_restore(flags);
	fl_detector_record(record);
	trace_faultline_record(record);
	return true;
}

bool fl_slot_shift(struct fl_slot *to, u64 time)
{
	struct ring *ring, *oldest = NULL;
	struct fl_slot *slot;
	int cpu;

	for_each_possible_cpu(cpu) {
		ring = per_cpu_ptr(rings, cpu);
		/* Pairs with fl_slot_emit(), as does the release below. */
		if (smp_load_acquire(&ring->head) == ring->tail)
			continue;
		slot = &ring->slots[ring->tail & slots_mask];
		if (slot->record.time_ns >= time)
			continue;
		time = slot->record.time_ns;
		oldest = ring;
	}
	if (!oldest)
		return false;
	*to = oldest->slots[oldest->tail & slots_mask];
	smp_store_release(&oldest->tail, oldest->tail + 1); /* see above */
	return true;
}

bool fl_slot_counts(u64 *filled, u64 *lost)
{
	bool waiting = false;
	struct ring *ring;
	u64 head;
	int cpu;

	*filled = 0;
	*lost = 0;
	for_each_possible_cpu(cpu) {
		ring = per_cpu_ptr(rings, cpu);
		head = READ_ONCE(ring->head);
		*filled += head;
		*lost += READ_ONCE(ring->lost);
		waiting |= head != READ_ONCE(ring->tail);
	}
	return waiting;
}

void fl_slot_sync(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu_ptr(rings, cpu)->work);
}

int fl_slot_init(unsigned int count, void (*wake)(void))
{
	struct ring *ring;
	int cpu;

	slots_mask = count - 1;
	slots_wake = wake;
	rings = alloc_percpu(struct ring);
	if (!rings)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		ring = per_cpu_ptr(rings, cpu);
		ring->work = IRQ_WORK_INIT_HARD(slot_irq_work);
		ring->slots = vzalloc_node(array_size(count, sizeof(*ring->slots)),
					   cpu_to_node(cpu));
		if (!ring->slots) {
			fl_slot_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

void fl_slot_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		vfree(per_cpu_ptr(rings, cpu)->slots);
	free_percpu(rings);
}
