// SPDX-License-Identifier: GPL-2.0-only
/*
 * Detectors: which of them an operator has switched off, and how many records
 * of what kind each has made.
 */
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>

#include "detector.h"

static bool signals __read_mostly = true;
module_param(signals, bool, 0644);
MODULE_PARM_DESC(signals, "record fatal signals");

static bool exits __read_mostly = true;
module_param(exits, bool, 0644);
MODULE_PARM_DESC(exits, "record ends of processes");

static bool hangs __read_mostly = true;
module_param(hangs, bool, 0644);
MODULE_PARM_DESC(hangs, "look for hangs, and record them");

static bool limits __read_mostly = true;
module_param(limits, bool, 0644);
MODULE_PARM_DESC(limits, "record limits that were reached");

static bool holds __read_mostly = true;
module_param(holds, bool, 0644);
MODULE_PARM_DESC(holds, "hold threads before their end, where watches ask for it");

static bool ranges __read_mostly = true;
module_param(ranges, bool, 0644);
MODULE_PARM_DESC(ranges, "record what is outside of a range");

static bool capturing __read_mostly = true;
module_param(capturing, bool, 0644);
MODULE_PARM_DESC(capturing, "take captures of fatal signals");

static const bool *const switches[FL_DETECTOR_TYPES] = {
	[FAULTLINE_RECORD_FATAL] = &signals,
	[FAULTLINE_RECORD_EXIT] = &exits,
	[FAULTLINE_RECORD_HANG] = &hangs,
	[FAULTLINE_RECORD_HANG_OVER] = &hangs,
	[FAULTLINE_RECORD_LIMIT] = &limits,
	[FAULTLINE_RECORD_HELD] = &holds,
	[FAULTLINE_RECORD_RANGE] = &ranges,
};

static DEFINE_PER_CPU(u64, records[FL_DETECTOR_TYPES][FL_DETECTOR_KINDS]);
static DEFINE_PER_CPU(u64, dropped);

bool fl_detector_wanted(int type)
{
	if (READ_ONCE(*switches[type]))
		return true;
	this_cpu_inc(dropped);
	return false;
}

bool fl_detector_signals(void)
{
	return READ_ONCE(signals);
}

bool fl_detector_captures(void)
{
	return READ_ONCE(capturing) && READ_ONCE(signals);
}

bool fl_detector_limits(void)
{
	return READ_ONCE(limits);
}

bool fl_detector_hangs(void)
{
	return READ_ONCE(hangs);
}

static int record_kind(const struct faultline_record *record)
{
	switch (record->type) {
	case FAULTLINE_RECORD_FATAL:
	case FAULTLINE_RECORD_HELD:
		return record->signo;
	case FAULTLINE_RECORD_EXIT:
		return 0;
	default:
		return record->code;
	}
}

void fl_detector_record(const struct faultline_record *record)
{
	int kind = clamp(record_kind(record), 0, FL_DETECTOR_KINDS - 1);

	static_assert(FAULTLINE_RECORD_RANGE < FL_DETECTOR_TYPES);

	this_cpu_inc(records[record->type][kind]);
}

u64 fl_detector_records(int type, int kind)
{
	u64 count = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		count += READ_ONCE(*per_cpu_ptr(&records[type][kind], cpu));
	return count;
}

u64 fl_detector_dropped(void)
{
	u64 count = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		count += READ_ONCE(*per_cpu_ptr(&dropped, cpu));
	return count;
}
