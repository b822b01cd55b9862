/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process tells of itself by sd_notify(3), served as systemd serves it:
 * READY, STATUS, STOPPING, WATCHDOG, WATCHDOG_USEC, EXTEND_TIMEOUT_USEC and
 * BARRIER. The kernel says who sent a message (SCM_CREDENTIALS); those of others
 * are passed over, and so are MAINPID, FDSTORE and what else there is.
 */
#ifndef SUPERVISORD_NOTIFY_H
#define SUPERVISORD_NOTIFY_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/application.h"
#include "lib/error.h"

#define NOTIFY_STATUS_MAX 200

struct notify;

/**
 * struct notify_handler - what a process told, or failed to tell
 * @ready: READY=1, the first one
 * @start_overdue: READY=1 did not come in time
 * @missed: no WATCHDOG=1 came in time; or WATCHDOG=trigger, @interval_ms is 0 then.
 *	Told once, until the heart beats again.
 * @extend: EXTEND_TIMEOUT_USEC after the start is over
 * @beat: its heart beats, or begins or ceases to: the next time is within @interval_ms, 0: never
 * @status: STATUS is another one; may be NULL
 * @still: does the process stand still through no fault of its own?
 */
struct notify_handler {
	void (*ready)(void *user);
	void (*start_overdue)(void *user);
	void (*missed)(void *user, int interval_ms);
	void (*extend)(void *user, double seconds);
	void (*beat)(void *user, int interval_ms);
	void (*status)(void *user);
	bool (*still)(void *user);
};

/**
 * notify_new - a socket for a process that is about to be started
 * @folder: it is made there
 * @id: makes its path unique
 * @uid: of the process; nobody else can write to it
 * @watch: what is expected
 *
 * Return: freed with notify_free(); NULL with @err set.
 */
struct notify *notify_new(struct ev_loop *loop, const char *folder, uint64_t id, uid_t uid,
			  const struct application_watch *watch, struct error *err);
/**
 * notify_adopt - the socket of a process that a supervisor before this one has started
 * @fd: owned from now on
 * @path: of it
 * @ready: it has said READY=1, or need not
 * @status: the last STATUS that it told that one, or NULL
 */
struct notify *notify_adopt(struct ev_loop *loop, int fd, const char *path, uid_t uid,
			    const struct application_watch *watch, bool ready, const char *status);
void notify_free(struct notify *notify);
/** notify_leave - likewise, but the socket stays for the next supervisor */
void notify_leave(struct notify *notify);

/** notify_start - the process runs: listen, and count its time */
void notify_start(struct notify *notify, pid_t pid, const struct notify_handler *handler,
		  void *user);
/** notify_stop - it is to end: only STATUS and EXTEND_TIMEOUT_USEC matter from now on */
void notify_stop(struct notify *notify);

/** notify_fd - the socket */
int notify_fd(const struct notify *notify);
/** notify_ready - has it said READY=1, or need it not? */
bool notify_ready(const struct notify *notify);
/** notify_listen - take in at once what it has told and nobody has read yet */
void notify_listen(struct notify *notify);

/** notify_path - of the socket, for NOTIFY_SOCKET */
const char *notify_path(const struct notify *notify);
/** notify_status - the last STATUS, cleaned for a terminal; "" before the first */
const char *notify_status(const struct notify *notify);

#endif /* SUPERVISORD_NOTIFY_H */
