/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process uses when it comes to its end. Counters alone are read, as the
 * kernel has them added up: of each kind some pages for each CPU may be missing.
 */
#ifndef MEMORY_BPF_H
#define MEMORY_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <linux/faultline.h>

#include "kernel.h"
#include "maps.bpf.h"

#define MEMORY_VICTIMS_MAX	64

/* Set before loading. */
const volatile __u32 page_shift;

/* Of processes that the kernel has sent SIGKILL, and that have not ended yet; by tgid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MEMORY_VICTIMS_MAX);
	__type(key, u32);
	__type(value, struct faultline_memory);
} victims SEC(".maps");

static __always_inline u64 memory_bytes(__s64 pages)
{
	return pages > 0 ? (u64)pages << page_shift : 0;
}

/* Bytes of a kind, which is constant. Until 6.1 each thread keeps what it has not added up yet. */
#define memory_counter(task, mm, kind)							\
	({										\
		struct task_struct___split *_split = (void *)(task);			\
		struct mm_struct___atomic *_atomic = (void *)(mm);			\
		__s64 _pages;								\
											\
		if (bpf_core_field_exists(_atomic->rss_stat.count))			\
			_pages = BPF_CORE_READ(_atomic, rss_stat.count[kind].counter);	\
		else									\
			_pages = BPF_CORE_READ(mm, rss_stat[kind].count);		\
		if (bpf_core_field_exists(_split->rss_stat.count))			\
			_pages += BPF_CORE_READ(_split, rss_stat.count[kind]);		\
		memory_bytes(_pages);							\
	})

static __always_inline void memory_begin(struct faultline_memory *memory, u16 flags)
{
	__builtin_memset(memory, 0, sizeof(*memory));
	memory->block.len = sizeof(*memory);
	memory->block.type = FAULTLINE_BLOCK_MEMORY;
	memory->block.flags = flags;
}

/* Of a process that has its memory; false where it has none. */
static __always_inline bool memory_read(struct faultline_memory *memory, struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	u64 peak;

	if (!mm)
		return false;
	memory_begin(memory, 0);
	memory->size = BPF_CORE_READ(mm, total_vm) << page_shift;
	peak = BPF_CORE_READ(mm, hiwater_vm) << page_shift;
	memory->size_peak = peak > memory->size ? peak : memory->size;
	memory->anon = memory_counter(task, mm, MM_ANONPAGES);
	memory->file = memory_counter(task, mm, MM_FILEPAGES);
	memory->shmem = memory_counter(task, mm, MM_SHMEMPAGES);
	memory->resident = memory->anon + memory->file + memory->shmem;
	peak = BPF_CORE_READ(mm, hiwater_rss) << page_shift;
	memory->resident_peak = peak > memory->resident ? peak : memory->resident;
	memory->swap = memory_counter(task, mm, MM_SWAPENTS);
	memory->stack = BPF_CORE_READ(mm, stack_vm) << page_shift;
	return true;
}

/* Before the kernel's SIGKILL takes it, which is when memory ran out most of the time. */
static __always_inline void memory_keep(struct task_struct *task)
{
	struct faultline_memory memory;
	u32 tgid = task->tgid;

	if (memory_read(&memory, task))
		bpf_map_update_elem(&victims, &tgid, &memory, BPF_ANY);
}

/* Of the current process, which has ended. */
static __always_inline void memory_ended(struct faultline_memory *memory, struct task_struct *task)
{
	struct faultline_memory *kept;
	u32 tgid = task->tgid;

	kept = bpf_map_lookup_elem(&victims, &tgid);
	if (kept) {
		*memory = *kept;
		bpf_map_delete_elem(&victims, &tgid);
	} else if (!memory_read(memory, task)) {
		memory_begin(memory, FAULTLINE_MEMORY_ENDED);
		memory->resident_peak = BPF_CORE_READ(task, signal, maxrss) << page_shift;
	}
}

#endif /* MEMORY_BPF_H */
