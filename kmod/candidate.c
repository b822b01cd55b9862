// SPDX-License-Identifier: GPL-2.0-only
/*
 * Candidates: signals on their way that would end a watched process. The last
 * one of each process is kept, and the thread that it was sent to comes here, by
 * task work, to take its capture and to be held.
 */
#include <linux/ptrace.h>
#include <linux/sched/signal.h>

#include "candidate.h"
#include "capture.h"
#include "detector.h"
#include "hold.h"
#include "process.h"
#include "record.h"
#include "slot.h"
#include "watch.h"

/* Under fl_process_lock. */
static u32 last_id;

static u32 hold_ms(const struct fl_process *process)
{
	return fl_settings_get(&process->watch->settings, FAULTLINE_WATCH_A_HOLD_MS);
}

u32 fl_candidate_keep(pid_t tgid, const struct fl_candidate *candidate)
{
	struct fl_process *process;
	unsigned long flags;
	u32 id = 0;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = fl_process_find(tgid);
	if (process && !process->fatal) {
		if (!++last_id)
			++last_id;
		process->candidate = *candidate;
		process->candidate.id = last_id;
		if (fl_process_wants_capture(process) || hold_ms(process))
			id = last_id;
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	return id;
}

/* The current process, if @candidate may still end it. */
static struct fl_process *candidate_process(u32 candidate)
{
	struct fl_process *process = fl_process_find(task_tgid_nr(current));

	if (!process || process->fatal)
		return NULL;
	/* Another thread's candidate may have come after this thread's. */
	if (process->candidate.id != candidate &&
	    process->candidate.tid == task_pid_nr(current))
		return NULL;
	return process;
}

void fl_candidate_capture(u32 candidate)
{
	struct fl_candidate known;
	struct fl_process *process;
	struct fl_capture *capture;
	unsigned long flags;
	bool wanted = false;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = candidate_process(candidate);
	if (process) {
		known = process->candidate;
		wanted = fl_process_wants_capture(process);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	if (!process || !wanted)
		return;
	capture = fl_capture_take_whole(known.id == candidate ? &known : NULL);
	if (!capture)
		return;

	/* The process may have left the table, or its end may be recorded. */
	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = candidate_process(candidate);
	if (process) {
		fl_process_drop_captures(process, capture->tid);
		list_add(&capture->node, &process->captures);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	if (!process)
		fl_capture_put(capture);
}

/*
 * What dumps core is a fault; what does not ends the other threads before this
 * one can be held. Where another thread may take the signal, or a debugger has
 * a say already, there is nothing to hold.
 */
static bool candidate_may_hold(const struct fl_process *process, u32 candidate)
{
	const struct fl_candidate *known = &process->candidate;

	return hold_ms(process) && known->id == candidate &&
	       known->tid == task_pid_nr(current) &&
	       (known->own || thread_group_empty(current)) &&
	       sig_kernel_coredump(known->signo) && !READ_ONCE(current->ptrace) &&
	       !fatal_signal_pending(current);
}

void fl_candidate_hold(u32 candidate)
{
	struct faultline_record record;
	struct fl_process *process;
	struct fl_hold hold;
	unsigned long flags;
	bool held = false;
	u32 ms = 0;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = candidate_process(candidate);
	/* Who is not told of could not be released. */
	if (process && candidate_may_hold(process, candidate) &&
	    fl_detector_wanted(FAULTLINE_RECORD_HELD)) {
		fl_record_begin(&record, process, FAULTLINE_RECORD_HELD);
		record.signo = process->candidate.signo;
		record.code = process->candidate.code;
		record.errno_ = process->candidate.errno_;
		record.flags |= process->candidate.flags;
		record.sender_tgid = process->candidate.sender_tgid;
		record.sender_uid = process->candidate.sender_uid;
		record.fault_addr = process->candidate.address;
		record.error_code = process->candidate.error_code;
		ms = hold_ms(process);
		/* Before it is told, so that who is told can release it. */
		held = fl_hold_begin(&hold, record.watch);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	if (!held)
		return;
	fl_slot_emit(&record, NULL, NULL);
	fl_hold_wait(&hold, ms);
}
