/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_COST_H
#define _FL_COST_H

#include <linux/sched/clock.h>
#include <linux/types.h>

/* Where the module spends time on a CPU that others wait for. */
enum fl_cost_place {
	FL_COST_SIGNAL_GENERATE,
	FL_COST_SIGNAL_DELIVER,
	FL_COST_PROCESS_FORK,
	FL_COST_PROCESS_EXIT,
	FL_COST_CAPTURE,
	FL_COST_EMIT,
	FL_COSTS
};

/**
 * struct fl_cost - what a place has cost, in all
 * @calls: how often it was measured
 * @ns: time in it
 * @worst_ns: longest time
 */
struct fl_cost {
	u64 calls;
	u64 ns;
	u64 worst_ns;
};

/* Parameter: whether it is measured. A clock costs more than what most calls do. */
extern bool fl_cost_measured;

/* 0: not measured. */
static inline u64 fl_cost_begin(void)
{
	return unlikely(READ_ONCE(fl_cost_measured)) ? local_clock() : 0;
}

void __fl_cost_end(enum fl_cost_place place, u64 begin);

static inline void fl_cost_end(enum fl_cost_place place, u64 begin)
{
	if (unlikely(begin))
		__fl_cost_end(place, begin);
}

const char *fl_cost_name(enum fl_cost_place place);
void fl_cost_sum(enum fl_cost_place place, struct fl_cost *sum);

#endif /* _FL_COST_H */
