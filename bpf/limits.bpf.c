// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: what a watched process asked for and did not get because there is no
 * more of it, and goes on. Nothing here hangs on the entry or the exit of system
 * calls: each program stands behind the one function of the kernel that hands
 * out what may run short, whichever call wants it, and leaves at once where that
 * went well. A watch has one record a second of each limit; what comes between
 * is counted, and told by the next.
 */
#include <linux/bpf.h>

#include "kernel.h"
#include "probes.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "emit.bpf.h"

#define ENOMEM		12
#define EAGAIN		11
#define ENFILE		23
#define EMFILE		24
#define ENOSPC		28
#define EDQUOT		122

#define LIMIT_PAUSE_NS	1000000000ULL
#define LIMIT_KINDS	8	/* a power of two above FAULTLINE_LIMIT_SPACE */
#define SEEN_MAX	256	/* a power of two */
#define CGROUP_DEPTH	8
#define PRESSED_MAX	256

/* Set before loading. */
const volatile __u32 page_shift;

char LICENSE[] SEC("license") = "GPL";

/**
 * struct seen - when a watch had its last record of a limit
 * @times: how often it was reached since
 */
struct seen {
	u64 time;
	u32 watch;
	u32 times;
};

/*
 * By the watch's number modulo the size. Where two meet, each has its records as
 * if it were the first time: some more than need be, and none is missing.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SEEN_MAX * LIMIT_KINDS);
	__type(key, u32);
	__type(value, struct seen);
} limits_seen SEC(".maps");

struct limit_record {
	struct faultline_record record;
	struct faultline_usage usage;
};

/* How often it was reached since the last record, or 0 where it is too soon for the next. */
static __always_inline u32 limit_due(u32 watch, int limit)
{
	u32 slot = (watch & (SEEN_MAX - 1)) * LIMIT_KINDS + (limit & (LIMIT_KINDS - 1));
	struct seen *seen = bpf_map_lookup_elem(&limits_seen, &slot);
	u64 now = bpf_ktime_get_ns(), last;

	if (!seen)
		return 1;
	last = seen->time;
	if (seen->watch != watch) {
		seen->watch = watch;
		seen->times = 0;
	} else if ((last && now - last < LIMIT_PAUSE_NS) ||
		   __sync_val_compare_and_swap(&seen->time, last, now) != last) {
		__sync_fetch_and_add(&seen->times, 1);
		count(suppressed);
		return 0;
	}
	seen->time = now;
	return __sync_lock_test_and_set(&seen->times, 0) + 1;
}

static __always_inline void limit_reached(int limit, int error, int scope, u64 used, u64 most)
{
	struct limit_record hit = {
		.record = {
			.len = sizeof(hit),
			.type = FAULTLINE_RECORD_LIMIT,
			.flags = FAULTLINE_F_BLOCKS,
			.code = limit,
			.errno_ = error,
		},
		.usage = {
			.block = { .len = sizeof(hit.usage), .type = FAULTLINE_BLOCK_LIMIT },
			.used = used,
			.limit = most,
			.scope = scope,
		},
	};
	u32 watch = emit_watch();

	if (!watch)
		return;
	hit.usage.times = limit_due(watch, limit);
	if (hit.usage.times)
		emit_current(&hit.record, sizeof(hit));
}

/* A macro, as the index must be a constant before anything is inlined. */
#define limit_of(task, resource) ((task)->signal->rlim[resource].rlim_cur)

/* The errno in what a function returned that gives a pointer, or 0. */
static __always_inline int pointer_error(const void *pointer)
{
	return (u64)pointer >= -4095UL ? -(long)pointer : 0;
}

/* ---- open files ---- */

/* Every new descriptor, of whatever it is. The range ends at the process's limit. */
SEC("fexit/alloc_fd")
int BPF_PROG(limit_alloc_fd, unsigned int start, unsigned int end, unsigned int flags, int ret)
{
	if (ret == -EMFILE)
		limit_reached(FAULTLINE_LIMIT_FILES, EMFILE, FAULTLINE_SCOPE_PROCESS, end, end);
	return 0;
}

SEC("fexit/alloc_empty_file")
int BPF_PROG(limit_alloc_file, int flags, const struct cred *cred, struct file *ret)
{
	if (pointer_error(ret) == ENFILE)
		limit_reached(FAULTLINE_LIMIT_FILES, ENFILE, FAULTLINE_SCOPE_SYSTEM, 0, 0);
	return 0;
}

/* ---- processes and threads ---- */

/* A cgroup as one of the kernel's controllers has it; NULL where the kernel has no such controller. */
static __always_inline struct cgroup_subsys_state *cgroup_of(struct task_struct *task, u32 controller)
{
	struct cgroup_subsys_state *css = NULL;
	/* As a plain number: an index is added to it. */
	u64 set = (u64)task->cgroups;

	set += bpf_core_field_offset(struct css_set, subsys) + controller * sizeof(void *);
	bpf_probe_read_kernel(&css, sizeof(css), (void *)set);
	return css;
}

/* The nearest cgroup with no room for one more process, of the current one's and those above. */
static __always_inline bool cgroup_full(struct task_struct *task, u64 *used, u64 *most)
{
	struct cgroup_subsys_state *css;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		return false;
	css = cgroup_of(task, bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id));
	for (int i = 0; i < CGROUP_DEPTH && css; i++) {
		/* The css is its first member. */
		struct pids_cgroup *pids = (struct pids_cgroup *)css;

		*used = BPF_CORE_READ(pids, counter.counter);
		*most = BPF_CORE_READ(pids, limit.counter);
		if (*used >= *most)
			return true;
		css = BPF_CORE_READ(css, parent);
	}
	return false;
}

static __always_inline void processes_short(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 used = 0, most = 0;
	int scope = FAULTLINE_SCOPE_SYSTEM;

	if (cgroup_full(task, &used, &most)) {
		scope = FAULTLINE_SCOPE_CGROUP;
	} else {
		most = limit_of(task, RLIMIT_NPROC);
		used = BPF_CORE_READ(task, real_cred, ucounts, rlimit[UCOUNT_RLIMIT_NPROC].counter);
		if (used >= most)
			scope = FAULTLINE_SCOPE_USER;
		else
			used = most = 0;
	}
	limit_reached(FAULTLINE_LIMIT_PROCESSES, EAGAIN, scope, used, most);
}

/* fork(), clone(), vfork(); memory that a fork lacks is seen below. */
SEC("fexit/kernel_clone")
int BPF_PROG(limit_clone, void *args, int ret)
{
	if (ret == -EAGAIN)
		processes_short();
	return 0;
}

/* ---- memory ---- */

/* Address space: mmap(), brk(), mremap(), a stack that grows. */
SEC("fexit/may_expand_vm")
int BPF_PROG(limit_expand, struct mm_struct *mm, u64 flags, unsigned long pages, unsigned char ret)
{
	struct task_struct *task;
	u64 used, most;

	if (ret)
		return 0;
	task = bpf_get_current_task_btf();
	most = limit_of(task, RLIMIT_AS);
	used = mm->total_vm << page_shift;
	if (most == RLIM_INFINITY || used + (pages << page_shift) <= most) {
		most = limit_of(task, RLIMIT_DATA);
		used = mm->data_vm << page_shift;
	}
	limit_reached(FAULTLINE_LIMIT_MEMORY, ENOMEM, FAULTLINE_SCOPE_PROCESS, used, most);
	return 0;
}

/* Memory that the machine does not promise any more (vm.overcommit_memory). */
SEC("fexit/__vm_enough_memory")
int BPF_PROG(limit_promise, struct mm_struct *mm, long pages, int admin, int ret)
{
	if (ret == -ENOMEM)
		limit_reached(FAULTLINE_LIMIT_MEMORY, ENOMEM, FAULTLINE_SCOPE_SYSTEM, 0, 0);
	return 0;
}

/* How often a cgroup was beyond memory.high, and at memory.max, when it was last looked at. */
struct pressed {
	u64 high;
	u64 max;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PRESSED_MAX);
	__type(key, u64);
	__type(value, struct pressed);
} pressed SEC(".maps");

/* Of the current process's cgroup and those above, the one whose memory.events.local this is. */
static __always_inline struct mem_cgroup *cgroup_with_events(u64 file)
{
	struct cgroup_subsys_state *css;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return NULL;
	css = cgroup_of(bpf_get_current_task_btf(),
			bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
	for (int i = 0; i < CGROUP_DEPTH && css; i++) {
		/* The css is its first member. */
		if ((u64)css + bpf_core_field_offset(struct mem_cgroup, events_local_file) == file)
			return (struct mem_cgroup *)css;
		css = BPF_CORE_READ(css, parent);
	}
	return NULL;
}

static __always_inline u64 events_count(const struct mem_cgroup *memcg, u32 event)
{
	u64 count = 0;

	bpf_probe_read_kernel(&count, sizeof(count),
			      (void *)memcg + bpf_core_field_offset(struct mem_cgroup, memory_events_local) +
				      event * sizeof(count));
	return count;
}

/* Was it memory.max that the cgroup came to, and not memory.high? The kernel has counted just before. */
static __always_inline bool pressed_max(const struct mem_cgroup *memcg)
{
	struct pressed now, *before;
	u64 key = (u64)memcg;
	bool max;

	now.high = events_count(memcg, bpf_core_enum_value(enum memcg_memory_event, MEMCG_HIGH));
	now.max = events_count(memcg, bpf_core_enum_value(enum memcg_memory_event, MEMCG_MAX));
	before = bpf_map_lookup_elem(&pressed, &key);
	/* One that was never looked at, but counted before, is told by what it uses. */
	max = before ? now.max != before->max :
	      now.max && now.high ? (u64)BPF_CORE_READ(memcg, memory.usage.counter) <= BPF_CORE_READ(memcg, memory.high) :
	      now.max;
	bpf_map_update_elem(&pressed, &key, &now, BPF_ANY);
	return max;
}

/*
 * Memory of the cgroup: its processes are slowed down until some is given back (memory.high), or some must be given
 * back before there is more (memory.max); where that is not to be had, the OOM killer follows. The kernel tells all
 * who wait for a cgroup's events here, and only when there is one.
 */
SEC("fentry/cgroup_file_notify")
int BPF_PROG(limit_pressed, struct cgroup_file *file)
{
	struct mem_cgroup *memcg;
	u64 most;

	if (!emit_watch())
		return 0;
	memcg = cgroup_with_events((u64)file);
	if (!memcg)
		return 0;
	most = pressed_max(memcg) ? BPF_CORE_READ(memcg, memory.max) : BPF_CORE_READ(memcg, memory.high);
	limit_reached(FAULTLINE_LIMIT_MEMORY, 0, FAULTLINE_SCOPE_CGROUP,
		      BPF_CORE_READ(memcg, memory.usage.counter) << page_shift, most << page_shift);
	return 0;
}

/* ---- room on a file system ---- */

static __always_inline void space_short(long error)
{
	if (error == ENOSPC || error == EDQUOT)
		limit_reached(FAULTLINE_LIMIT_SPACE, error, FAULTLINE_SCOPE_FILESYSTEM, 0, 0);
}

/* Writes into the page cache; pipes, sockets and terminals do not come here. */
SEC("fexit/generic_perform_write")
int BPF_PROG(limit_write, struct kiocb *iocb, struct iov_iter *from, long ret)
{
	if (ret < 0)
		space_short(-ret);
	return 0;
}

/* Likewise of XFS and others. The number of its arguments differs, and which it is stands behind them. */
static __always_inline int iomap_write(void *ctx, int arguments)
{
	long ret = ((__s64 *)ctx)[arguments];

	if (ret < 0)
		space_short(-ret);
	return 0;
}

SEC("?fexit/iomap_file_buffered_write")
int limit_iomap_3(void *ctx)
{
	return iomap_write(ctx, 3);
}

SEC("?fexit/iomap_file_buffered_write")
int limit_iomap_4(void *ctx)
{
	return iomap_write(ctx, 4);
}

SEC("?fexit/iomap_file_buffered_write")
int limit_iomap_5(void *ctx)
{
	return iomap_write(ctx, 5);
}

SEC("fexit/vfs_fallocate")
int BPF_PROG(limit_fallocate, struct file *file, int mode, long offset, long len, int ret)
{
	if (ret < 0)
		space_short(-ret);
	return 0;
}

/* A file that cannot be made. */
SEC("fexit/do_filp_open")
int BPF_PROG(limit_create, int folder, void *name, const void *how, struct file *ret)
{
	space_short(pointer_error(ret));
	return 0;
}
