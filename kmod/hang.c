// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hangs: what the scan concludes from a thread's samples, and from all threads
 * of a watch. docs/kernel-module.md says what each verdict means.
 *
 * Time is counted as the scan sees it pass, in steps of its period: what the
 * machine as a whole loses (a suspend, a paused virtual machine, a scan that
 * gets no CPU itself) is lost to the verdicts too. A thread that is stopped,
 * traced or frozen is not judged at all.
 */
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <asm/syscall.h>
#include <asm/unistd.h>

#include "block.h"
#include "hang.h"
#include "hold.h"
#include "kstack.h"
#include "process.h"
#include "settings.h"
#include "tally.h"
#include "thread.h"
#include "watch.h"

#define D_STATES	(TASK_UNINTERRUPTIBLE | TASK_RTLOCK_WAIT)

static const enum faultline_watch_attr symptom_thresholds[FL_SYMPTOMS] = {
	[FL_SYMPTOM_DSTATE] = FAULTLINE_WATCH_A_DSTATE_MS,
	[FL_SYMPTOM_STARVED] = FAULTLINE_WATCH_A_STARVED_MS,
	[FL_SYMPTOM_SPIN] = FAULTLINE_WATCH_A_SPIN_MS,
};

static u64 ms_to_ns(u64 ms)
{
	return ms * NSEC_PER_MSEC;
}

u32 fl_hang_heartbeat_ms(const struct fl_settings *settings, const struct fl_pulse *pulse)
{
	u32 asked = fl_settings_get(settings, FAULTLINE_WATCH_A_HEARTBEAT_MS);
	u32 own = READ_ONCE(pulse->device_ms);

	return asked && own ? min(asked, own) : asked + own;
}

u32 fl_hang_shortest(const struct fl_settings *settings, const struct fl_pulse *pulse)
{
	u32 shortest = fl_hang_heartbeat_ms(settings, pulse) ?: U32_MAX;
	int i;

	for (i = FAULTLINE_WATCH_A_DSTATE_MS; i <= FAULTLINE_WATCH_A_DEADLOCK_MS; i++) {
		u32 ms = fl_settings_get(settings, i);

		if (ms)
			shortest = min(shortest, ms);
	}
	return shortest == U32_MAX ? 0 : shortest;
}

bool fl_hang_wanted(const struct fl_settings *settings, const struct fl_pulse *pulse)
{
	return fl_hang_shortest(settings, pulse);
}

/* Others keep it from going on, and that is how it should be. */
static bool task_is_held(struct task_struct *task)
{
	if (READ_ONCE(task->ptrace) || task_is_stopped_or_traced(task) ||
	    READ_ONCE(task->__state) & TASK_FROZEN)
		return true;
#ifdef CONFIG_CGROUPS
	/* Waiting for a vfork child also makes a task frozen, with no group freezing. */
	if (task->frozen && READ_ONCE(task->jobctl) & JOBCTL_TRAP_FREEZE)
		return true;
#endif
	return false;
}

/* The system call that it sleeps in, else -1. */
static int task_syscall(struct task_struct *task, const struct fl_sample *sample)
{
	struct pt_regs *regs = fl_task_regs(task);

	if (!regs || !sample->state || sample->running || fl_task_compat(task))
		return -1;
	return syscall_get_nr(task, regs);
}

/* Asleep in what only another thread ends: a lock, a condition, a child. */
static bool task_waits_for_another(struct task_struct *task, const struct fl_sample *sample)
{
	switch (task_syscall(task, sample)) {
	case __NR_futex:
#ifdef __NR_futex_waitv
	case __NR_futex_waitv:
#endif
#ifdef __NR_futex_wait
	case __NR_futex_wait:
#endif
	case __NR_wait4:
	case __NR_waitid:
	case __NR_flock:
	case __NR_fcntl:
		return true;
	default:
		return false;
	}
}

static bool sample_moved(const struct fl_sample *before, const struct fl_sample *now)
{
	return now->slept != before->slept || now->preempted != before->preempted;
}

/* ---- the symptoms of a thread, from @begin to @now ---- */

static bool symptom_holds(enum fl_symptom_kind kind, const struct fl_sample *begin,
			  const struct fl_sample *now, u64 counted)
{
	u64 cpu = now->cpu - begin->cpu;

	switch (kind) {
	case FL_SYMPTOM_DSTATE:
		/* TASK_IDLE does not wait for anything that could fail to come. */
		return now->state & D_STATES && !(now->state & TASK_NOLOAD) &&
		       !now->memstall && !sample_moved(begin, now);
	case FL_SYMPTOM_STARVED:
		return !now->state && now->slept == begin->slept && cpu * 10 <= counted &&
		       (counted || !now->running);
	case FL_SYMPTOM_SPIN:
		return !now->state && now->slept == begin->slept && now->bytes == begin->bytes;
	default:
		return false;
	}
}

/**
 * struct rivals - runnable threads on the CPU of a starved one
 * @higher: of a priority above its own, and not of the ordinary class
 * @equals: of the ordinary class
 */
struct rivals {
	u32 higher;
	u32 equals;
};

static void rivals_count(struct rivals *rivals, struct task_struct *task)
{
	struct task_struct *process, *thread;
	unsigned int cpu = task_cpu(task);

	memset(rivals, 0, sizeof(*rivals));
	for_each_process(process) {
		fl_for_each_thread(process, thread) {
			if (thread == task || thread == current ||
			    READ_ONCE(thread->__state) || task_cpu(thread) != cpu)
				continue;
			if (thread->prio >= MAX_RT_PRIO)
				rivals->equals++;
			else if (thread->prio < task->prio)
				rivals->higher++;
		}
	}
}

/* Threads of the kernel come up for a moment everywhere. */
#define OUTRANKED_PASSES	3

/*
 * That a thread gets little is no fault where all have to share. It starves
 * where others are always before it, and it gets less than a quarter of what its
 * equals would leave it, or where it gets nothing though nobody is there.
 *
 * Always: for a quarter of the threshold in the CPU's own time. Where a host does
 * not let a CPU go on, whatever was runnable there is so in every pass.
 */
static bool thread_starves(struct task_struct *task, struct fl_symptom *symptom,
			   const struct fl_sample *now, u64 threshold, struct rivals *rivals)
{
	u64 cpu = now->cpu - symptom->begin.cpu;

	if (task->policy == SCHED_IDLE)
		return false;
	rivals_count(rivals, task);
	symptom->outranked = rivals->higher ? symptom->outranked + 1 : 0;
	if (symptom->outranked <= 1)
		symptom->outranked_at = symptom->counted;
	if (rivals->higher)
		return symptom->outranked >= OUTRANKED_PASSES &&
		       (symptom->counted - symptom->outranked_at) * 4 >= threshold &&
		       cpu * 4 * (rivals->equals + 1) < symptom->counted;
	return !rivals->equals && cpu * 1000 < symptom->counted;
}

/* ---- evidence ---- */

static char state_letter(unsigned int state)
{
	if (!state)
		return 'R';
	if (state & TASK_NOLOAD && state & TASK_UNINTERRUPTIBLE)
		return 'I';
	if (state & D_STATES)
		return 'D';
	return state & TASK_INTERRUPTIBLE ? 'S' : '?';
}

static struct faultline_hang_block *evidence_begin(struct fl_blocks *blocks, u64 duration,
						   u64 lost, u32 threshold_ms)
{
	struct faultline_hang_block *block;

	block = fl_blocks_add(blocks, FAULTLINE_BLOCK_HANG, 0, sizeof(*block));
	if (!block)
		return NULL;
	block->duration_ns = duration;
	block->lost_ns = lost;
	block->threshold_ns = ms_to_ns(threshold_ms);
	block->syscall = -1;
	return block;
}

/* How the thread is now. */
static void evidence_state(struct faultline_hang_block *block, struct task_struct *task,
			   const struct fl_sample *now, const struct fl_kstack *stack)
{
	block->state = state_letter(now->state);
	block->syscall = task_syscall(task, now);
	block->cpu = task_cpu(task);
	if (now->running)
		block->block.flags |= FAULTLINE_HANG_F_RUNNING;
	if (now->iowait)
		block->block.flags |= FAULTLINE_HANG_F_IOWAIT;
	if (now->memstall)
		block->block.flags |= FAULTLINE_HANG_F_MEMSTALL;
	if (now->state)
		fl_kstack_wchan(stack, block->wchan, sizeof(block->wchan));
}

static void evidence_deltas(struct faultline_hang_block *block,
			    const struct fl_sample *begin, const struct fl_sample *now)
{
	block->cpu_ns = now->cpu - begin->cpu;
	block->user_ns = now->user - begin->user;
	block->system_ns = now->system - begin->system;
	block->waited_ns = now->waited - begin->waited;
	block->slept = now->slept - begin->slept;
	block->preempted = now->preempted - begin->preempted;
	block->bytes = now->bytes - begin->bytes;
}

static void evidence_loop(struct faultline_hang_block *block, const struct fl_loop *loop)
{
	block->ip_low = loop->low;
	block->ip_high = loop->high;
	block->samples = loop->samples;
	block->same = loop->same;
}

/* Blocks may be NULL throughout: the record goes out without. */
static void thread_tell(struct fl_thread *thread, struct task_struct *task, int type,
			enum fl_symptom_kind kind, const struct fl_sample *now,
			u32 threshold_ms, const struct rivals *rivals)
{
	const struct fl_symptom *symptom = &thread->symptoms[kind];
	struct fl_blocks *blocks = fl_blocks_take();
	struct faultline_hang_block *block = NULL;
	struct fl_kstack stack = {};

	if (task)
		fl_kstack_take(&stack, task);
	if (blocks)
		block = evidence_begin(blocks, symptom->counted, symptom->lost, threshold_ms);
	if (block) {
		evidence_deltas(block, &symptom->begin, now);
		if (task)
			evidence_state(block, task, now, &stack);
		/* The scheduler adds up a wait when it is over; this one is not. */
		if (kind == FL_SYMPTOM_STARVED)
			block->waited_ns = symptom->counted - min(block->cpu_ns, symptom->counted);
		if (kind == FL_SYMPTOM_SPIN)
			evidence_loop(block, &thread->loop);
		if (rivals) {
			block->rivals = rivals->higher;
			block->equals = rivals->equals;
		}
		if (type == FAULTLINE_RECORD_HANG)
			fl_kstack_add(&stack, thread->tid, blocks);
	}
	fl_tally_tell(thread->tgid, thread->watch, thread->tid, thread->comm, type,
		      kind + FAULTLINE_HANG_DSTATE, blocks);
}

/* ---- threads ---- */

static void symptom_begin(struct fl_thread *thread, enum fl_symptom_kind kind,
			  const struct fl_sample *now)
{
	struct fl_symptom *symptom = &thread->symptoms[kind];

	memset(symptom, 0, sizeof(*symptom));
	symptom->begin = *now;
	symptom->present = symptom_holds(kind, now, now, 0);
	if (kind == FL_SYMPTOM_SPIN)
		memset(&thread->loop, 0, sizeof(thread->loop));
}

static void symptom_judge(struct fl_thread *thread, struct task_struct *task,
			  enum fl_symptom_kind kind, const struct fl_sample *now,
			  u32 threshold_ms)
{
	struct fl_symptom *symptom = &thread->symptoms[kind];
	u64 threshold = ms_to_ns(threshold_ms);
	struct rivals rivals, *found = NULL;

	if (symptom->told || symptom->counted < threshold || symptom->counted < symptom->retry)
		return;
	if (kind == FL_SYMPTOM_STARVED) {
		found = &rivals;
		if (!thread_starves(task, symptom, now, threshold, found)) {
			/* It takes a walk over all threads to find out: not in every pass. */
			if (!symptom->outranked)
				symptom->retry = symptom->counted + threshold;
			return;
		}
	}
	symptom->told = true;
	thread_tell(thread, task, FAULTLINE_RECORD_HANG, kind, now, threshold_ms, found);
}

/*
 * A CPU takes from a thread only what it gives to others: not the time in which
 * it stood still itself, as that of a virtual machine may.
 */
static u64 starved_elapsed(const struct fl_sample *before, const struct fl_sample *now,
			   u64 elapsed)
{
	if (now->where != before->where)
		return 0;
	return min_t(u64, elapsed, now->busy - before->busy);
}

static void symptom_step(struct fl_thread *thread, struct task_struct *task,
			 enum fl_symptom_kind kind, const struct fl_sample *now,
			 u32 threshold_ms, u64 elapsed, u64 lost)
{
	struct fl_symptom *symptom = &thread->symptoms[kind];
	u64 counted;

	if (!threshold_ms) {
		symptom->present = false;
		symptom->told = false;
		return;
	}
	if (!symptom->present) {
		symptom_begin(thread, kind, now);
		return;
	}
	if (kind == FL_SYMPTOM_STARVED)
		elapsed = starved_elapsed(&thread->last, now, elapsed);
	/* It spins in CPU time, of which others can take nothing away. */
	counted = kind == FL_SYMPTOM_SPIN ? now->cpu - symptom->begin.cpu :
					    symptom->counted + elapsed;
	if (!symptom_holds(kind, &symptom->begin, now, counted)) {
		if (symptom->told)
			thread_tell(thread, task, FAULTLINE_RECORD_HANG_OVER, kind, now,
				    threshold_ms, NULL);
		symptom_begin(thread, kind, now);
		return;
	}
	symptom->counted = counted;
	symptom->lost += lost;
	/* Without a tick since then its registers are those of before. */
	if (kind == FL_SYMPTOM_SPIN &&
	    now->user + now->system != symptom->begin.user + symptom->begin.system)
		fl_thread_look(thread, task);
	symptom_judge(thread, task, kind, now, threshold_ms);
}

/* Of @elapsed, what it waited for a CPU or for memory: no time of its own. */
static u64 thread_lost(const struct fl_sample *before, const struct fl_sample *now, u64 elapsed)
{
	if (now->memstall)
		return elapsed;
	/* What it waits at this moment is added when it is over. */
	if (!now->state && !now->running && now->cpu == before->cpu &&
	    now->waited == before->waited)
		return elapsed;
	return min(now->waited - before->waited, elapsed);
}

void fl_hang_thread(struct task_struct *task, u32 watch, const struct fl_settings *settings,
		    u32 pass, u64 elapsed, u64 lost, struct fl_tally *tally)
{
	struct fl_thread *thread;
	struct fl_sample now;
	int kind;

	if (READ_ONCE(task->exit_state))
		return;
	fl_sample_take(&now, task);
	thread = fl_thread_see(task, watch, pass, &now);
	if (!thread) {
		tally->blind = true;
		return;
	}
	if (task_is_held(task)) {
		tally->held = true;
		thread->last = now;
		return;
	}
	for (kind = 0; kind < FL_SYMPTOMS; kind++)
		symptom_step(thread, task, kind, &now,
			     fl_settings_get(settings, symptom_thresholds[kind]), elapsed, lost);
	/* The kernel's own helpers, which wait for whatever it is that they help with. */
	if (!(task->flags & (PF_IO_WORKER | PF_USER_WORKER))) {
		tally->threads++;
		tally->waiting += !sample_moved(&thread->last, &now) &&
				  task_waits_for_another(task, &now);
	}
	tally->lost = max(tally->lost, thread_lost(&thread->last, &now, elapsed));
	thread->last = now;
}

void fl_hang_thread_gone(struct fl_thread *thread)
{
	int kind;

	for (kind = 0; kind < FL_SYMPTOMS; kind++)
		if (thread->symptoms[kind].told)
			thread_tell(thread, NULL, FAULTLINE_RECORD_HANG_OVER, kind,
				    &thread->last, 0, NULL);
}

/* ---- watches ---- */

/**
 * struct judgement - what is to be said of a watch
 * @type: 0: nothing
 * @code: FAULTLINE_HANG_*
 * @tgid: the watch's main process
 * @duration: ns that it has lasted
 * @lost: ns of them that do not count
 * @threshold_ms: what it went beyond
 * @threads: that are in it
 */
struct judgement {
	int type;
	int code;
	pid_t tgid;
	u64 duration;
	u64 lost;
	u32 threshold_ms;
	u32 threads;
};

static void judge_heartbeat(struct fl_watch *watch, u64 elapsed, u64 lost,
			    struct judgement *judgement)
{
	u32 threshold_ms = fl_hang_heartbeat_ms(&watch->settings, &watch->pulse);
	struct fl_pulse *pulse = &watch->pulse;
	u64 age = pulse->age, stolen;

	judgement->code = FAULTLINE_HANG_HEARTBEAT;
	judgement->threshold_ms = threshold_ms;
	judgement->duration = age;
	judgement->lost = pulse->age_lost;
	if (pulse->beats != pulse->seen) {
		pulse->seen = pulse->beats;
		pulse->age = min(ktime_get_ns() - pulse->beat_ns, elapsed);
		pulse->age_lost = 0;
		if (pulse->missed)
			judgement->type = FAULTLINE_RECORD_HANG_OVER;
		pulse->missed = false;
		return;
	}
	if (!threshold_ms) {
		pulse->missed = false;
		return;
	}
	if (pulse->tally.held) {
		pulse->age_lost += elapsed + lost;
		return;
	}
	/* Pressure may stretch the time, not do away with it: see the documentation. */
	stolen = min(pulse->tally.lost, elapsed - elapsed / 4);
	pulse->age += elapsed - stolen;
	pulse->age_lost += stolen + lost;
	judgement->duration = pulse->age;
	judgement->lost = pulse->age_lost;
	if (pulse->missed || pulse->age < ms_to_ns(threshold_ms))
		return;
	pulse->missed = true;
	judgement->type = FAULTLINE_RECORD_HANG;
}

static void judge_deadlock(struct fl_watch *watch, u64 elapsed, struct judgement *judgement)
{
	u32 threshold_ms = fl_settings_get(&watch->settings, FAULTLINE_WATCH_A_DEADLOCK_MS);
	const struct fl_tally *tally = &watch->pulse.tally;
	struct fl_pulse *pulse = &watch->pulse;
	bool due = fl_settings_get(&watch->settings, FAULTLINE_WATCH_A_WORK);

	judgement->code = FAULTLINE_HANG_DEADLOCK;
	judgement->threshold_ms = threshold_ms;
	judgement->threads = tally->threads;
	judgement->duration = pulse->locked;
	if (tally->held)
		return;
	if (!threshold_ms || !due || !tally->threads || tally->blind ||
	    tally->waiting != tally->threads) {
		/* That work is not due any more does not tell that they go on. */
		if (pulse->deadlock && threshold_ms && tally->waiting != tally->threads) {
			judgement->type = FAULTLINE_RECORD_HANG_OVER;
			pulse->deadlock = false;
		}
		if (!threshold_ms)
			pulse->deadlock = false;
		pulse->locked = 0;
		return;
	}
	pulse->locked += elapsed;
	judgement->duration = pulse->locked;
	if (pulse->deadlock || pulse->locked < ms_to_ns(threshold_ms))
		return;
	pulse->deadlock = true;
	judgement->type = FAULTLINE_RECORD_HANG;
}

/* The main process shows how it stands, or the oldest one that is left. */
static void watch_tell(u32 id, const struct judgement *judgement)
{
	struct faultline_hang_block *block = NULL;
	struct fl_blocks *blocks;
	struct task_struct *task;
	char comm[TASK_COMM_LEN] = "";
	struct fl_kstack stack;
	struct fl_sample now;

	blocks = fl_blocks_take();
	if (blocks)
		block = evidence_begin(blocks, judgement->duration, judgement->lost,
				       judgement->threshold_ms);
	if (block)
		block->threads = judgement->threads;
	rcu_read_lock();
	task = pid_task(find_pid_ns(judgement->tgid, &init_pid_ns), PIDTYPE_PID);
	if (task) {
		memcpy(comm, task->comm, sizeof(comm));
		comm[sizeof(comm) - 1] = 0;
	}
	if (task && block && !READ_ONCE(task->exit_state)) {
		fl_sample_take(&now, task);
		fl_kstack_take(&stack, task);
		evidence_state(block, task, &now, &stack);
		if (judgement->type == FAULTLINE_RECORD_HANG)
			fl_kstack_add(&stack, judgement->tgid, blocks);
	}
	rcu_read_unlock();
	fl_tally_tell(judgement->tgid, id, judgement->tgid, comm, judgement->type,
		      judgement->code, blocks);
}

void fl_hang_watch(struct fl_watch *watch, u64 elapsed, u64 lost)
{
	struct judgement judgements[2] = {};
	struct fl_process *process;
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&fl_process_lock, flags);
	if (watch->count) {
		/* Whose fault is being looked at cannot be expected to go on. */
		watch->pulse.tally.held |= fl_hold_any(watch->id);
		judge_heartbeat(watch, elapsed, lost, &judgements[0]);
		judge_deadlock(watch, elapsed, &judgements[1]);
		memset(&watch->pulse.tally, 0, sizeof(watch->pulse.tally));
		process = list_first_entry(&watch->processes, struct fl_process, sibling);
		for (i = 0; i < ARRAY_SIZE(judgements); i++)
			judgements[i].tgid = process->tgid;
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	for (i = 0; i < ARRAY_SIZE(judgements); i++)
		if (judgements[i].type)
			watch_tell(watch->id, &judgements[i]);
}
