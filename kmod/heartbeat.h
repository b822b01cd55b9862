/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _FL_HEARTBEAT_H
#define _FL_HEARTBEAT_H

#include <linux/types.h>

struct fl_watch;

/* What the application expects of itself where it does not say. */
#define FL_HEARTBEAT_DEFAULT_MS	60000U
#define FL_HEARTBEAT_MAX_MS	86400000U

/* A sign of life, now. With fl_process_lock held. */
void fl_heartbeat_renew(struct fl_watch *watch);

/* By the supervisor. Return: 0, or -ENOENT. */
int fl_heartbeat_beat(u32 watch);

/**
 * fl_heartbeat_open() - the current process will give signs of life itself
 * Return: 0 and its watch in @id, or -EPERM: it is not watched.
 */
int fl_heartbeat_open(u32 *id);

/*
 * The following are for the current process and watch @id, and are -EPERM where
 * it does not belong to it.
 */
int fl_heartbeat_own(u32 id);

/* @ms: 0: no heartbeat but what the supervisor asks for. */
int fl_heartbeat_expect(u32 id, u32 ms);

/* @timeout_ms: in force, 0: none; @left_ms: of that. */
int fl_heartbeat_times(u32 id, u32 *timeout_ms, u32 *left_ms);

/* Of any process: watch @id expects none of itself any more. */
void fl_heartbeat_close(u32 id);

#endif /* _FL_HEARTBEAT_H */
