// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifecycle: fatal signals and ends of watched processes, for a kernel that may
 * load no module. Four tracepoints; whoever is not watched costs one load.
 *
 * Which signal ends a process is known for certain only in signal_deliver, in
 * the thread that dies: its action is the default one, and the default is to
 * end. There the record is made, while memory and registers are whole. But a
 * signal without core dump (SIGTERM, SIGKILL) has become a plain SIGKILL
 * without sender by then; what it was is remembered in signal_generate, which
 * runs in the sender. The record's sequence number is given by the reader, in
 * the order of the ring (docs/probes.md).
 */
#include <linux/bpf.h>

#include "kernel.h"
#include "probes.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "capture.bpf.h"
#include "memory.bpf.h"
#include "record.bpf.h"
#include "signal.bpf.h"

/* Captures stop when this much of the ring is taken; bare records go on. */
#define RING_CAPTURES (PROBES_RING_SIZE / 4 * 3)

/* Where a record with capture is made, to take no more of the ring than it needs. Nothing runs beside it on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct { u8 bytes[PROBES_FATAL_MAX]; });
} draft SEC(".maps");

char LICENSE[] SEC("license") = "GPL";

/* Will the kernel dump core for this end (fs/coredump.c: do_coredump())? */
static __always_inline bool core_dumped(struct task_struct *task, int signo)
{
	u64 limit = task->signal->rlim[RLIMIT_CORE].rlim_cur;
	u64 flags;

	if (!signal_dumps_core(signo))
		return false;
	if (bpf_core_field_exists(struct mm_struct, flags))
		flags = BPF_CORE_READ(task, mm, flags);
	else
		flags = BPF_CORE_READ((struct mm_struct___bitmap *)task->mm,
				      flags.__mm_flags[0]);
	if (!(flags & MMF_DUMPABLE_MASK))
		return false;
	if (shared.core_pipe)
		return limit != 1;
	return limit >= CORE_LIMIT_MIN;
}

static __always_inline void fatal_fill(struct faultline_record *record,
				       const struct probes_process *process,
				       const struct probes_cause *cause,
				       struct task_struct *task)
{
	record_fill(record, FAULTLINE_RECORD_FATAL, process, task);
	record->flags |= cause->flags;
	record->signo = cause->signo;
	record->code = cause->code;
	record->errno_ = cause->errno_;
	record->sender_tgid = cause->sender_tgid;
	record->sender_uid = cause->sender_uid;
	record->fault_addr = cause->fault_addr;
	if (cause->tid)
		record->tid = cause->tid;
	if (signal_is_fault(cause->signo, cause->code))
		capture_trap(record, task);
	if (core_dumped(task, cause->signo))
		record->flags |= FAULTLINE_F_COREDUMP;
}

/* Was the process to free its memory? Asked when no thread is left that could be marked. */
static __always_inline u32 oom_flag(const struct signal_struct *signal, int code)
{
	return (code & 0x7f) == SIGKILL && signal->oom_mm ? FAULTLINE_F_OOM : 0;
}

/* What the process uses, behind @size bytes of the record; the bytes that it takes. */
static __always_inline u32 fatal_memory(struct faultline_record *record, u32 size,
					struct task_struct *task)
{
	struct faultline_memory memory;

	if (!memory_read(&memory, task))
		return 0;
	/* Looked at where it is used: the verifier of 6.1 forgets what it has seen of a value that was put aside. */
	barrier_var(size);
	if (size > PROBES_FATAL_MAX - sizeof(memory))
		return 0;
	bpf_probe_read_kernel((u8 *)record + size, sizeof(memory), &memory);
	record->flags |= FAULTLINE_F_BLOCKS;
	return sizeof(memory);
}

static __always_inline void fatal_emit_bare(const struct probes_process *process,
					    const struct probes_cause *cause,
					    struct task_struct *task)
{
	struct faultline_record *record = record_reserve();

	if (!record) {
		record_count(FAULTLINE_RECORD_FATAL, cause->signo, false);
		return;
	}
	record_count(FAULTLINE_RECORD_FATAL, cause->signo, true);
	fatal_fill(record, process, cause, task);
	bpf_ringbuf_submit(record, 0);
}

/* The record of a fatal signal, from the thread that it ends. */
static __always_inline void fatal_emit(const struct probes_process *process,
				       const struct probes_cause *cause,
				       struct task_struct *task)
{
	struct faultline_record *record;
	u32 zero = 0, size;

	record = bpf_map_lookup_elem(&draft, &zero);
	if (!record || bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= RING_CAPTURES)
		goto bare;
	fatal_fill(record, process, cause, task);
	size = sizeof(*record) + capture_take(record, task);
	size += fatal_memory(record, size, task);
	barrier_var(size);
	if (size > PROBES_FATAL_MAX)
		goto bare;
	record->len = size;
	if (bpf_ringbuf_output(&ring, record, size, 0))
		goto bare;
	record_count(FAULTLINE_RECORD_FATAL, cause->signo, true);
	count(captures);
	return;

bare:
	count(captures_missed);
	fatal_emit_bare(process, cause, task);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(probe_signal_generate, int signo, struct kernel_siginfo *info,
	     struct task_struct *target, int group, int result)
{
	u32 tgid = target->tgid;
	struct probes_process *process = process_find(tgid);

	if (!process || !signal_may_end(signo) ||
	    (result != TRACE_SIGNAL_DELIVERED && result != TRACE_SIGNAL_LOSE_INFO))
		return 0;
	if (target->signal->flags & SIGNAL_GROUP_EXIT) {
		/* Has just this signal decided it? */
		if (target->signal->group_exit_code != signo)
			return 0;
	} else if (signal_handler(target, signo)) {
		return 0;
	}
	cause_fill(&process->cause, signo, info);
	cause_sender(&process->cause, tgid);
	if (!group)
		process->cause.tid = target->pid;
	if (signo == SIGKILL && process->cause.flags & FAULTLINE_F_KERNEL && !process->reported)
		memory_keep(target);
	return 0;
}

/* What ends the process, or false where it goes on. */
static __always_inline bool deliver_cause(const struct probes_process *process,
					  struct task_struct *task, int signo,
					  struct kernel_siginfo *info,
					  struct probes_cause *cause)
{
	struct signal_struct *signal = task->signal;

	if (signo == SIGKILL && (u64)info <= SEND_SIG_PRIV) {
		/* The process is ending; by a signal, by exit_group(), or only
		 * this thread, for another one's execve().
		 */
		if (!(signal->flags & SIGNAL_GROUP_EXIT))
			return false;
		signo = signal->group_exit_code & 0x7f;
		if (!signo)
			return false;
	} else if ((signal->flags & SIGNAL_UNKILLABLE) && signo != SIGKILL) {
		return false;
	} else {
		cause_fill(cause, signo, info);
		if (signal_is_fault(signo, cause->code))
			return true;
	}
	/* Whether memory ran out is certain at the exit: the mark comes after the signal. */
	if (signo == SIGKILL && process->cause.signo == signo &&
	    process->cause.flags & FAULTLINE_F_KERNEL)
		return false;
	/* All threads are killed for a signal that was sent to one: that one is to tell of it. */
	if (process->cause.signo == signo && process->cause.tid && process->cause.tid != task->pid)
		return false;
	if (process->cause.signo == signo)
		*cause = process->cause;
	else if (!cause->signo)
		cause->signo = signo;
	return true;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(probe_signal_deliver, int signo, struct kernel_siginfo *info,
	     struct k_sigaction *action)
{
	struct probes_process *process;
	struct probes_cause cause = {};
	struct task_struct *task;

	if (action->sa.sa_handler != SIG_DFL || !signal_may_end(signo))
		return 0;
	process = process_find(bpf_get_current_pid_tgid() >> 32);
	if (!process)
		return 0;
	task = bpf_get_current_task_btf();
	if (deliver_cause(process, task, signo, info, &cause) &&
	    !__sync_val_compare_and_swap(&process->reported, 0, 1))
		fatal_emit(process, &cause, task);
	return 0;
}

/* Is there a place for one more process? False where its count in the filter would run over. */
static __always_inline bool filter_raise(u32 tgid)
{
	if (*PROBES_FILTER(&shared, tgid) >= PROBES_FILTER_MAX)
		return false;
	__sync_fetch_and_add(PROBES_FILTER_WORD(&shared, tgid), PROBES_FILTER_ONE(tgid));
	return true;
}

static __always_inline void filter_lower(u32 tgid)
{
	__sync_fetch_and_sub(PROBES_FILTER_WORD(&shared, tgid), PROBES_FILTER_ONE(tgid));
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(probe_process_fork, struct task_struct *parent,
	     struct task_struct *child)
{
	struct probes_process *process, inherited = {};
	struct probes_watch *watch;
	u32 tgid;

	if (child->pid != child->tgid)
		return 0;
	process = process_find(parent->tgid);
	if (!process)
		return 0;
	watch = bpf_map_lookup_elem(&watches, &process->watch);
	if (!watch)
		return 0;
	inherited.cookie = process->cookie;
	inherited.watch = process->watch;
	tgid = child->tgid;
	if (!filter_raise(tgid)) {
		count(unwatched);
		return 0;
	}
	/* The parent lives, so that the count cannot have reached zero. */
	__sync_fetch_and_add(&watch->processes, 1);
	if (bpf_map_update_elem(&processes, &tgid, &inherited, BPF_NOEXIST)) {
		filter_lower(tgid);
		__sync_fetch_and_sub(&watch->processes, 1);
		count(unwatched);
	}
	return 0;
}

/* One process less; true where it was the last and the watch is gone. */
static __always_inline bool watch_leave(u32 id)
{
	struct probes_watch *watch = bpf_map_lookup_elem(&watches, &id);

	if (!watch || __sync_fetch_and_sub(&watch->processes, 1) != 1)
		return false;
	bpf_map_delete_elem(&watches, &id);
	bpf_map_delete_elem(&settings, &id);
	return true;
}

/* A record of an end, and what the process had used where it is to be told. */
struct ended {
	struct faultline_record record;
	struct faultline_memory memory;
};

static __always_inline void ended_memory(struct ended *ended, struct task_struct *task)
{
	memory_ended(&ended->memory, task);
	ended->record.flags |= FAULTLINE_F_BLOCKS;
	ended->record.len = sizeof(*ended);
}

/* A fatal signal that was not delivered to any thread. */
static __always_inline void fatal_emit_ended(const struct probes_process *process,
					     const struct probes_cause *cause,
					     struct task_struct *task)
{
	struct ended *ended = bpf_ringbuf_reserve(&ring, sizeof(*ended), 0);

	if (!ended) {
		record_count(FAULTLINE_RECORD_FATAL, cause->signo, false);
		return;
	}
	record_count(FAULTLINE_RECORD_FATAL, cause->signo, true);
	fatal_fill(&ended->record, process, cause, task);
	ended_memory(ended, task);
	bpf_ringbuf_submit(ended, 0);
}

/*
 * Who brings the count of the watch to zero knows that all others have their
 * place in the ring; to be behind them, it may have to take a new one.
 */
static __always_inline void *record_move_behind(void *record, const u32 size)
{
	void *behind = bpf_ringbuf_reserve(&ring, size, 0);

	if (!behind)
		return record;
	/* This may be the place that the reader waits at: it must be woken. */
	bpf_ringbuf_discard(record, 0);
	return behind;
}

/* @memory: constant */
static __always_inline void exit_emit(const struct probes_process *process,
				      struct task_struct *task, int code, const bool memory)
{
	const u32 size = memory ? sizeof(struct ended) : sizeof(struct faultline_record);
	struct faultline_record *record = bpf_ringbuf_reserve(&ring, size, 0);
	bool last = watch_leave(process->watch);

	if (!record) {
		record_count(FAULTLINE_RECORD_EXIT, 0, false);
		return;
	}
	record_count(FAULTLINE_RECORD_EXIT, 0, true);
	if (last)
		record = record_move_behind(record, size);
	record_fill(record, FAULTLINE_RECORD_EXIT, process, task);
	record->signo = code & 0x7f;
	record->code = (code >> 8) & 0xff;
	record->flags |= oom_flag(task->signal, code);
	if (code & 0x80)
		record->flags |= FAULTLINE_F_COREDUMP;
	if (last)
		record->flags |= FAULTLINE_F_LAST;
	if (memory)
		ended_memory((struct ended *)record, task);
	bpf_ringbuf_submit(record, 0);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(probe_process_exit, struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct probes_process *found = process_find(tgid), process;
	struct probes_cause cause = {};
	struct signal_struct *signal;
	int code;

	if (!found)
		return 0;
	signal = task->signal;
	if (signal->live.counter)
		return 0;
	process = *found;
	/* Two threads that end together may both see that none is alive. */
	if (bpf_map_delete_elem(&processes, &tgid))
		return 0;
	filter_lower(tgid);
	code = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code :
						   task->exit_code;
	if ((code & 0x7f) && !process.reported) {
		process.reported = 1;
		cause.signo = code & 0x7f;
		if (process.cause.signo == cause.signo)
			cause = process.cause;
		cause.flags |= oom_flag(signal, code);
		fatal_emit_ended(&process, &cause, task);
	}
	if (process.flags & FAULTLINE_F_MAIN && !process.reported)
		exit_emit(&process, task, code, true);
	else
		exit_emit(&process, task, code, false);
	return 0;
}
