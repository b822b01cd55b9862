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

#include "supervisord/reliability/store.h"
#include "supervisord/remote/application.h"

/**
 * struct fault - a fault in handling
 * @time_ns: when it struck
 * @known_ns: when the supervisor learnt of it
 * @decide: fires when the center's time to decide is over
 * @decided: the countermeasure is known; what comes later is not looked at
 * @backoff: fires when the countermeasure's back-off is over
 */
struct fault {
	struct app *app;
	struct store_fault row;
	char kind[KIND_MAX_LEN + 1];
	char version[VERSION_MAX_LEN + 1];
	uint64_t time_ns;
	uint64_t known_ns;
	ev_timer decide;
	bool decided;
	json_t *countermeasure;
	ev_timer backoff;
};

/** struct fault_evidence - what the detector had before it; all but @time_ns may be NULL */
struct fault_evidence {
	uint64_t time_ns;
	const struct faultline_record *record;
	const struct faultline_capture *capture;
	json_t *report;		/* borrowed */
};

/**
 * fault_begin - collect and store a fault, then have it decided
 *
 * When it returns the fault is durable, or the disk failed and that was logged.
 */
void fault_begin(struct app *app, const char *kind, const struct fault_evidence *evidence);

/**
 * fault_decide - the countermeasure for a fault is known
 * @by: "center" or "gateway"
 */
void fault_decide(struct fault *fault, json_t *countermeasure, const char *by);

/** fault_find - the fault in handling with this id, or NULL */
struct fault *fault_find(const struct gateway *gateway, const char *id);

/** fault_end - store the outcome, tell runs and center, and forget the fault */
void fault_end(struct fault *fault, bool restored, const char *action, const char *detail);

/** fault_drop - forget it without an outcome: the supervisor stops */
void fault_drop(struct fault *fault);

#endif /* SUPERVISORD_FAULT_H */
