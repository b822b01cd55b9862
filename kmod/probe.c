// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes: what the module hangs into the kernel, and what it concludes there.
 *
 * A signal that ends a process is seen twice. signal_generate tells who sent
 * what to whom, as a suspicion: a candidate is remembered and the target is
 * asked, by task work, to take its own capture. signal_deliver tells what the
 * kernel makes of it, after handlers, masks and debuggers had their say. A
 * signal that does not dump core is fatal to all threads as soon as it is
 * generated; they are then told SIGKILL, and the true signal is in the process's
 * exit code and in the candidate.
 */
#include <linux/oom.h>
#include <linux/sched/signal.h>
#include <linux/tracepoint.h>
#include <linux/user_namespace.h>
#include <trace/events/oom.h>
#include <trace/events/sched.h>
#include <trace/events/signal.h>

#include "candidate.h"
#include "cost.h"
#include "detector.h"
#include "ending.h"
#include "probe.h"
#include "process.h"
#include "twork.h"

/* Would this end @task's process? Under its siglock. */
static bool signal_is_fatal(struct task_struct *task, int sig,
			    const struct k_sigaction *action)
{
	if (action->sa.sa_handler != SIG_DFL)
		return false;
	if (sig_kernel_ignore(sig) || sig_kernel_stop(sig))
		return false;
	/* The init of a pid namespace. */
	return !(task->signal->flags & SIGNAL_UNKILLABLE) || sig_kernel_only(sig);
}

/* Another process, as user space understands it. */
static bool signal_is_sent(struct task_struct *task, const struct kernel_siginfo *info)
{
	if (in_interrupt() || (current->flags & PF_KTHREAD) || same_thread_group(current, task))
		return false;
	if (info == SEND_SIG_NOINFO)
		return true;
	if (info == SEND_SIG_PRIV)
		return false;
	return info->si_code == SI_USER || info->si_code == SI_QUEUE ||
	       info->si_code == SI_TKILL;
}

/* An access to memory that the current thread tried. What the processor said is still there. */
static void candidate_fault(struct fl_candidate *candidate, const struct kernel_siginfo *info)
{
	if (!candidate->own || !(candidate->flags & FAULTLINE_F_KERNEL) ||
	    (candidate->signo != SIGSEGV && candidate->signo != SIGBUS))
		return;
	candidate->fault = true;
	candidate->address = (unsigned long)info->si_addr;
#if defined(CONFIG_X86_64)
	candidate->error_code = current->thread.error_code;
#elif defined(CONFIG_ARM64)
	candidate->error_code = current->thread.fault_code;
#endif
}

static void candidate_init(struct fl_candidate *candidate, int sig,
			   const struct kernel_siginfo *info,
			   struct task_struct *task, bool group)
{
	memset(candidate, 0, sizeof(*candidate));
	candidate->tid = task_pid_nr(task);
	candidate->signo = sig;
	candidate->own = task == current && !group && !in_interrupt() &&
			 !(task->flags & PF_EXITING);
	if (info == SEND_SIG_PRIV) {
		candidate->code = SI_KERNEL;
	} else if (info != SEND_SIG_NOINFO) {
		candidate->code = info->si_code;
		candidate->errno_ = info->si_errno;
	}
	if (candidate->code > 0)
		candidate->flags |= FAULTLINE_F_KERNEL;
	if (signal_is_sent(task, info)) {
		candidate->flags |= FAULTLINE_F_SENT;
		candidate->sender_tgid = task_tgid_nr(current);
		candidate->sender_uid = from_kuid_munged(&init_user_ns, current_uid());
	}
	if (info != SEND_SIG_PRIV && info != SEND_SIG_NOINFO)
		candidate_fault(candidate, info);
}

/* Not one that blocks the signal, is past it, or is to die to free memory. */
static bool task_may_capture(struct task_struct *task, int sig,
			     const struct fl_candidate *candidate)
{
	if (sigismember(&task->blocked, sig) || tsk_is_oom_victim(task))
		return false;
	if (task->flags & (PF_EXITING | PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
		return false;
	return sig != SIGKILL || !(candidate->flags & FAULTLINE_F_KERNEL);
}

static void signal_generate(int sig, struct kernel_siginfo *info,
			    struct task_struct *task, int group, int result)
{
	const struct sighand_struct *sighand;
	struct fl_candidate candidate;
	u32 id;

	if (!fl_process_watched(task_tgid_nr(task)) || !fl_detector_signals())
		return;
	if (result != TRACE_SIGNAL_DELIVERED && result != TRACE_SIGNAL_LOSE_INFO)
		return;
	sighand = rcu_dereference_raw(task->sighand); /* siglock is held */
	if (!signal_is_fatal(task, sig, &sighand->action[sig - 1]))
		return;
	candidate_init(&candidate, sig, info, task, group);
	id = fl_candidate_keep(task_tgid_nr(task), &candidate);
	if (id && task_may_capture(task, sig, &candidate))
		fl_twork_queue(task, id);
}

static void signal_deliver(int sig, struct kernel_siginfo *info,
			   const struct k_sigaction *action)
{
	struct signal_struct *signal = current->signal;
	int signo;

	if (!fl_process_watched(task_tgid_nr(current)))
		return;
	if (info != SEND_SIG_NOINFO) {
		if (signal_is_fatal(current, sig, action))
			fl_ending_signal(sig, info);
		return;
	}
	/*
	 * This thread is told to go, because of a signal to the process, of an
	 * exit_group() or, without SIGNAL_GROUP_EXIT, of another thread's exec.
	 */
	signo = signal->group_exit_code & 0x7f;
	if ((signal->flags & SIGNAL_GROUP_EXIT) && signo)
		fl_ending_signal(signo, NULL);
}

static void process_fork(struct task_struct *parent, struct task_struct *child)
{
	pid_t tgid = task_tgid_nr(parent);

	if (!fl_process_watched(tgid))
		return;
	if (task_tgid_nr(child) != tgid)
		fl_process_fork(tgid, task_tgid_nr(child));
}

/* What the tracepoints call. */
static void probe_signal_generate(void *data, int sig, struct kernel_siginfo *info,
				  struct task_struct *task, int group, int result)
{
	u64 begin = fl_cost_begin();

	signal_generate(sig, info, task, group, result);
	fl_cost_end(FL_COST_SIGNAL_GENERATE, begin);
}

static void probe_signal_deliver(void *data, int sig, struct kernel_siginfo *info,
				 struct k_sigaction *action)
{
	u64 begin = fl_cost_begin();

	signal_deliver(sig, info, action);
	fl_cost_end(FL_COST_SIGNAL_DELIVER, begin);
}

static void probe_process_fork(void *data, struct task_struct *parent,
			       struct task_struct *child)
{
	u64 begin = fl_cost_begin();

	process_fork(parent, child);
	fl_cost_end(FL_COST_PROCESS_FORK, begin);
}

static void probe_process_exit(void *data, FL_PROCESS_EXIT_ARGS)
{
	u64 begin = fl_cost_begin();

	if (fl_process_watched(task_tgid_nr(task)))
		fl_ending_exit(fl_group_dead(task));
	fl_cost_end(FL_COST_PROCESS_EXIT, begin);
}

/* Rare, and the machine waits for memory: what it costs is not measured. */
static void probe_mark_victim(void *data, FL_MARK_VICTIM_ARGS)
{
#ifndef HAVE_MARK_VICTIM_TASK
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_PID);
	if (task && fl_process_watched(task_tgid_nr(task)))
		fl_ending_victim(task);
	rcu_read_unlock();
#else
	if (fl_process_watched(task_tgid_nr(task)))
		fl_ending_victim(task);
#endif
}

struct probe {
	const char *name;
	void *function;
	struct tracepoint *tracepoint;
	bool registered;
};

static struct probe probes[] = {
	{ .name = "signal_generate", .function = probe_signal_generate },
	{ .name = "signal_deliver", .function = probe_signal_deliver },
	{ .name = "sched_process_fork", .function = probe_process_fork },
	{ .name = "sched_process_exit", .function = probe_process_exit },
	{ .name = "mark_victim", .function = probe_mark_victim },
};

/* The tracepoints are not exported by name, so the compiler checks here. */
static void probe_check_types(void)
{
	check_trace_callback_type_signal_generate(probe_signal_generate);
	check_trace_callback_type_signal_deliver(probe_signal_deliver);
	check_trace_callback_type_sched_process_fork(probe_process_fork);
	check_trace_callback_type_sched_process_exit(probe_process_exit);
	check_trace_callback_type_mark_victim(probe_mark_victim);
}

static void probe_match(struct tracepoint *tracepoint, void *unused)
{
	struct probe *probe;

	for (probe = probes; probe < probes + ARRAY_SIZE(probes); probe++)
		if (!strcmp(tracepoint->name, probe->name))
			probe->tracepoint = tracepoint;
}

int fl_probe_init(void)
{
	struct probe *probe;
	int err;

	probe_check_types();
	for_each_kernel_tracepoint(probe_match, NULL);
	for (probe = probes; probe < probes + ARRAY_SIZE(probes); probe++) {
		err = -ENOENT;
		if (probe->tracepoint)
			err = tracepoint_probe_register(probe->tracepoint,
							probe->function, NULL);
		if (err) {
			pr_err("tracepoint %s: %pe; the kernel needs CONFIG_TRACEPOINTS\n",
			       probe->name, ERR_PTR(err));
			fl_probe_exit();
			return err;
		}
		probe->registered = true;
	}
	return 0;
}

void fl_probe_exit(void)
{
	struct probe *probe;

	for (probe = probes; probe < probes + ARRAY_SIZE(probes); probe++) {
		if (probe->registered)
			tracepoint_probe_unregister(probe->tracepoint,
						    probe->function, NULL);
		probe->registered = false;
	}
	tracepoint_synchronize_unregister();
}
