// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records about watched processes: what the module knows of one goes into them.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "block.h"
#include "lock.h"
#include "process.h"
#include "record.h"
#include "slot.h"
#include "watch.h"

#define FAULT_SIGNALS (rt_sigmask(SIGSEGV) | rt_sigmask(SIGBUS) | \
		       rt_sigmask(SIGILL) | rt_sigmask(SIGFPE) | rt_sigmask(SIGTRAP))

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

void fl_record_begin(struct faultline_record *record,
		     const struct fl_process *process, int type)
{
	memset(record, 0, sizeof(*record));
	record->type = type;
	record->flags = process->main ? FAULTLINE_F_MAIN : 0;
	record->cookie = process->watch->cookie;
	record->watch = process->watch->id;
	record_current(record);
}

void fl_record_siginfo(struct faultline_record *record, const struct kernel_siginfo *info)
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

void fl_record_process(struct faultline_record *record, pid_t tgid)
{
	struct task_struct *task;

	record->tgid = tgid;
	record->tid = tgid;
	rcu_read_lock();
	task = pid_task(find_pid_ns(tgid, &init_pid_ns), PIDTYPE_TGID);
	if (task) {
		record->ptgid = task_tgid_nr(rcu_dereference(task->real_parent));
		record->uid = from_kuid_munged(&init_user_ns, task_uid(task));
		memcpy(record->comm, task->comm, sizeof(record->comm));
		record->comm[sizeof(record->comm) - 1] = 0;
	}
	rcu_read_unlock();
}

int fl_record_emit(struct faultline_record *record, struct fl_blocks *blocks)
{
	const struct fl_process *process;
	unsigned long flags;
	int err = -ESRCH;

	if (!record->tgid)
		record_current(record);
	record->comm[sizeof(record->comm) - 1] = 0;
	/* Under the lock, so that it is never behind the watch's last record. */
	if (!fl_lock_try(&fl_process_lock, flags)) {
		fl_blocks_put(blocks);
		return -EBUSY;
	}
	process = fl_process_find(record->tgid);
	if (process) {
		record->flags = process->main ? FAULTLINE_F_MAIN : 0;
		record->cookie = process->watch->cookie;
		record->watch = process->watch->id;
		err = fl_slot_emit(record, NULL, blocks) ? 0 : -ENOBUFS;
		blocks = NULL;
	}
	raw_spin_unlock_irqrestore(&fl_process_lock, flags);
	fl_blocks_put(blocks);
	return err;
}
