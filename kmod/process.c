// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watched processes: found by every probe, and where what is known of a
 * process's end comes together. The entries are a fixed pool and are used again
 * at once; a reader without the lock may so walk into another chain, which the
 * nulls at its end tell.
 */
#include <linux/cred.h>
#include <linux/oom.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/rculist.h>
#include <linux/resource.h>
#include <linux/sched/signal.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/vmalloc.h>

#include "block.h"
#include "capture.h"
#include "detector.h"
#include "hang.h"
#include "hold.h"
#include "limit.h"
#include "process.h"
#include "slot.h"
#include "watch.h"

#define FAULT_SIGNALS (rt_sigmask(SIGSEGV) | rt_sigmask(SIGBUS) | \
		       rt_sigmask(SIGILL) | rt_sigmask(SIGFPE) | rt_sigmask(SIGTRAP))

DEFINE_RAW_SPINLOCK(fl_process_lock);
struct fl_process_table fl_processes;

/* Guarded by fl_process_lock. */
static struct {
	struct fl_process *entries;
	unsigned int max;
	struct list_head free;
	u32 candidate_id;
	u64 unwatched;
} processes = {
	.free = LIST_HEAD_INIT(processes.free),
};

bool __fl_process_watched(pid_t tgid)
{
	unsigned int bucket = hash_32(tgid, fl_processes.bits);
	struct hlist_nulls_node *pos;
	struct fl_process *process;
	bool found;

	/* No reader's protection: entries outlive the probes. */
again:
	found = false;
	hlist_nulls_for_each_entry_rcu(process, pos, &fl_processes.buckets[bucket], node) {
		if (READ_ONCE(process->tgid) == tgid) {
			found = true;
			break;
		}
	}
	if (!found && get_nulls_value(pos) != bucket)
		goto again;
	return found;
}

struct fl_process *fl_process_find(pid_t tgid)
{
	struct fl_process *process;
	struct hlist_nulls_node *pos;

	lockdep_assert_held(&fl_process_lock);

	hlist_nulls_for_each_entry(process, pos, fl_process_bucket(tgid), node)
		if (process->tgid == tgid)
			return process;
	return NULL;
}

struct fl_process *fl_process_add(struct fl_watch *watch, pid_t tgid, bool main)
{
	struct fl_process *process;

	lockdep_assert_held(&fl_process_lock);

	process = list_first_entry_or_null(&processes.free, struct fl_process, sibling);
	if (!process)
		return NULL;
	process->watch = watch;
	WRITE_ONCE(process->tgid, tgid);
	process->main = main;
	process->fatal = false;
	process->candidate.signo = 0;
	list_move_tail(&process->sibling, &watch->processes);
	watch->count++;
	hlist_nulls_add_head_rcu(&process->node, fl_process_bucket(tgid));
	WRITE_ONCE(fl_processes.count, fl_processes.count + 1);
	return process;
}

static bool process_wants_capture(const struct fl_process *process)
{
	return fl_detector_captures() &&
	       fl_settings_get(&process->watch->settings, FAULTLINE_WATCH_A_CAPTURE);
}

static u32 process_hold_ms(const struct fl_process *process)
{
	return fl_settings_get(&process->watch->settings, FAULTLINE_WATCH_A_HOLD_MS);
}

/* Give back the captures of @tid, or of all threads with 0. */
static void process_drop_captures(struct fl_process *process, pid_t tid)
{
	struct fl_capture *capture, *next;

	list_for_each_entry_safe(capture, next, &process->captures, node) {
		if (tid && capture->tid != tid)
			continue;
		list_del(&capture->node);
		fl_capture_put(capture);
	}
}

static void process_remove(struct fl_process *process)
{
	struct fl_watch *watch = process->watch;

	process_drop_captures(process, 0);
	process->watch = NULL;
	hlist_nulls_del_rcu(&process->node);
	list_move_tail(&process->sibling, &processes.free);
	WRITE_ONCE(fl_processes.count, fl_processes.count - 1);
	if (process->main)
		WRITE_ONCE(watch->main, false);
	if (!--watch->count)
		fl_watch_release(watch);
}

void fl_process_remove_all(struct fl_watch *watch)
{
	struct fl_process *process, *next;

	lockdep_assert_held(&fl_process_lock);

	list_for_each_entry_safe(process, next, &watch->processes, sibling)
		process_remove(process);
}

void fl_process_fork(pid_t parent, pid_t child)
{
	struct fl_process *process;
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = fl_process_find(parent);
	if (process && !fl_process_add(process->watch, child, false))
		processes.unwatched++;
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
}

u32 fl_process_suspect(pid_t tgid, const struct fl_candidate *candidate)
{
	struct fl_process *process;
	unsigned long flags;
	u32 id = 0;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = fl_process_find(tgid);
	if (process && !process->fatal) {
		if (!++processes.candidate_id)
			++processes.candidate_id;
		process->candidate = *candidate;
		process->candidate.id = processes.candidate_id;
		if (process_wants_capture(process) || process_hold_ms(process))
			id = processes.candidate_id;
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	return id;
}

/* The current process, if @candidate may still end it. */
static struct fl_process *process_find_suspect(u32 candidate)
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

void fl_process_capture(u32 candidate)
{
	struct fl_candidate known;
	struct fl_process *process;
	struct fl_capture *capture;
	unsigned long flags;
	bool wanted;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = process_find_suspect(candidate);
	if (process) {
		known = process->candidate;
		wanted = process_wants_capture(process);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	if (!process)
		return;
	if (!wanted)
		return;
	capture = fl_capture_take_whole(known.id == candidate ? &known : NULL);
	if (!capture)
		return;

	/* The process may have left the table, or its end may be recorded. */
	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = process_find_suspect(candidate);
	if (process) {
		process_drop_captures(process, capture->tid);
		list_add(&capture->node, &process->captures);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	if (!process)
		fl_capture_put(capture);
}

/* The current thread of the process, in the words of a record. */
static void record_current(struct faultline_record *record)
{
	record->tgid = task_tgid_nr(current);
	record->tid = task_pid_nr(current);
	rcu_read_lock();
	record->ptgid = task_tgid_nr(rcu_dereference(current->real_parent));
	rcu_read_unlock();
	record->uid = from_kuid_munged(&init_user_ns, current_uid());
	/* Not get_task_comm(), whose lock sleeps on PREEMPT_RT. */
	memcpy(record->comm, current->comm, sizeof(record->comm));
	record->comm[sizeof(record->comm) - 1] = 0;
}

static void process_record(struct faultline_record *record,
			   const struct fl_process *process, int type)
{
	memset(record, 0, sizeof(*record));
	record->type = type;
	record->flags = process->main ? FAULTLINE_F_MAIN : 0;
	record->cookie = process->watch->cookie;
	record->watch = process->watch->id;
	record_current(record);
}

static void record_siginfo(struct faultline_record *record,
			   const struct kernel_siginfo *info)
{
	record->code = info->si_code;
	record->errno_ = info->si_errno;
	if (info->si_code <= 0)
		return;
	record->flags |= FAULTLINE_F_KERNEL;
	if (!siginmask(info->si_signo, FAULT_SIGNALS))
		return;
	/* With SI_KERNEL the kernel does not say where: si_addr is 0 then. */
	record->fault_addr = (unsigned long)info->si_addr;
#if defined(CONFIG_X86_64)
	record->trapno = current->thread.trap_nr;
	record->error_code = current->thread.error_code;
#elif defined(CONFIG_ARM64)
	record->error_code = current->thread.fault_code;
#endif
}

static void process_record_fatal(struct faultline_record *record,
				 const struct fl_process *process, int signo,
				 const struct kernel_siginfo *info)
{
	const struct fl_candidate *candidate = &process->candidate;

	process_record(record, process, FAULTLINE_RECORD_FATAL);
	record->signo = signo;
	/*
	 * Whether the core is written is not known yet. The limit is not asked
	 * by a core_pattern that is a pipe; the EXIT record says what came of it.
	 */
	if (sig_kernel_coredump(signo) && rlimit(RLIMIT_CORE))
		record->flags |= FAULTLINE_F_COREDUMP;
	if (info) {
		record_siginfo(record, info);
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

static struct fl_capture *process_pick_capture(struct fl_process *process)
{
	struct fl_capture *capture, *found = NULL;

	list_for_each_entry(capture, &process->captures, node) {
		if (process_wants_capture(process) && fl_capture_fits(capture)) {
			found = capture;
			break;
		}
	}
	if (found)
		list_del(&found->node);
	process_drop_captures(process, 0);
	return found;
}

/*
 * What dumps core is a fault; what does not ends the other threads before this
 * one can be held. Where another thread may take the signal, or a debugger has
 * a say already, there is nothing to hold.
 */
static bool process_may_hold(const struct fl_process *process, u32 candidate)
{
	const struct fl_candidate *known = &process->candidate;

	return process_hold_ms(process) && known->id == candidate &&
	       known->tid == task_pid_nr(current) &&
	       (known->own || thread_group_empty(current)) &&
	       sig_kernel_coredump(known->signo) && !READ_ONCE(current->ptrace) &&
	       !fatal_signal_pending(current);
}

void fl_process_hold(u32 candidate)
{
	struct faultline_record record;
	struct fl_process *process;
	struct fl_hold hold;
	unsigned long flags;
	bool held = false;
	u32 ms = 0;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	process = process_find_suspect(candidate);
	if (process && process_may_hold(process, candidate)) {
		process_record(&record, process, FAULTLINE_RECORD_HELD);
		record.signo = process->candidate.signo;
		record.code = process->candidate.code;
		record.errno_ = process->candidate.errno_;
		record.flags |= process->candidate.flags;
		record.sender_tgid = process->candidate.sender_tgid;
		record.sender_uid = process->candidate.sender_uid;
		record.fault_addr = process->candidate.address;
		record.error_code = process->candidate.error_code;
		ms = process_hold_ms(process);
		/* Before it is told, so that who is told can release it. */
		held = fl_hold_begin(&hold, record.watch);
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	if (!held)
		return;
	fl_slot_emit(&record, NULL, NULL);
	fl_hold_wait(&hold, ms);
}

void fl_process_fatal(int signo, const struct kernel_siginfo *info)
{
	struct fl_capture *capture = NULL;
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
	process_record_fatal(&record, process, signo, info);
	capture = process_pick_capture(process);
	wanted = process_wants_capture(process);
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
	/* The EXIT record comes later: this thread is still alive. */
	fl_slot_emit(&record, capture, NULL);
	return;

unlock:
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
}

/* How the kernel itself will tell the parent, with all threads gone. */
static int process_exit_code(void)
{
	if (current->signal->flags & SIGNAL_GROUP_EXIT)
		return current->signal->group_exit_code;
	return current->exit_code;
}

void fl_process_thread_exit(bool dead)
{
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
		process_drop_captures(process, task_pid_nr(current));
		goto unlock;
	}
	code = process_exit_code();
	oom = (code & 0x7f) == SIGKILL && tsk_is_oom_victim(current) ? FAULTLINE_F_OOM : 0;
	if ((code & 0x7f) && !process->fatal) {
		process_record_fatal(&record, process, code & 0x7f, NULL);
		record.flags |= oom;
		fl_slot_emit(&record, NULL, NULL);
	}
	process_record(&record, process, FAULTLINE_RECORD_EXIT);
	record.signo = code & 0x7f;
	record.code = (code >> 8) & 0xff;
	record.flags |= oom;
	if (code & 0x80)
		record.flags |= FAULTLINE_F_COREDUMP;
	if (process->watch->count == 1)
		record.flags |= FAULTLINE_F_LAST;
	fl_limit_process_gone(process->watch);
	process_remove(process);
	fl_slot_emit(&record, NULL, NULL);
unlock:
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
}

u32 fl_process_watch(pid_t tgid)
{
	unsigned int attempts = FL_LOCK_ATTEMPTS;
	struct fl_process *process;
	unsigned long flags;
	u32 id = 0;

	/* A BPF program may run while this CPU has the lock. */
	while (!raw_spin_trylock_irqsave(&fl_process_lock, flags)) {
		if (!--attempts)
			return 0;
		cpu_relax();
	}
	process = fl_process_find(tgid);
	if (process)
		id = process->watch->id;
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	return id;
}

int fl_process_emit(struct faultline_record *record, struct fl_blocks *blocks)
{
	unsigned int attempts = FL_LOCK_ATTEMPTS;
	struct fl_process *process;
	unsigned long flags;
	int err = -EBUSY;

	if (!record->tgid)
		record_current(record);
	record->comm[sizeof(record->comm) - 1] = 0;
	/* Under the lock, so that it is never behind the watch's last record. */
	while (!raw_spin_trylock_irqsave(&fl_process_lock, flags)) {
		if (!--attempts)
			goto put_blocks;
		cpu_relax();
	}
	process = fl_process_find(record->tgid);
	if (process) {
		record->flags = process->main ? FAULTLINE_F_MAIN : 0;
		record->cookie = process->watch->cookie;
		record->watch = process->watch->id;
		err = fl_slot_emit(record, NULL, blocks) ? 0 : -ENOBUFS;
		blocks = NULL;
	} else {
		err = -ESRCH;
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
put_blocks:
	if (blocks)
		fl_blocks_put(blocks);
	return err;
}

/* Entries that are passed over before others may have the lock. */
#define NEXT_BATCH	64

bool fl_process_next_of(unsigned int *cursor, bool (*wanted)(const struct fl_watch *watch),
			pid_t *tgid, u32 *watch)
{
	const struct fl_process *process;
	unsigned long flags;
	bool found = false;
	unsigned int end;

	while (!found && *cursor < processes.max) {
		end = min(*cursor + NEXT_BATCH, processes.max);
		raw_spin_lock_irqsave(&fl_process_lock, flags);
		while (!found && *cursor < end) {
			process = &processes.entries[(*cursor)++];
			found = process->watch && wanted(process->watch);
		}
		if (found) {
			*tgid = process->tgid;
			*watch = process->watch->id;
		}
		raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	}
	return found;
}

static bool process_scanned(const struct fl_watch *watch)
{
	return fl_hang_wanted(&watch->settings, &watch->pulse);
}

bool fl_process_next(unsigned int *cursor, struct fl_process_view *view)
{
	const struct fl_process *process;
	unsigned long flags;

	do {
		if (!fl_process_next_of(cursor, process_scanned, &view->tgid, &view->watch))
			return false;
		raw_spin_lock_irqsave(&fl_process_lock, flags);
		process = fl_process_find(view->tgid);
		if (process)
			view->settings = process->watch->settings;
		raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	} while (!process);
	return true;
}

void fl_process_counts(u64 *watched, u64 *unwatched)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	*watched = fl_processes.count;
	*unwatched = processes.unwatched;
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
}

int fl_process_init(unsigned int max)
{
	unsigned int i;

	/* Sparse, so that what is not watched finds an empty bucket. */
	fl_processes.bits = order_base_2(max) + 2;
	fl_processes.buckets = vmalloc(sizeof(*fl_processes.buckets) << fl_processes.bits);
	processes.entries = vzalloc(array_size(max, sizeof(*processes.entries)));
	if (!fl_processes.buckets || !processes.entries) {
		fl_process_exit();
		return -ENOMEM;
	}
	for (i = 0; i < 1U << fl_processes.bits; i++)
		INIT_HLIST_NULLS_HEAD(&fl_processes.buckets[i], i);
	processes.max = max;
	for (i = 0; i < max; i++) {
		INIT_LIST_HEAD(&processes.entries[i].captures);
		list_add_tail(&processes.entries[i].sibling, &processes.free);
	}
	return 0;
}

void fl_process_exit(void)
{
	vfree(processes.entries);
	vfree(fl_processes.buckets);
}
