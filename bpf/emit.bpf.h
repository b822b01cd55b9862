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

/* Set before loading: the module is there, and BPF programs can call it. */
const volatile bool with_module;

extern int faultline_emit(void *record, u32 record__sz) __ksym __weak;
extern u32 faultline_watch(void) __ksym __weak;

/* The id of the current process's watch; 0: it is not watched. */
static __always_inline u32 emit_watch(void)
{
	struct probes_process *process;

	if (with_module)
		return faultline_watch();
	process = process_find(bpf_get_current_pid_tgid() >> 32);
	return process ? process->watch : 0;
}

/*
 * @head: its len, type, code, errno_, error_code and flags for blocks are filled in
 * @size: constant; of the memory in which it and its blocks are
 *
 * False where it is lost, which is counted, or the process is not watched.
 */
static __always_inline bool emit_current(struct faultline_record *head, u32 size)
{
	struct probes_process *process;
	struct faultline_record *record;
	u32 flags = head->flags, len = head->len;

	/* What the verifier must see, as nobody has given another length. */
	if (len > size)
		return false;
	if (with_module)
		return !faultline_emit(head, len);
	process = process_find(bpf_get_current_pid_tgid() >> 32);
	if (!process)
		return false;
	record = bpf_ringbuf_reserve(&ring, size, 0);
	if (!record) {
		record_count(head->type, head->code, false);
		return false;
	}
	record_count(head->type, head->code, true);
	__builtin_memcpy(record, head, size);
	record_fill(record, head->type, process, bpf_get_current_task_btf());
	record->len = len;
	record->flags |= flags;
	record->code = head->code;
	record->errno_ = head->errno_;
	record->error_code = head->error_code;
	bpf_ringbuf_submit(record, 0);
	return true;
}

#endif /* EMIT_BPF_H */
