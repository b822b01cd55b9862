/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault data (341) and event data (342) in SQLite: one file with a write-ahead
 * log. What is added gathers in a transaction. store_commit() ends it without
 * waiting for the disk, and tells later when it is durable; store_flush() waits.
 * A fault is durable when store_fault_add() returns; what becomes of it
 * afterwards is durable with the next commit, since telling the center twice
 * does no harm.
 */
#ifndef SUPERVISORD_STORE_H
#define SUPERVISORD_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "supervisord/reliability/store_sync.h"

struct store;

/**
 * struct store_retention - what is kept; the oldest goes first, and events before faults
 * @events: how many; @event_days: how old; likewise @faults, @fault_days
 * @megabytes: of all of it; 0 in any: no bound
 *
 * A fault that the center does not know all of is always kept.
 */
struct store_retention {
	int64_t events;
	int64_t event_days;
	int64_t faults;
	int64_t fault_days;
	int64_t megabytes;
};

/**
 * struct store_filter - which events are meant
 * @application: NULL: of any and of none
 * @name: this name and those below it; NULL: any
 * @since_ms: not before; 0: any
 * @after: only those with a higher id, and the oldest of them first; 0: the newest first
 * @bare: without their data
 */
struct store_filter {
	const char *application;
	const char *name;
	int64_t since_ms;
	int64_t after;
	bool bare;
	int limit;
};

/** struct store_event - one row of event data; strings are borrowed, NULL where nullable */
struct store_event {
	int64_t time_ms;
	const char *part;
	const char *application;	/* may be NULL */
	const char *name;
	const char *text;
	json_t *data;			/* may be NULL */
};

/** struct store_fault - one row of fault data */
struct store_fault {
	char id[64];
	int64_t time_ms;
	const char *kind;
	const char *application;
	const char *version;
	json_t *data;
};

/** struct store_request - a service that the center has requested; @report is what it is told */
struct store_request {
	const char *id;
	const char *service;
	const char *author;
	int64_t not_after_ms;
	const char *state;
	json_t *report;
};

/**
 * store_open - open or create the gateway's database
 *
 * A file that is not a database of ours is left as it is, and refused. @synced
 * tells in the @loop what of store_commit() is durable; it may be NULL.
 */
int store_open(struct store **store, const char *path, struct ev_loop *loop,
	       store_synced_fn synced, void *user, struct error *err);
/** store_retain - how much is kept from now on; what is more goes now, and later now and then */
void store_retain(struct store *store, const struct store_retention *retention);
void store_close(struct store *store);

/** store_event_add - add to the open transaction, or to the next one where none is; 0 or negative errno, logged */
int store_event_add(struct store *store, const struct store_event *event);

/**
 * store_commit - commit what was added; it is durable once @synced has told the @ticket
 * Return: 0, also when there is nothing, or a negative errno.
 */
int store_commit(struct store *store, uint64_t *ticket);
/** store_flush - likewise, and durable when it returns */
int store_flush(struct store *store);
/** store_rest - nothing happens: free what can be read again */
void store_rest(struct store *store);

/**
 * store_fault_add - commit a fault and every event before it; sets @fault->id
 *
 * Return: 0, or negative errno. Then, unless the id is "", it is kept in memory and committed as soon as the disk takes it.
 */
int store_fault_add(struct store *store, struct store_fault *fault);

/**
 * store_fault_decided - the countermeasure is known; not flushed, like all below
 * @decided: {why, policy_version} when the gateway decided; NULL: the center did, and has the fault
 */
int store_fault_decided(struct store *store, const char *id, json_t *countermeasure,
			json_t *decided);
/** store_fault_collected - deeper data are to be kept with the fault data */
int store_fault_collected(struct store *store, const char *id, json_t *collected);
/** store_fault_reported - the center has the fault, too late for its advice */
int store_fault_reported(struct store *store, const char *id);
/** store_fault_outcome - the restoration has ended in @state: "restored" or "failed" */
int store_fault_outcome(struct store *store, const char *id, const char *state,
			json_t *outcome);
/** store_fault_abandon - it was being handled when a supervisor ended, and is not any more */
int store_fault_abandon(struct store *store, const char *id);
/**
 * store_faults_unfinished - faults without an outcome, oldest first
 *
 * Return: array of {id, kind, application, version, time_ms, countermeasure, decided,
 * reported}, to be released; NULL on failure.
 */
json_t *store_faults_unfinished(struct store *store);
/** store_fault_outcome_sent - the center has the outcome as well */
int store_fault_outcome_sent(struct store *store, const char *id);

/**
 * store_fault_unreported - oldest fault that the center does not know all of
 *
 * One that the gateway decided by its list waits for its outcome: it is told once.
 *
 * Return: {id, kind, application, version, time_ms, data, countermeasure, decided,
 * outcome, reported}, to be released; NULL when there is none.
 */
json_t *store_fault_unreported(struct store *store);

/* Newest first; arrays and objects as docs/protocol.md "Control" has them; NULL on failure. */
json_t *store_events(struct store *store, const struct store_filter *filter);
json_t *store_faults(struct store *store, int limit);
json_t *store_fault(struct store *store, const char *id);
/** store_attempts - {time_ms, action, loop} of an application's last outcomes, oldest first */
json_t *store_attempts(struct store *store, const char *application, int limit);

/** store_request_add - keep one that is not there yet; durable when it returns */
int store_request_add(struct store *store, const struct store_request *request);
/** store_request_state - it has come to a state that the center does not know; not flushed */
int store_request_state(struct store *store, const char *id, const char *state, json_t *report);
/** store_request_told - the center knows this state; another one since then is untold */
int store_request_told(struct store *store, const char *id, const char *state);
/*
 * {id, service, author, not_after_ms, state, time, report, told}, to be released: one, NULL
 * where it is not there; the oldest that the center does not know; and arrays of those that
 * are not over, oldest first, and of the last ones, newest first, NULL on failure.
 */
json_t *store_request(struct store *store, const char *id);
json_t *store_request_untold(struct store *store);
json_t *store_requests_open(struct store *store);
json_t *store_requests(struct store *store, int limit);

/* What the gateway chose while it ran and keeps over a restart; new reference, or NULL. */
json_t *store_setting(struct store *store, const char *kind, const char *name);
int store_setting_put(struct store *store, const char *kind, const char *name, json_t *value);

/** store_event_last - when the newest event was, in ms since 1970; 0: there is none */
int64_t store_event_last(struct store *store);
/** store_boot - the id of this boot of the machine, or "unknown" */
const char *store_boot(const struct store *store);
/** store_time - ms since 1970 as RFC 3339, UTC; new reference */
json_t *store_time(int64_t ms);

/** store_fault_count - number of faults kept */
int64_t store_fault_count(struct store *store);
/** store_fault_untold - how many of them, or of their outcomes, the center does not know */
int64_t store_fault_untold(struct store *store);
/** store_trouble - why the disk took nothing the last time, borrowed; NULL: it did */
const char *store_trouble(const struct store *store);

#endif /* SUPERVISORD_STORE_H */
