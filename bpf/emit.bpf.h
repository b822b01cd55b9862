/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of the current process that goes on. With the module they are the
 * module's: it knows the watch, gives the number, keeps the ledger. Without it
 * they go into the ring. The object is the same; which of the two it is stands
 * in a constant, and the verifier leaves out the other one.
 */
#ifndef EMIT_BPF_H
#define EMIT_BPF_H

#include <bpf/bpf_helpers.h>

#include "record.bpf.h"

#define EMSGSIZE	90

/* Set before loading: the module is there, and BPF programs can call it. */
const volatile bool with_module;

extern int faultline_emit(void *record, u32 record__sz) __ksym __weak;

/*
 * The current process's watch as a number that no other has at this time: its
 * id, or with the module, which alone knows that, the process's own. 0: not
 * watched, as far as can be told here.
 */
static __always_inline u32 emit_watch(void)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct probes_process *process;

	if (with_module)
		return tgid;
	process = process_find(tgid);
	return process ? process->watch : 0;
}

/*
 * @size: constant; of a record with its blocks, whose @head.len, type, code,
 * errno_ and flags for blocks are filled in. False where it is lost, which is
 * counted, or the process is not watched.
 */
static __always_inline bool emit_current(struct faultline_record *head, u32 size)
{
	struct probes_process *process;
	struct faultline_record *record;
	u32 flags = head->flags;
	int ret;

	if (with_module) {
		ret = faultline_emit(head, size);
		if (ret != -EMSGSIZE)
			return !ret;
		/* One that takes no blocks. */
		head->len = sizeof(*head);
		head->flags = 0;
		return !faultline_emit(head, sizeof(*head));
	}
	process = process_find(bpf_get_current_pid_tgid() >> 32);
	if (!process)
		return false;
	record = bpf_ringbuf_reserve(&ring, size, 0);
	if (!record) {
		count(lost_full);
		return false;
	}
	count(written);
	__builtin_memcpy(record, head, size);
	record_fill(record, head->type, process, bpf_get_current_task_btf());
	record->len = size;
	record->flags |= flags;
	record->code = head->code;
	record->errno_ = head->errno_;
	bpf_ringbuf_submit(record, 0);
	return true;
}

#endif /* EMIT_BPF_H */
