/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel types that the probes read, each with only the members they
 * need. Their places in the running kernel are filled in when the object is
 * loaded (CO-RE), so that this file serves every kernel and a build machine
 * needs no BTF of its own. A name with three underscores is another form of the
 * type before them.
 */
#ifndef BPF_KERNEL_H
#define BPF_KERNEL_H

#include <asm/signal.h>
#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __u64 u64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__s64 counter;
} atomic64_t;

typedef atomic64_t atomic_long_t;

typedef struct {
	unsigned int val;
} kuid_t;

struct rlimit {
	unsigned long rlim_cur;
};

struct sigaction___kernel {
	void (*sa_handler)(int signo);
};

struct k_sigaction {
	struct sigaction___kernel sa;
};

struct sighand_struct {
	struct k_sigaction action[64];
};

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
	unsigned long maxrss;
	struct rlimit rlim[16];
	struct mm_struct *oom_mm;
};

union __sifields {
	struct {
		__kernel_pid_t _pid;
		__kernel_uid32_t _uid;
	} _kill;
	struct {
		void *_addr;
	} _sigfault;
};

struct kernel_siginfo {
	int si_signo;
	int si_errno;
	int si_code;
	union __sifields _sifields;
};

struct ucounts {
	atomic_long_t rlimit[4];
};

enum rlimit_type {
	UCOUNT_RLIMIT_NPROC,
};

struct cred {
	kuid_t uid;
	struct ucounts *ucounts;
};

struct dentry;
struct mount;

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	unsigned int f_flags;
	unsigned int f_mode;
};

struct fs_struct {
	struct path root;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	struct file *vm_file;
};

struct maple_tree {
	void *ma_root;
};

struct maple_range_64 {
	unsigned long pivot[15];
	void *slot[16];
};

struct maple_arange_64 {
	unsigned long pivot[9];
	void *slot[10];
};

struct percpu_counter {
	__s64 count;
};

enum {
	MM_FILEPAGES,
	MM_ANONPAGES,
	MM_SWAPENTS,
	MM_SHMEMPAGES,
	NR_MM_COUNTERS,
};

/* @flags: until 6.17 */
struct mm_struct {
	struct maple_tree mm_mt;
	struct file *exe_file;
	unsigned long hiwater_rss;
	unsigned long hiwater_vm;
	unsigned long total_vm;
	unsigned long data_vm;
	unsigned long stack_vm;
	unsigned long flags;
	struct percpu_counter rss_stat[NR_MM_COUNTERS];
};

/* Until 6.1. */
struct mm_struct___atomic {
	struct {
		atomic_long_t count[NR_MM_COUNTERS];
	} rss_stat;
};

/* From 6.18 on. */
struct mm_struct___bitmap {
	struct {
		unsigned long __mm_flags[1];
	} flags;
};

struct thread_struct {
#if defined(__TARGET_ARCH_x86)
	unsigned short es;
	unsigned short ds;
	unsigned short fsindex;
	unsigned short gsindex;
	unsigned long fsbase;
	unsigned long gsbase;
	unsigned long trap_nr;
	unsigned long error_code;
#elif defined(__TARGET_ARCH_arm64)
	unsigned long fault_code;
#endif
};

struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long r15;
	unsigned long sp;
#elif defined(__TARGET_ARCH_arm64)
	__u64 regs[31];
	__u64 sp;
#endif
};

enum cgroup_subsys_id {
	pids_cgrp_id,
	memory_cgrp_id,
};

struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};

struct pids_cgroup {
	struct cgroup_subsys_state css;
	atomic64_t counter;
	atomic64_t limit;
};

struct page_counter {
	atomic_long_t usage;
	unsigned long high;
	unsigned long max;
};

struct cgroup_file {
	void *kn;
};

enum memcg_memory_event {
	MEMCG_HIGH,
	MEMCG_MAX,
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
	atomic_long_t memory_events_local[8];
	struct cgroup_file events_local_file;
};

struct css_set {
	struct cgroup_subsys_state *subsys[1];
};

struct kiocb;
struct iov_iter;

struct task_struct {
	struct mm_struct *mm;
	int exit_code;
	__kernel_pid_t pid;
	__kernel_pid_t tgid;
	struct task_struct *real_parent;
	const struct cred *real_cred;
	char comm[16];
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	struct css_set *cgroups;
	struct fs_struct *fs;
	struct thread_struct thread;
};

/* Until 6.1. */
struct task_struct___split {
	struct {
		int count[NR_MM_COUNTERS];
	} rss_stat;
};

#pragma clang attribute pop

/* include/uapi/asm-generic/siginfo.h */
#define SI_USER			0
#define SI_KERNEL		0x80
#define SI_QUEUE		-1
#define SI_TKILL		-6
/* include/linux/sched/signal.h */
#define SIGNAL_GROUP_EXIT	0x00000004
#define SIGNAL_UNKILLABLE	0x00000040
/* include/linux/sched/coredump.h */
#define MMF_DUMPABLE_MASK	3
/* include/uapi/asm-generic/resource.h */
#define RLIMIT_DATA		2
#define RLIMIT_CORE		4
#define RLIMIT_NPROC		6
#define RLIMIT_AS		9
#define RLIM_INFINITY		(~0UL)
/* include/linux/binfmts.h: min_coredump of ELF; a smaller limit is no dump */
#define CORE_LIMIT_MIN		4096
/* include/trace/events/signal.h */
#define TRACE_SIGNAL_DELIVERED	0
#define TRACE_SIGNAL_LOSE_INFO	4
/* include/linux/sched/signal.h: what stands in the place of a siginfo pointer */
#define SEND_SIG_NOINFO		0UL
#define SEND_SIG_PRIV		1UL

#endif /* BPF_KERNEL_H */
