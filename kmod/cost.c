// SPDX-License-Identifier: GPL-2.0-only
/*
 * Costs: how long the module's code runs where others wait for it, for each
 * place, measured while an operator wants to know.
 */
#include <linux/moduleparam.h>
#include <linux/percpu.h>

#include "cost.h"

bool fl_cost_measured __read_mostly;
module_param_named(measure, fl_cost_measured, bool, 0644);
MODULE_PARM_DESC(measure, "measure the time that the module takes in each of its places");

static DEFINE_PER_CPU(struct fl_cost, costs[FL_COSTS]);

static const char *const cost_names[FL_COSTS] = {
	[FL_COST_SIGNAL_GENERATE] = "signal_generate",
	[FL_COST_SIGNAL_DELIVER] = "signal_deliver",
	[FL_COST_PROCESS_FORK] = "sched_process_fork",
	[FL_COST_PROCESS_EXIT] = "sched_process_exit",
	[FL_COST_CAPTURE] = "capture",
	[FL_COST_EMIT] = "faultline_emit",
};

const char *fl_cost_name(enum fl_cost_place place)
{
	return cost_names[place];
}

/*
 * A task that moved to another CPU in between, or was preempted, which only a
 * capture can be, has that in its time: it is what the task had to wait.
 */
void __fl_cost_end(enum fl_cost_place place, u64 begin)
{
	u64 ns = local_clock() - begin;
	struct fl_cost *cost;
	unsigned long flags;

	if ((s64)ns < 0)
		ns = 0;
	local_irq_save(flags);
	cost = this_cpu_ptr(&costs[place]);
	WRITE_ONCE(cost->calls, cost->calls + 1);
	WRITE_ONCE(cost->ns, cost->ns + ns);
	if (ns > cost->worst_ns)
		WRITE_ONCE(cost->worst_ns, ns);
	local_irq_restore(flags);
}

void fl_cost_sum(enum fl_cost_place place, struct fl_cost *sum)
{
	const struct fl_cost *cost;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		cost = per_cpu_ptr(&costs[place], cpu);
		sum->calls += READ_ONCE(cost->calls);
		sum->ns += READ_ONCE(cost->ns);
		sum->worst_ns = max(sum->worst_ns, READ_ONCE(cost->worst_ns));
	}
}
