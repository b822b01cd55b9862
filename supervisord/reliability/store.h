/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault data (341) and event data (342) in SQLite: one file, WAL, synchronous
 * FULL. What is added gathers in a transaction that store_flush() commits. A
 * fault is durable when store_fault_add() returns; what becomes of it afterwards
 * is durable with the next flush, since telling the center twice does no harm.
 */
#ifndef SUPERVISORD_STORE_H
#define SUPERVISORD_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

struct store;

/* Events that are kept; the oldest go first. */
#define STORE_EVENTS_MAX 100000

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

/**
 * store_open - open or create the gateway's database
 *
 * A file that is not a database of ours is left as it is, and refused.
 */
int store_open(struct store **store, const char *path, struct error *err);
void store_close(struct store *store);

/** store_event_add - add to the open transaction; 0 or negative errno, logged */
int store_event_add(struct store *store, const struct store_event *event);

/** store_flush - commit what was added; 0, also when there is nothing; else negative errno */
int store_flush(struct store *store);

/** store_fault_add - commit a fault and every event before it; sets @fault->id */
int store_fault_add(struct store *store, struct store_fault *fault);

/** store_fault_decided - the countermeasure is known; @reported: the center gave it. Not flushed, like all below */
int store_fault_decided(struct store *store, const char *id, json_t *countermeasure,
			bool reported);
/** store_fault_reported - the center has the fault, too late for its advice */
int store_fault_reported(struct store *store, const char *id);
/** store_fault_outcome - the restoration has ended in @state: "restored" or "failed" */
int store_fault_outcome(struct store *store, const char *id, const char *state,
			json_t *outcome);
/** store_fault_outcome_sent - the center has the outcome as well */
int store_fault_outcome_sent(struct store *store, const char *id);

/**
 * store_fault_unreported - oldest fault that the center does not know all of
 *
 * Return: {id, kind, application, version, time_ms, data, outcome, reported},
 * to be released; NULL when there is none.
 */
json_t *store_fault_unreported(struct store *store);

/* Newest first; arrays and objects as docs/protocol.md "Control" has them; NULL on failure. */
json_t *store_events(struct store *store, const char *application, int limit);
json_t *store_faults(struct store *store, int limit);
json_t *store_fault(struct store *store, const char *id);
/** store_fault_count - number of faults kept */
int64_t store_fault_count(struct store *store);

#endif /* SUPERVISORD_STORE_H */
