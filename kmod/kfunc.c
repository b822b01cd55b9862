// SPDX-License-Identifier: GPL-2.0-only
/*
 * What BPF programs call: faultline_emit(), by which a record of theirs goes into
 * the same slots as the module's own and is counted in the same ledger; and
 * faultline_watch(), for programs that do something else for each watch. So
 * there is one table of watches as well.
 *
 * What a program hands over is as hostile as any other input: it may say that
 * something ran short, does not get on or is out of range, of a process that is
 * watched, and nothing else. Which watch that is, the module knows itself.
 *
 * A program that calls this holds the module: the kernel takes a reference when
 * the program is loaded and gives it back when the program is freed, a grace
 * period after its last run. So nobody is in here when the module goes, and it
 * cannot go before.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/capability.h>
#include <linux/hardirq.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/faultline.h>

#include "block.h"
#include "cost.h"
#include "kfunc.h"
#include "process.h"
#include "record.h"

static DEFINE_PER_CPU(u64, kfunc_refused);

/* The largest code of each type; 0: not for programs to tell. */
static int kfunc_code_max(int type)
{
	switch (type) {
	case FAULTLINE_RECORD_HANG:
	case FAULTLINE_RECORD_HANG_OVER:
		return FAULTLINE_HANG_HEARTBEAT;
	case FAULTLINE_RECORD_LIMIT:
		return FAULTLINE_LIMIT_SPACE;
	case FAULTLINE_RECORD_RANGE:
		return FAULTLINE_RANGE_CAPABILITY;
	default:
		return 0;
	}
}

/* The capability that is out of range; nothing else has an error code. */
static bool kfunc_error_code_fits(const struct faultline_record *record)
{
	if (record->type == FAULTLINE_RECORD_RANGE && record->code == FAULTLINE_RANGE_CAPABILITY)
		return record->error_code <= CAP_LAST_CAP;
	return !record->error_code;
}

/* What these types do not use is 0, so that it can come to mean something. */
static bool kfunc_record_fits(const struct faultline_record *record)
{
	if (record->code < 1 || record->code > kfunc_code_max(record->type))
		return false;
	if (record->errno_ < 0 || record->errno_ > MAX_ERRNO)
		return false;
	if (record->tgid < 0 || record->tid < 0 || record->ptgid < 0)
		return false;
	return !(record->flags & ~FAULTLINE_F_BLOCKS) && !record->signo && !record->sender_tgid &&
	       !record->sender_uid && !record->trapno && !record->reserved &&
	       !record->fault_addr && kfunc_error_code_fits(record);
}

static bool kfunc_block_fits(const struct faultline_block *block)
{
	switch (block->type) {
	case FAULTLINE_BLOCK_LIMIT:
		return block->len == sizeof(struct faultline_usage);
	case FAULTLINE_BLOCK_NETWORK:
		return block->len == sizeof(struct faultline_network);
	case FAULTLINE_BLOCK_HANG:
	case FAULTLINE_BLOCK_KSTACK:
	case FAULTLINE_BLOCK_PATH:
	case FAULTLINE_BLOCK_SYSCALL:
		return block->len > sizeof(*block);
	default:
		return false;
	}
}

/* One block behind the other, none of which reaches beyond @blocks. */
static bool kfunc_blocks_fit(const struct fl_blocks *blocks)
{
	const struct faultline_block *block;
	u32 at = 0;

	while (blocks->len - at >= sizeof(*block)) {
		block = (const void *)blocks->data + at;
		if (block->len < sizeof(*block) || block->len % 8 ||
		    block->len > blocks->len - at || !kfunc_block_fits(block))
			return false;
		at += block->len;
	}
	return at == blocks->len;
}

/* In an interrupt the current process is anybody. */
static bool kfunc_current_watched(void)
{
	return in_task() && !(current->flags & PF_KTHREAD) &&
	       fl_process_watched(task_tgid_nr(current));
}

static bool kfunc_is_watched(pid_t tgid)
{
	return tgid ? fl_process_watched(tgid) : kfunc_current_watched();
}

static int kfunc_emit(const void *from, u32 len)
{
	struct faultline_record record;
	struct fl_blocks *blocks = NULL;
	bool bare = len == sizeof(record);

	/* The slots' rings and the locks are closed against interrupts only. */
	if (in_nmi())
		return -EOPNOTSUPP;
	if (len < sizeof(record) || len > sizeof(record) + FL_BLOCKS_ROOM)
		return -EMSGSIZE;
	/* Another CPU may change the program's memory: what was copied is looked at. */
	memcpy(&record, from, sizeof(record));
	if (record.len != len || !kfunc_record_fits(&record))
		return -EINVAL;
	if (!(record.flags & FAULTLINE_F_BLOCKS) != bare)
		return -EINVAL;
	if (!kfunc_is_watched(record.tgid))
		return -ESRCH;
	if (record.flags & FAULTLINE_F_BLOCKS)
		blocks = fl_blocks_try_take();
	if (blocks) {
		blocks->len = len - sizeof(record);
		memcpy(blocks->data, from + sizeof(record), blocks->len);
		if (!kfunc_blocks_fit(blocks)) {
			fl_blocks_put(blocks);
			return -EINVAL;
		}
	}
	return fl_record_emit(&record, blocks);
}

__bpf_kfunc_start_defs();

/**
 * faultline_emit() - a record of a program's into the stream
 * @record: struct faultline_record of type HANG, HANG_OVER, LIMIT or RANGE, with
 *	its len and code, errno_ where there is one, and of RANGE_CAPABILITY the
 *	capability as error_code; with FAULTLINE_F_BLOCKS
 *	blocks of evidence up to len, FL_BLOCKS_ROOM bytes at most. tgid is the process
 *	that it is about, with tid, ptgid, uid and comm; or 0: the current one,
 *	and the module fills these in. seq, cookie, watch and time_ns are the
 *	module's own. All else is 0.
 * @record__sz: its bytes; the verifier knows by the name that this is so
 *
 * Any context but NMI; does not sleep.
 *
 * Return: 0; -EOPNOTSUPP in NMI, -EMSGSIZE and -EINVAL for a record that is
 * wrong, -ESRCH for a process that is not watched, -EBUSY where this CPU is in
 * the midst of the module's table already, -ENOBUFS where the record was lost
 * for want of a slot, which the ledger counts; all else is counted as refused.
 */
__bpf_kfunc int faultline_emit(void *record, u32 record__sz)
{
	u64 begin = fl_cost_begin();
	int err = kfunc_emit(record, record__sz);

	fl_cost_end(FL_COST_EMIT, begin);
	if (err && err != -ENOBUFS)
		this_cpu_inc(kfunc_refused);
	return err;
}

/**
 * faultline_watch() - the watch that the current process belongs to
 *
 * Any context but NMI; does not sleep.
 *
 * Return: its id; 0 for a process that is not watched, in an interrupt, and
 * where this CPU is in the midst of the module's table already.
 */
__bpf_kfunc u32 faultline_watch(void)
{
	if (in_nmi() || !kfunc_current_watched())
		return 0;
	return fl_process_watch(task_tgid_nr(current));
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(kfunc_ids)
BTF_ID_FLAGS(func, faultline_emit, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, faultline_watch)
BTF_KFUNCS_END(kfunc_ids)

static const struct btf_kfunc_id_set kfunc_set = {
	.owner = THIS_MODULE,
	.set = &kfunc_ids,
};

u64 fl_kfunc_refused(void)
{
	u64 refused = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		refused += READ_ONCE(*per_cpu_ptr(&kfunc_refused, cpu));
	return refused;
}

/*
 * TRACING stands for tp_btf, fentry, LSM and iterators alike; SYSCALL are
 * programs that user space runs. Without BTF the kernel complains by itself,
 * and there is nothing for programs to find: the module is of use all the same.
 */
void fl_kfunc_init(void)
{
	int err;

	err = register_btf_kfunc_id_set(BPF_PROG_TYPE_TRACING, &kfunc_set) ?:
	      register_btf_kfunc_id_set(BPF_PROG_TYPE_SYSCALL, &kfunc_set);
	if (err)
		pr_notice("faultline_emit() is not there for BPF programs: %pe\n", ERR_PTR(err));
}
