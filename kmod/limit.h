/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_LIMIT_H
#define _FL_LIMIT_H

#include <linux/types.h>

struct fl_settings;
struct fl_watch;
struct task_struct;

/* What has a soft limit, in the order of FAULTLINE_WATCH_A_SOFT_*. */
enum fl_soft {
	FL_SOFT_MEMORY,
	FL_SOFT_PROCESSES,
	FL_SOFT_FILES,
	FL_SOFT_CPU,
	FL_SOFTS
};

/**
 * struct fl_limits - what a watch uses, and what was said of it
 * @pass: in which @used was counted
 * @told: its LIMIT record is out, and it has not come down since
 * @used: by all of its processes; of files, by the one that has most
 * @tgid: the process that a record is about: the main one, or one that is there
 * @files_tgid: the one that has most files
 * @ended_cpu: ns of CPU time of its processes that have ended
 *
 * Under fl_process_lock.
 */
struct fl_limits {
	u32 pass;
	bool told[FL_SOFTS];
	u64 used[FL_SOFTS];
	pid_t tgid;
	pid_t files_tgid;
	u64 ended_cpu;
};

void fl_limit_init(void);
/* Nothing kicks any more. */
void fl_limit_exit(void);

/* A watch has come with these settings, or has got them. Where a work may be queued. */
void fl_limit_kick(const struct fl_settings *settings);

/* The current process ends, by its last thread. With fl_process_lock held. */
void fl_limit_process_gone(struct fl_watch *watch);

/* Passes over the watches, and ns spent in them. */
void fl_limit_counts(u64 *passes, u64 *ns);

#endif /* _FL_LIMIT_H */
