/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The services that the gateway runs by itself (R3.3): by timetable and by event, as
 * services.xml in its configuration folder says. The file is read anew when it changes;
 * a bad one is refused, and the one before it stays in force.
 */
#ifndef SUPERVISORD_SERVICES_H
#define SUPERVISORD_SERVICES_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"
#include "supervisord/gateway.h"

/* So many are told in one line of the control socket. */
#define SERVICES_MAX 32
/* The event of a supervisor that has taken over nothing: no application runs, and what is to run by itself begins. */
#define SERVICES_STARTED "gateway.started"

struct event;

/**
 * services_open - read the file; none is no error. The loop need not run yet
 * @go_on: one that is bad is no error either where it was good before: that is in force then
 */
int services_open(struct gateway *gateway, bool go_on, struct error *err);

/** services_start - begin to keep the timetable */
void services_start(struct gateway *gateway);

/** services_close - nothing more is run; what runs goes on. NULL-safe */
void services_close(struct gateway *gateway);

/** services_refused - why the file as it is now is not in force; NULL when it is */
const char *services_refused(const struct gateway *gateway);

/** services_notice - an event has happened; what it begins, begins later */
void services_notice(struct gateway *gateway, const struct event *event);

/**
 * services_describe - array of {service, calendar, on_event, application, next, last,
 * outcome, runs, skipped}
 *
 * Times are RFC 3339 in UTC. "skipped" counts how often it was due while the service
 * ran already, or too soon after the last time.
 */
json_t *services_describe(const struct gateway *gateway);

#endif /* SUPERVISORD_SERVICES_H */
