// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads as the scan sees them: a sample of each, and a table of what it has to
 * remember from one pass to the next. The entries are a fixed pool: a machine
 * that is short of memory is one that hangs are looked for on.
 */
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/kernel_stat.h>
#include <linux/log2.h>
#include <linux/ptrace.h>
#include <linux/vmalloc.h>

#include "thread.h"

static struct {
	struct fl_thread *entries;
	struct hlist_head *buckets;
	unsigned int bits;
	unsigned int count;
	struct list_head free;
	struct list_head used;
} threads = {
	.free = LIST_HEAD_INIT(threads.free),
	.used = LIST_HEAD_INIT(threads.used),
};

static u64 cpu_busy(unsigned int cpu)
{
	const u64 *stat = kcpustat_cpu(cpu).cpustat;

	return stat[CPUTIME_USER] + stat[CPUTIME_NICE] + stat[CPUTIME_SYSTEM] +
	       stat[CPUTIME_IRQ] + stat[CPUTIME_SOFTIRQ];
}

void fl_sample_take(struct fl_sample *sample, struct task_struct *task)
{
	memset(sample, 0, sizeof(*sample));
	sample->state = READ_ONCE(task->__state);
	sample->cpu = READ_ONCE(task->se.sum_exec_runtime);
	sample->user = READ_ONCE(task->utime);
	sample->system = READ_ONCE(task->stime);
	sample->slept = READ_ONCE(task->nvcsw);
	sample->preempted = READ_ONCE(task->nivcsw);
	sample->iowait = task->in_iowait;
	sample->where = task_cpu(task);
	sample->busy = cpu_busy(sample->where);
#ifdef CONFIG_SMP
	sample->running = READ_ONCE(task->on_cpu);
#endif
#ifdef CONFIG_SCHED_INFO
	sample->waited = READ_ONCE(task->sched_info.run_delay);
#endif
#ifdef CONFIG_TASK_XACCT
	sample->bytes = READ_ONCE(task->ioac.rchar) + READ_ONCE(task->ioac.wchar);
#endif
#ifdef CONFIG_PSI
	sample->memstall = task->in_memstall;
#endif
}

static struct hlist_head *thread_bucket(pid_t tid)
{
	return &threads.buckets[hash_32(tid, threads.bits)];
}

static void thread_forget(struct fl_thread *thread)
{
	hlist_del(&thread->node);
	list_move(&thread->place, &threads.free);
	WRITE_ONCE(threads.count, threads.count - 1);
}

struct fl_thread *fl_thread_see(struct task_struct *task, u32 watch, u32 pass,
				const struct fl_sample *sample)
{
	pid_t tid = task_pid_nr(task);
	struct fl_thread *thread;

	hlist_for_each_entry(thread, thread_bucket(tid), node) {
		if (thread->tid == tid && thread->start == task->start_time &&
		    thread->watch == watch)
			goto seen;
	}
	thread = list_first_entry_or_null(&threads.free, struct fl_thread, place);
	if (!thread)
		return NULL;
	list_move(&thread->place, &threads.used);
	hlist_add_head(&thread->node, thread_bucket(tid));
	WRITE_ONCE(threads.count, threads.count + 1);
	thread->tid = tid;
	thread->tgid = task_tgid_nr(task);
	thread->watch = watch;
	thread->start = task->start_time;
	thread->last = *sample;
	memset(thread->symptoms, 0, sizeof(thread->symptoms));
seen:
	thread->pass = pass;
	/* Not get_task_comm(), whose lock others may hold for long. */
	memcpy(thread->comm, task->comm, sizeof(thread->comm));
	thread->comm[sizeof(thread->comm) - 1] = 0;
	return thread;
}

void fl_thread_sweep(u32 pass, void (*gone)(struct fl_thread *thread))
{
	struct fl_thread *thread, *next;

	list_for_each_entry_safe(thread, next, &threads.used, place) {
		if (thread->pass == pass)
			continue;
		gone(thread);
		thread_forget(thread);
	}
}

/*
 * The registers are those of its last entry into the kernel, by a tick where it
 * makes no system calls.
 */
void fl_thread_look(struct fl_thread *thread, struct task_struct *task)
{
	struct pt_regs *regs = fl_task_regs(task);
	struct fl_loop *loop = &thread->loop;
	u64 ip;
	u32 hash;

	if (!regs)
		return;
	ip = instruction_pointer(regs);
	hash = jhash2((void *)regs, sizeof(*regs) / sizeof(u32), 0);
	if (!loop->samples || ip < loop->low)
		loop->low = ip;
	if (!loop->samples || ip > loop->high)
		loop->high = ip;
	if (loop->samples && hash == loop->hash)
		loop->same++;
	loop->hash = hash;
	loop->samples++;
}

unsigned int fl_thread_count(void)
{
	return READ_ONCE(threads.count);
}

int fl_thread_init(unsigned int max)
{
	unsigned int i;

	threads.bits = order_base_2(max) + 1;
	threads.buckets = vzalloc(sizeof(*threads.buckets) << threads.bits);
	threads.entries = vzalloc(array_size(max, sizeof(*threads.entries)));
	if (!threads.buckets || !threads.entries) {
		fl_thread_exit();
		return -ENOMEM;
	}
	for (i = 0; i < max; i++)
		list_add_tail(&threads.entries[i].place, &threads.free);
	return 0;
}

void fl_thread_exit(void)
{
	vfree(threads.entries);
	vfree(threads.buckets);
}
