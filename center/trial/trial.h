/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One application that is started as a gateway starts it (31) and asked for its
 * processings, one after the other, until the first fault.
 */
#ifndef CENTER_TRIAL_TRIAL_H
#define CENTER_TRIAL_TRIAL_H

#include <ev.h>
#include <jansson.h>

#include "lib/error.h"

/**
 * typedef trial_tell_fn - one line of what happens; @line is consumed
 *
 *	{case, answered, ms}		the processing of this case answered
 *	{case, error, ms}		it answered with an error
 *	{report: {name, …}}		the application reports a fault of its own
 *	{fault, case, text, log, …}	the end: it faulted there; "case" is null before the first
 *	{unlearnt: TEXT}		why its range is not learnt
 *	{range: TEXT}			its range, an XML document
 *	{ended: STATUS}			the end: all was asked, and it ended with this status
 */
typedef void (*trial_tell_fn)(json_t *line);

/**
 * trial_run - try an application
 * @plan: {folder, state, notify, logs, runtimes, uid, cases: [{processing, arguments}]}, checked
 *	by the one who made it
 * @tell: gets every line
 *
 * Return: 0 when the end was told, or a negative errno with @err set: it could not be tried.
 */
int trial_run(struct ev_loop *loop, const json_t *plan, trial_tell_fn tell, struct error *err);

#endif /* CENTER_TRIAL_TRIAL_H */
