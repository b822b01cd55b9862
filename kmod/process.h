/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_PROCESS_H
#define _FL_PROCESS_H

#include <linux/hash.h>
#include <linux/list_nulls.h>
#include <linux/rculist_nulls.h>
#include <linux/spinlock.h>
#include <linux/faultline.h>

#include "candidate.h"
#include "settings.h"

struct fl_blocks;
struct fl_watch;

/**
 * struct fl_process - a watched process
 * @node: in the hash table
 * @sibling: in fl_watch::processes, or among the free
 * @tgid: in the initial pid namespace
 * @main: the watch was set on it
 * @fatal: its FATAL record is out
 * @candidate: the last one
 * @captures: taken for signals that were not delivered yet, one a thread
 * @memory: of the pool of blocks: what it used when it became the OOM killer's victim; or NULL
 */
struct fl_process {
	struct hlist_nulls_node node;
	struct list_head sibling;
	struct fl_watch *watch;
	pid_t tgid;
	bool main;
	bool fatal;
	struct fl_candidate candidate;
	struct list_head captures;
	struct fl_blocks *memory;
};

/* Guards processes and watches. Taken under siglock, with interrupts off. */
extern raw_spinlock_t fl_process_lock;

struct fl_process_table {
	unsigned int count;
	unsigned int bits;
	struct hlist_nulls_head *buckets;
};

extern struct fl_process_table fl_processes;

int fl_process_init(unsigned int max);
void fl_process_exit(void);

static inline struct hlist_nulls_head *fl_process_bucket(pid_t tgid)
{
	return &fl_processes.buckets[hash_32(tgid, fl_processes.bits)];
}

bool __fl_process_watched(pid_t tgid);

/*
 * What every signal, fork and exit of the machine pays: for a process that is
 * not watched, one word while nothing is, else its bucket's too, which is empty.
 * Without the lock; the answer is a hint that those with the lock verify.
 */
static inline bool fl_process_watched(pid_t tgid)
{
	if (!READ_ONCE(fl_processes.count))
		return false;
	return !is_a_nulls(READ_ONCE(fl_process_bucket(tgid)->first)) &&
	       __fl_process_watched(tgid);
}

/* With fl_process_lock held. */
struct fl_process *fl_process_find(pid_t tgid);
struct fl_process *fl_process_add(struct fl_watch *watch, pid_t tgid, bool main);
void fl_process_remove(struct fl_process *process);
void fl_process_remove_all(struct fl_watch *watch);
bool fl_process_wants_capture(const struct fl_process *process);
/* Give back the captures of @tid, or of all threads with 0. */
void fl_process_drop_captures(struct fl_process *process, pid_t tid);

/* The child of a watched process belongs to the same watch. */
void fl_process_fork(pid_t parent, pid_t child);

/**
 * fl_process_watch() - the id of a process's watch
 *
 * Any context but NMI, also one in which this CPU holds fl_process_lock.
 *
 * Return: 0 where it is not watched, or the lock is not to be had.
 */
u32 fl_process_watch(pid_t tgid);

/**
 * fl_process_next_of() - the next process of a watch that is wanted
 * @cursor: begins with 0
 * @wanted: called with fl_process_lock held
 *
 * A process that comes or goes meanwhile may be left out.
 */
bool fl_process_next_of(unsigned int *cursor, bool (*wanted)(const struct fl_watch *watch),
			pid_t *tgid, u32 *watch);

/**
 * struct fl_process_view - a watched process, for the scan
 * @settings: of its watch
 */
struct fl_process_view {
	pid_t tgid;
	u32 watch;
	struct fl_settings settings;
};

/* The next process that is to be looked at for hangs; @cursor begins with 0. */
bool fl_process_next(unsigned int *cursor, struct fl_process_view *view);

void fl_process_counts(u64 *watched, u64 *unwatched);

#endif /* _FL_PROCESS_H */
