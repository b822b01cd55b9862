/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_WATCH_H
#define _FL_WATCH_H

#include <linux/list.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>

#include "hang.h"
#include "limit.h"
#include "settings.h"

struct netlink_ext_ack;

/**
 * struct fl_watch - a process and all that it forks
 * @node: in the list of watches, by rising @id; readers under RCU
 * @id: from 1, never used twice
 * @cookie: the supervisor's
 * @pid: the main process
 * @main: the main process is alive
 * @processes: of struct fl_process::sibling
 * @count: live processes
 * @settings: readers see each value whole; together under fl_process_lock
 * @limits: what it uses of its soft limits
 * @pulse: signs of life
 *
 * A watch is there for as long as it has processes. Changed under
 * fl_process_lock, freed after a grace period.
 */
struct fl_watch {
	struct list_head node;
	u32 id;
	u64 cookie;
	struct pid *pid;
	bool main;
	struct list_head processes;
	unsigned int count;
	struct fl_settings settings;
	struct fl_limits limits;
	struct fl_pulse pulse;
	struct rcu_head rcu;
};

void fl_watch_init(unsigned int max);
void fl_watch_exit(void);

/**
 * fl_watch_create() - watch process @pid
 * Return: the new watch's id in @id, or -ESRCH, -EINVAL (kernel thread),
 * -EEXIST, -ENOSPC, -ENOMEM, told to @extack.
 */
int fl_watch_create(struct pid *pid, u64 cookie, const struct fl_settings *settings,
		    u32 *id, struct netlink_ext_ack *extack);

/* Return: 0, or -ENOENT. */
int fl_watch_delete(u32 id);

/* Let its held threads go on. Return: 0, or -ENOENT. */
int fl_watch_unhold(u32 id);

/* The settings in @given, all at once. Return: 0, or -ENOENT. */
int fl_watch_change(u32 id, const struct fl_settings *settings, unsigned long given);

/* The watch has no process left. With fl_process_lock held. */
void fl_watch_release(struct fl_watch *watch);

/* With fl_process_lock held. Return: NULL where there is none. */
struct fl_watch *fl_watch_find(u32 id);

/* All watches; @function must not sleep, and some may be about to go (@count is 0). */
void fl_watch_each(void (*function)(struct fl_watch *watch, void *with), void *with);

/* First watch with a higher id, or NULL. Under rcu_read_lock(). */
struct fl_watch *fl_watch_after(u32 id);

/* Changes whenever a watch comes or goes. */
unsigned int fl_watch_generation(void);
unsigned int fl_watch_count(void);

#endif /* _FL_WATCH_H */
