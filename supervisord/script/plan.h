/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a script would do on a gateway: each of its steps with the application and
 * the processing that the list of events (332) gives to it, and how long it can
 * take. A run is checked by it before it begins, "faultctl script check" and
 * "faultctl run --dry-run" show it.
 */
#ifndef SUPERVISORD_PLAN_H
#define SUPERVISORD_PLAN_H

#include <jansson.h>

#include "lib/script/program.h"
#include "supervisord/script/event_list.h"

/**
 * typedef plan_timeout_fn - what is known of a processing
 *
 * Return: seconds within which it answers; 0 when its application is not here, so
 * that nothing is known; -ENOENT when the application does not have it.
 */
typedef int (*plan_timeout_fn)(void *user, const char *application,
			       const char *processing);

/**
 * struct plan - a script on a gateway; everything is borrowed
 * @name: what errors call the script
 * @user: for @timeout
 * @refused: set to the entry whose application does not have its processing; may be NULL
 */
struct plan {
	const char *name;
	const struct program *program;
	const struct event_list *events;
	plan_timeout_fn timeout;
	void *user;
	const struct event_list_entry **refused;
};

/**
 * plan_check - does every event have its place, and every processing its application?
 *
 * Return: 0; -ENOENT with the line in @err, -E2BIG when the worst case is too long.
 */
int plan_check(const struct plan *plan, struct error *err);

/** typedef plan_line_fn - one line of what a script does; @line is borrowed */
typedef void (*plan_line_fn)(void *user, json_t *line);

/**
 * plan_show - what the script does, line after line
 * @max: lines at most
 *
 * A line is {line, depth, event, once, arguments, ranges, application, processing,
 * timeout_s}, or {line, depth, control, text, …} of a step of control, whose "text"
 * says it in words; "ranges" has what each argument may be, in words. What a line
 * does not have is left out.
 *
 * Return: the number of lines beyond @max.
 */
size_t plan_show(const struct plan *plan, size_t max, plan_line_fn show, void *user);

/**
 * plan_summary - {service, steps, duration_s, absent}
 *
 * "steps" (events and readings) and "duration_s" are the worst case, without what
 * starting and restoring applications takes; "duration_s" is null while the
 * applications in "absent" are not here.
 */
json_t *plan_summary(const struct plan *plan);

#endif /* SUPERVISORD_PLAN_H */
