// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hangs: when each watched thread last ran, was queued or fell asleep, and on
 * what. The scheduler's tracepoints keep that; a timer of the kernel looks at it
 * several times within the shortest threshold, whether there is a supervisor or
 * not. A task that is not watched costs one load at each tracepoint. The object
 * is loaded only while a watch has a threshold.
 *
 * Time that nobody could use is counted for nobody: a machine that stood still,
 * a thread that is stopped, traced or frozen, memory that is short for all, and
 * a CPU that is not to be had while no CPU was without work.
 */
#include <linux/bpf.h>

#include "kernel.h"
#include "probes.h"
#include "progress.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "maps.bpf.h"
#include "record.bpf.h"
#include "sched.bpf.h"

#define CLOCK_MONOTONIC	1
#define CPUS_MAX	256
#define NS_PER_MS	1000000ULL
/* A look that comes so many periods late finds a machine that stood still. */
#define LATE_PERIODS	2
#define HANG_BIT(hang)	(1U << (hang))
#define KSTACK_NAME_MAX	48
#define KSTACK_NAMES	512
#define KSTACK_SIZE	(sizeof(struct faultline_kstack_block) + KSTACK_NAMES)
#define HANG_SIZE	(sizeof(struct faultline_record) + sizeof(struct faultline_hang_block) + \
			 KSTACK_SIZE)

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROGRESS_THREADS_MAX);
	__type(key, u32);
	__type(value, struct progress_thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROBES_WATCHES_MAX);
	__type(key, u32);
	__type(value, struct progress_watch);
} families SEC(".maps");

/* When each watch that is to do so last gave a sign of life; written by the supervisor. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROBES_WATCHES_MAX);
	__type(key, u32);
	__type(value, u64);
} beats SEC(".maps");

struct ticker {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ticker);
} ticker SEC(".maps");

/* With a value, as what has none shares its map with the table of watched processes. */
/* A function of the kernel. */
static const char symbol[] = "%ps";

struct progress_shared progress = { .reserved = 1 };

/* Is the CPU without work? As it was said when that last changed. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} idle SEC(".maps");

/* Monotonic, without suspends, and without the time that the machine stood still. */
static __always_inline u64 clock(void)
{
	return bpf_ktime_get_ns() - progress.lost;
}

/* Of two moments that may have been taken on two CPUs. */
static __always_inline u64 elapsed(u64 now, u64 since)
{
	return now > since ? now - since : 0;
}

/* ---- what the scheduler says ---- */

/* The entry of a thread of a watched process, made if need be; NULL where it cannot be had. */
static __always_inline struct progress_thread *thread_get(struct task_struct *task, u64 now)
{
	u32 tid = task->pid, tgid = task->tgid;
	struct progress_thread *thread = bpf_map_lookup_elem(&threads, &tid);
	struct progress_thread begin = { .what = PROGRESS_RUNS };
	struct probes_process *process;

	if (thread)
		return thread;
	process = bpf_map_lookup_elem(&processes, &tgid);
	/* The last switch away from a thread comes after its end. */
	if (!process || sched_exiting(task))
		return NULL;
	begin.task = (u64)task;
	begin.since = now;
	begin.exec = sched_exec(task);
	begin.watch = process->watch;
	begin.tgid = tgid;
	if (bpf_map_update_elem(&threads, &tid, &begin, BPF_NOEXIST)) {
		__sync_fetch_and_add(&progress.missed, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&threads, &tid);
}

/* Where and on what the current thread goes to sleep. */
static __always_inline void sleep_begin(void *ctx, struct progress_thread *thread,
					struct task_struct *task, u32 state)
{
	long size = 0;

	thread->state = state;
	thread->exec = sched_exec(task);
	thread->flags = sched_call(task, &thread->syscall, &thread->argument, &thread->ip);
	thread->flags |= sched_wait(task);
	if (state & TASK_UNINTERRUPTIBLE && !(state & TASK_NOLOAD))
		size = bpf_get_stack(ctx, thread->stack, sizeof(thread->stack), 0);
	thread->depth = size > 0 ? size / sizeof(u64) : 0;
}

static __always_inline void idle_set(u32 without_work)
{
	u32 zero = 0, *found = bpf_map_lookup_elem(&idle, &zero);

	if (found)
		*found = without_work;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(progress_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct progress_thread *thread;
	u64 now;

	if (!next->pid || !prev->pid)
		idle_set(!next->pid);
	if (*PROBES_FILTER(&shared, prev->tgid)) {
		u32 state = sched_state(prev);

		now = clock();
		thread = thread_get(prev, now);
		if (thread) {
			thread->since = now;
			if (preempt || !state) {
				thread->what = PROGRESS_QUEUED;
			} else {
				sleep_begin(ctx, thread, prev, state);
				thread->what = PROGRESS_SLEEPS;
			}
		}
	}
	if (*PROBES_FILTER(&shared, next->tgid)) {
		now = clock();
		thread = thread_get(next, now);
		if (thread) {
			if (thread->what == PROGRESS_QUEUED)
				thread->delay += elapsed(now, thread->since);
			thread->since = now;
			thread->what = PROGRESS_RUNS;
		}
	}
	return 0;
}

static __always_inline int woken(struct task_struct *task)
{
	struct progress_thread *thread;
	u64 now;

	if (!*PROBES_FILTER(&shared, task->tgid))
		return 0;
	now = clock();
	thread = thread_get(task, now);
	if (!thread)
		return 0;
	/* One that is woken before it has left its CPU goes on there. */
	if (thread->what == PROGRESS_SLEEPS) {
		thread->off += elapsed(now, thread->since);
		thread->since = now;
		thread->what = PROGRESS_QUEUED;
	}
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(progress_wakeup, struct task_struct *task)
{
	return woken(task);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(progress_exit, struct task_struct *task)
{
	u32 tid = task->pid;

	/* Without it nobody relays heartbeats: they are not missed then. */
	if (tid == (u32)progress.supervisor)
		progress.supervisor = 0;
	if (*PROBES_FILTER(&shared, task->tgid))
		bpf_map_delete_elem(&threads, &tid);
	return 0;
}

/* ---- what the timer finds ---- */

/* struct look - one look at all */
struct look {
	u64 now;
	u64 number;
};

/* Names of functions, one after the other, where the kernel tells them. */
static __always_inline void stack_fill(struct faultline_kstack_block *stack, u32 tid,
				       const struct progress_thread *thread)
{
	u32 used = 0;

	stack->block.len = KSTACK_SIZE;
	stack->block.type = FAULTLINE_BLOCK_KSTACK;
	stack->tid = tid;
#pragma unroll
	for (u32 i = 0; i < PROGRESS_STACK_DEPTH; i++) {
		u64 address = thread->stack[i];
		long length;

		if (i >= thread->depth || used > KSTACK_NAMES - KSTACK_NAME_MAX)
			break;
		length = bpf_snprintf(stack->names + used, KSTACK_NAME_MAX, symbol, &address,
				      sizeof(address));
		if (length < 1 || length > KSTACK_NAME_MAX)
			break;
		used += length;
		stack->count++;
	}
}

/* The letter that ps(1) has for it. */
static __always_inline u32 state_letter(const struct progress_thread *thread)
{
	if (thread->what != PROGRESS_SLEEPS)
		return 'R';
	return thread->state & TASK_UNINTERRUPTIBLE ? 'D' : 'S';
}

static __always_inline void hang_fill(struct faultline_record *record, int type, int hang,
				      const struct probes_process *process, u32 tgid, u32 tid,
				      const struct progress_thread *thread, u64 duration,
				      u64 threshold_ms)
{
	struct faultline_hang_block *block = (void *)(record + 1);

	__builtin_memset(record, 0, HANG_SIZE);
	record->len = HANG_SIZE;
	record->type = type;
	record->flags = process->flags | FAULTLINE_F_BLOCKS;
	record->cookie = process->cookie;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->watch = process->watch;
	record->tgid = tgid;
	record->tid = tid;
	record->code = hang;
	sched_identity(record, (void *)thread->task);
	block->block.len = sizeof(*block);
	block->block.type = FAULTLINE_BLOCK_HANG;
	block->duration_ns = duration;
	block->threshold_ns = threshold_ms * NS_PER_MS;
	if (hang == FAULTLINE_HANG_SPIN)
		block->cpu_ns = duration;
	if (hang == FAULTLINE_HANG_STARVED)
		block->waited_ns = duration;
	if (thread->what == PROGRESS_SLEEPS)
		block->ip_low = block->ip_high = thread->ip;
	block->state = state_letter(thread);
	block->syscall = thread->what == PROGRESS_SLEEPS ? thread->syscall : -1;
	if (thread->what == PROGRESS_RUNS)
		block->block.flags |= FAULTLINE_HANG_F_RUNNING;
	if (thread->flags & PROGRESS_IOWAIT)
		block->block.flags |= FAULTLINE_HANG_F_IOWAIT;
	if (thread->flags & PROGRESS_RECLAIM)
		block->block.flags |= FAULTLINE_HANG_F_MEMSTALL;
	stack_fill((void *)(block + 1), tid, thread);
	if (thread->depth) {
		u64 innermost = thread->stack[0];

		bpf_snprintf(block->wchan, sizeof(block->wchan), symbol, &innermost,
			     sizeof(innermost));
	}
}

/* A record of a hang, or of its end. */
static __always_inline void hang_emit(int type, int hang, u32 tgid, u32 tid,
				      const struct progress_thread *thread, u64 duration,
				      u64 threshold_ms)
{
	struct probes_process *process = bpf_map_lookup_elem(&processes, &tgid);
	struct faultline_record *record;

	if (!process)
		return;
	record = bpf_ringbuf_reserve(&ring, HANG_SIZE, 0);
	if (!record) {
		record_count(type, hang, false);
		return;
	}
	record_count(type, hang, true);
	hang_fill(record, type, hang, process, tgid, tid, thread, duration, threshold_ms);
	bpf_ringbuf_submit(record, 0);
}

/* Is it @hang, and was that said? Says what has changed. */
static __always_inline void judge(struct progress_thread *thread, u32 tid, int hang,
				  bool over, u64 duration, u64 threshold_ms)
{
	u32 bit = HANG_BIT(hang);

	if (over == !!(thread->told & bit))
		return;
	thread->told ^= bit;
	hang_emit(over ? FAULTLINE_RECORD_HANG : FAULTLINE_RECORD_HANG_OVER, hang, thread->tgid,
		  tid, thread, duration, threshold_ms);
}

static __always_inline bool beyond(u64 duration, u64 threshold_ms)
{
	return threshold_ms && duration >= threshold_ms * NS_PER_MS;
}

static __always_inline bool undisturbed(const struct progress_thread *thread)
{
	return thread->state & TASK_UNINTERRUPTIBLE && !(thread->state & TASK_NOLOAD) &&
	       !(thread->flags & (PROGRESS_RECLAIM | PROGRESS_VFORK));
}

static __always_inline void family_add(u32 id, const struct look *look, u32 tid,
				       const struct progress_thread *thread, bool held)
{
	struct progress_watch *family = bpf_map_lookup_elem(&families, &id);
	struct progress_watch begin = {};

	if (!family) {
		bpf_map_update_elem(&families, &id, &begin, BPF_NOEXIST);
		family = bpf_map_lookup_elem(&families, &id);
		if (!family)
			return;
	}
	if (family->look != look->number) {
		family->look = look->number;
		family->threads = 0;
		family->waiting = 0;
		family->since = 0;
	}
	family->threads++;
	family->tgid = thread->tgid;
	family->tid = tid;
	/* One that is held would go on if it could. */
	if (held || thread->what != PROGRESS_SLEEPS || !(thread->flags & PROGRESS_FUTEX))
		return;
	family->waiting++;
	if (thread->since > family->since)
		family->since = thread->since;
}

static int thread_look(void *map, u32 *key, struct progress_thread *thread,
		       struct look *look)
{
	u32 watch = thread->watch, what = thread->what, tid = *key;
	struct probes_settings *set = bpf_map_lookup_elem(&settings, &watch);
	u64 time = elapsed(look->now, thread->since), busy, *beat;

	if (!set)
		return 0;
	if (sched_held((void *)thread->task)) {
		/* Stopped, traced or frozen: its time begins anew, and its heart cannot beat. */
		thread->since = look->now;
		beat = bpf_map_lookup_elem(&beats, &watch);
		if (beat)
			*beat = look->now;
		thread->exec = sched_exec_of((void *)thread->task);
		family_add(watch, look, tid, thread, true);
		return 0;
	}
	busy = sched_exec_of((void *)thread->task) - thread->exec;
	judge(thread, tid, FAULTLINE_HANG_DSTATE,
	      what == PROGRESS_SLEEPS && undisturbed(thread) &&
		      beyond(time, set->value[FAULTLINE_WATCH_A_DSTATE_MS]),
	      time, set->value[FAULTLINE_WATCH_A_DSTATE_MS]);
	judge(thread, tid, FAULTLINE_HANG_STARVED,
	      what == PROGRESS_QUEUED && progress.room > thread->since &&
		      beyond(time, set->value[FAULTLINE_WATCH_A_STARVED_MS]),
	      time, set->value[FAULTLINE_WATCH_A_STARVED_MS]);
	judge(thread, tid, FAULTLINE_HANG_SPIN,
	      what != PROGRESS_SLEEPS &&
		      beyond(busy, set->value[FAULTLINE_WATCH_A_SPIN_MS]),
	      busy, set->value[FAULTLINE_WATCH_A_SPIN_MS]);
	family_add(watch, look, tid, thread, false);
	return 0;
}

/* A verdict on a watch as a whole. */
static __always_inline void judge_family(struct progress_watch *family, int hang, bool over,
					 u64 duration, u64 threshold_ms)
{
	struct progress_thread none = {};
	u32 bit = HANG_BIT(hang);
	struct progress_thread *thread;
	u32 tid = family->tid;

	if (over == !!(family->told & bit))
		return;
	family->told ^= bit;
	thread = bpf_map_lookup_elem(&threads, &tid);
	hang_emit(over ? FAULTLINE_RECORD_HANG : FAULTLINE_RECORD_HANG_OVER, hang, family->tgid,
		  tid, thread ? thread : &none, duration, threshold_ms);
}

static int family_look(void *map, u32 *key, struct progress_watch *family,
		       struct look *look)
{
	u32 watch = *key;
	struct probes_settings *set = bpf_map_lookup_elem(&settings, &watch);
	u64 *beat = bpf_map_lookup_elem(&beats, &watch);
	u64 since, time;

	if (!set) {
		bpf_map_delete_elem(&families, &watch);
		bpf_map_delete_elem(&beats, &watch);
		return 0;
	}
	if (family->look != look->number)
		return 0;
	if (!set->value[FAULTLINE_WATCH_A_WORK])
		family->work = 0;
	else if (!family->work)
		family->work = look->now;
	since = family->since > family->work ? family->since : family->work;
	time = elapsed(look->now, since);
	judge_family(family, FAULTLINE_HANG_DEADLOCK,
		     family->work && family->waiting == family->threads &&
			     beyond(time, set->value[FAULTLINE_WATCH_A_DEADLOCK_MS]),
		     time, set->value[FAULTLINE_WATCH_A_DEADLOCK_MS]);
	if (!beat)
		return 0;
	time = elapsed(look->now, *beat);
	judge_family(family, FAULTLINE_HANG_HEARTBEAT,
		     progress.supervisor &&
			     beyond(time, set->value[FAULTLINE_WATCH_A_HEARTBEAT_MS]),
		     time, set->value[FAULTLINE_WATCH_A_HEARTBEAT_MS]);
	return 0;
}

/* Is there a CPU without work just now? */
static __always_inline bool room_found(void)
{
	u32 zero = 0;

	for (u32 cpu = 0; cpu < CPUS_MAX; cpu++) {
		u32 *found = bpf_map_lookup_percpu_elem(&idle, &zero, cpu);

		if (!found)
			break;
		if (*found)
			return true;
	}
	return false;
}

static int tick(void *map, u32 *key, struct ticker *ticker)
{
	u64 before = progress.last, now = bpf_ktime_get_ns(), period = progress.period;
	struct look look;

	if (before && now - before > period * (1 + LATE_PERIODS))
		progress.lost += now - before - period;
	progress.last = now;
	look.now = now - progress.lost;
	look.number = ++progress.looks;
	if (room_found())
		progress.room = look.now;
	bpf_for_each_map_elem(&threads, thread_look, &look, 0);
	bpf_for_each_map_elem(&families, family_look, &look, 0);
	bpf_timer_start(&ticker->timer, period, 0);
	return 0;
}

/* Called by the supervisor: begins to look; the timer runs as long as its map has a name or a descriptor. */
SEC("syscall")
int progress_begin(void *ctx)
{
	u32 zero = 0;
	struct ticker *found = bpf_map_lookup_elem(&ticker, &zero);

	if (!found || !progress.period)
		return -1;
	bpf_timer_init(&found->timer, &ticker, CLOCK_MONOTONIC);
	if (bpf_timer_set_callback(&found->timer, tick))
		return -2;
	return bpf_timer_start(&found->timer, progress.period, 0);
}
