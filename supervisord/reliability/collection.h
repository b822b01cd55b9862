/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event collection (347): everything that happens comes through here, from the
 * kernel, the applications and the gateway's own means. It is recorded as event
 * data (342, S33) and shown to the runs that it concerns; what the fault
 * detector (343) finds abnormal goes on as a fault (S31, S32, S34).
 */
#ifndef SUPERVISORD_COLLECTION_H
#define SUPERVISORD_COLLECTION_H

#include <jansson.h>

#include "supervisord/reliability/source.h"
#include "supervisord/remote/application.h"

struct process;

/**
 * struct event - something that happened
 * @part: whose means says so: remote, runtime, script, kernel, fault, center,
 *	restoration, application, gateway
 * @name: names joined by dots
 * @application: may be NULL
 * @time_ns: clock_now() when it happened; 0: now
 * @data: consumed by collection_add(); may be NULL
 */
struct event {
	const char *part;
	const char *name;
	const char *application;
	uint64_t time_ns;
	json_t *data;
};

void collection_open(struct gateway *gateway);
/** collection_synced - the store's word of what is durable: a store_synced_fn, @user is the gateway */
void collection_synced(void *user, uint64_t ticket, int error);
void collection_close(struct gateway *gateway);

/** collection_add - record an event that is no fault; the text is one line for a person */
void collection_add(struct gateway *gateway, const struct event *event,
		    const char *format, ...) __attribute__((format(printf, 3, 4)));

/** collection_commit - now: it outlives the supervisor from here on, and the machine a moment later; nothing is waited for */
void collection_commit(struct gateway *gateway);

/** collection_flush_soon - have what was added to the store committed within 50 ms */
void collection_flush_soon(struct gateway *gateway);

/** collection_record - a source_record_fn: @user is the gateway */
void collection_record(void *user, const struct faultline_record *record,
		       const struct faultline_capture *capture);

/** collection_exit - a process has ended and is reaped; @status as wait(2) has it */
void collection_exit(struct app *app, struct process *process, int status);

/** collection_notification - the application reports an event on its channel */
void collection_notification(struct app *app, const char *method, json_t *params);

/** collection_deadline - a processing was not answered within its time */
void collection_deadline(struct app *app, const char *processing);

/** collection_start_overdue - it has not said in time that it is ready: start.failed */
void collection_start_overdue(struct app *app);

/** collection_heartbeat - none came within @interval_ms (0: it says itself that it hangs): hang.heartbeat */
void collection_heartbeat(struct app *app, int interval_ms);

#endif /* SUPERVISORD_COLLECTION_H */
