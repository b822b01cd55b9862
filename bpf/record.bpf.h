/* SPDX-License-Identifier: GPL-2.0-only */
/* Records: their place in the ring, and the part that all of them have. */
#ifndef RECORD_BPF_H
#define RECORD_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"
#include "maps.bpf.h"

/*
 * Room in the ring. The caller looks once whether it got it, and counts: the
 * verifier of 6.1 does not remember the answer for a second look.
 */
static __always_inline struct faultline_record *record_reserve(void)
{
	return bpf_ringbuf_reserve(&ring, sizeof(struct faultline_record), 0);
}

/* A record that got its place, or did not: the ledger, and what it was. */
static __always_inline void record_count(u32 type, u32 kind, bool written)
{
	struct probes_counters *here;
	u32 zero = 0, place = PROBES_RECORD(type, kind);

	here = bpf_map_lookup_elem(&counters, &zero);
	if (!here)
		return;
	__sync_fetch_and_add(written ? &here->written : &here->lost_full, 1);
	/* That it is in bounds must be seen here, by the verifier of 6.1 too. */
	barrier_var(place);
	place &= PROBES_TYPES * PROBES_KINDS - 1;
	__sync_fetch_and_add(&here->records[place], 1);
}

static __always_inline void record_fill(struct faultline_record *record, int type,
					const struct probes_process *process,
					struct task_struct *task)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->len = sizeof(*record);
	record->type = type;
	record->flags = process->flags;
	record->cookie = process->cookie;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->watch = process->watch;
	record->tgid = task->tgid;
	record->tid = task->pid;
	record->ptgid = task->real_parent->tgid;
	record->uid = task->real_cred->uid.val;
	bpf_probe_read_kernel_str(record->comm, sizeof(record->comm), task->comm);
}

#endif /* RECORD_BPF_H */
