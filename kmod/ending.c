// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endings: what is known of the end of a watched process comes together here,
 * in its FATAL record, its capture, and its EXIT record.
 */
#include <linux/oom.h>
#include <linux/resource.h>
#include <linux/sched/signal.h>

#include "candidate.h"
#include "capture.h"
#include "ending.h"
#include "limit.h"
#include "memory.h"
#include "process.h"
#include "record.h"
#include "slot.h"
#include "watch.h"

static void record_fatal(struct faultline_record *record,
			 const struct fl_process *process, int signo,
			 const struct kernel_siginfo *info)
{
	const struct fl_candidate *candidate = &process->candidate;

	fl_record_begin(record, process, FAULTLINE_RECORD_FATAL);
	record->signo = signo;
	/*
	 * Whether the core is written is not known yet. The limit is not asked
	 * by a core_pattern that is a pipe; the EXIT record says what came of it.
	 */
	if (sig_kernel_coredump(signo) && rlimit(RLIMIT_CORE))
		record->flags |= FAULTLINE_F_COREDUMP;
	if (info) {
		fl_record_siginfo(record, info);
	} else if (candidate->signo == signo) {
		record->code = candidate->code;
		record->errno_ = candidate->errno_;
	}
	if (candidate->signo == signo) {
		record->flags |= candidate->flags;
		record->sender_tgid = candidate->sender_tgid;
		record->sender_uid = candidate->sender_uid;
	}
}

static struct fl_capture *pick_capture(struct fl_process *process)
{
	struct fl_capture *capture, *found = NULL;

	list_for_each_entry(capture, &process->captures, node) {
		if (fl_process_wants_capture(process) && fl_capture_fits(capture)) {
			found = capture;
			break;
		}
	}
	if (found)
		list_del(&found->node);
	fl_process_drop_captures(process, 0);
	return found;
}

void fl_ending_signal(int signo, const struct kernel_siginfo *info)
{
	struct fl_capture *capture = NULL;
	struct fl_blocks *blocks = NULL;
	struct faultline_record record;
	struct fl_process *process;
	unsigned long flags;
	bool wanted;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = fl_process_find(task_tgid_nr(current));
	if (!process || process->fatal)
		goto unlock;
	/* The thread that brought it about comes here too, with its capture. */
	if (!info && process->candidate.signo == signo && process->candidate.own &&
	    process->candidate.tid != task_pid_nr(current))
		goto unlock;
	/* Whether memory ran out is certain at the exit: the mark comes after the signal. */
	if (signo == SIGKILL && process->candidate.signo == SIGKILL &&
	    process->candidate.flags & FAULTLINE_F_KERNEL)
		goto unlock;
	process->fatal = true;
	record_fatal(&record, process, signo, info);
	capture = pick_capture(process);
	wanted = fl_process_wants_capture(process);
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);

	/*
	 * There is none where another thread than the signal's target takes it,
	 * or where the signal came after this thread had run its task works.
	 */
	if (wanted && !capture && !tsk_is_oom_victim(current) &&
	    !(current->flags & (PF_IO_WORKER | PF_USER_WORKER))) {
		capture = fl_capture_take();
		if (!capture)
			fl_capture_miss();
	}
	if (!capture)
		blocks = fl_memory_blocks();
	/* The EXIT record comes later: this thread is still alive. */
	fl_slot_emit(&record, capture, blocks);
	return;

unlock:
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
}

void fl_ending_victim(struct task_struct *task)
{
	/* A reference, for as long as there is a signal_struct. */
	struct mm_struct *mm = task->signal->oom_mm;
	struct fl_blocks *blocks = mm ? fl_memory_blocks_of(mm) : NULL;
	struct fl_process *process;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = fl_process_find(task_tgid_nr(task));
	if (process && !process->fatal && !process->memory) {
		process->memory = blocks;
		blocks = NULL;
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	fl_blocks_put(blocks);
}

/* A fatal signal that no thread took; a victim of the OOM killer had its memory counted before. */
static void emit_fatal_at_exit(struct fl_process *process, int signo, u16 oom)
{
	struct fl_blocks *blocks = process->memory ?: fl_memory_blocks();
	struct faultline_record record;

	process->memory = NULL;
	record_fatal(&record, process, signo, NULL);
	record.flags |= oom;
	fl_slot_emit(&record, NULL, blocks);
}

/* How the kernel itself will tell the parent, with all threads gone. */
static int exit_code_of_process(void)
{
	if (current->signal->flags & SIGNAL_GROUP_EXIT)
		return current->signal->group_exit_code;
	return current->exit_code;
}

void fl_ending_exit(bool dead)
{
	struct fl_blocks *blocks = NULL;
	struct faultline_record record;
	struct fl_process *process;
	unsigned long flags;
	int code;
	u16 oom;

	/*
	 * The records go out under the lock, so that FAULTLINE_F_LAST is on the
	 * watch's last record in the order of the stream as well.
	 */
	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = fl_process_find(task_tgid_nr(current));
	if (!process)
		goto unlock;
	if (!dead) {
		fl_process_drop_captures(process, task_pid_nr(current));
		goto unlock;
	}
	code = exit_code_of_process();
	oom = (code & 0x7f) == SIGKILL && tsk_is_oom_victim(current) ? FAULTLINE_F_OOM : 0;
	if ((code & 0x7f) && !process->fatal)
		emit_fatal_at_exit(process, code & 0x7f, oom);
	else if (process->main && !process->fatal)
		blocks = fl_memory_blocks();
	fl_record_begin(&record, process, FAULTLINE_RECORD_EXIT);
	record.signo = code & 0x7f;
	record.code = (code >> 8) & 0xff;
	record.flags |= oom;
	if (code & 0x80)
		record.flags |= FAULTLINE_F_COREDUMP;
	if (process->watch->count == 1)
		record.flags |= FAULTLINE_F_LAST;
	fl_limit_process_gone(process->watch);
	fl_process_remove(process);
	fl_slot_emit(&record, NULL, blocks);
unlock:
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
}
