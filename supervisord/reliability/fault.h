/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fault that is being handled, from its detection to the outcome (figure 12):
 * collected and stored (344, 341), told to the center (345), restored (346, 348).
 * An application has one at a time.
 */
#ifndef SUPERVISORD_FAULT_H
#define SUPERVISORD_FAULT_H

#include <ev.h>
#include <jansson.h>
#include <linux/faultline.h>

#include "lib/action.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/application.h"

/**
 * struct fault - a fault in handling
 * @time_ns: when it struck
 * @known_ns: when the supervisor learnt of it
 * @decide: fires when the center's time to decide is over
 * @recorded: it is on disk
 * @decided: the countermeasure is known; what comes later is not looked at
 * @terms: @countermeasure, read
 * @action: what is carried out now
 * @tries: how often that was, for this fault
 * @following: that is what follows the first action
 * @loop: the attempts were used up
 * @early: the replacement runs before the fault is recorded
 * @figures: of its process, as it was found; or NULL
 * @restored_ns: since then; 0 where it is not so
 * @awaits_end: the action is carried out once the faulty process is gone
 * @collected: deeper data, for the center too; or NULL
 * @repair: the repair service's run that is waited for, or NULL
 * @backoff: the back-off of the countermeasure, or the repair service's time
 */
struct fault {
	struct app *app;
	struct store_fault row;
	char kind[KIND_MAX_LEN + 1];
	char version[VERSION_MAX_LEN + 1];
	uint64_t time_ns;
	uint64_t known_ns;
	ev_timer decide;
	bool recorded;
	bool decided;
	json_t *countermeasure;
	struct action_terms terms;
	enum action action;
	int tries;
	bool following;
	bool loop;
	bool early;
	struct figures *figures;
	uint64_t restored_ns;
	bool awaits_end;
	json_t *collected;
	struct run *repair;
	ev_timer backoff;
};

/** struct fault_evidence - what the detector had before it; all but @time_ns may be NULL */
struct fault_evidence {
	uint64_t time_ns;
	const struct faultline_record *record;
	const struct faultline_capture *capture;
	json_t *report;		/* borrowed */
	json_t *log;		/* borrowed: of the process, as it was then */
	json_t *figures;	/* borrowed: likewise (figures.h) */
};

/**
 * fault_meet - what is not to wait for anything else: the replacement, where one can execute at once, and the figures
 *
 * May be left out; fault_begin() is to follow.
 */
void fault_meet(struct app *app, const char *kind, const struct fault_evidence *evidence);

/**
 * fault_begin - collect and store a fault, then have it decided
 *
 * When it returns the fault is durable, or the disk failed and that was logged.
 */
void fault_begin(struct app *app, const char *kind, const struct fault_evidence *evidence);

/**
 * fault_resume - go on with a fault that a supervisor before this one was handling
 * @row: of store_faults_unfinished()
 */
void fault_resume(struct app *app, json_t *row);

/** enum fault_judge - who decides, and why */
enum fault_judge {
	FAULT_BY_CENTER,	/* its answer (figure 12) */
	FAULT_BY_LIST,		/* the gateway: the list says so (figure 16) */
	FAULT_BY_OVERDUE,	/* the gateway: no answer came in time */
};

/** fault_decide - the countermeasure for a fault is known; what is not valid is not taken */
void fault_decide(struct fault *fault, json_t *countermeasure, enum fault_judge by);

/** fault_find - the fault in handling with this id, or NULL */
struct fault *fault_find(const struct gateway *gateway, const char *id);

/** fault_outcome_store - have the outcome on disk before what ends the supervisor; 0 or negative errno */
int fault_outcome_store(struct fault *fault, bool restored, const char *detail);

/** fault_end - store the outcome of fault->action, tell runs and center, and forget the fault */
void fault_end(struct fault *fault, bool restored, const char *detail);

/** fault_drop - forget it without an outcome: the supervisor stops */
void fault_drop(struct fault *fault);

#endif /* SUPERVISORD_FAULT_H */
