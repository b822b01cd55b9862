/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which list of events (332) is in force: events.xml, called "default", or
 * events-NAME.xml of the configuration folder. The choice survives a restart.
 */
#ifndef SUPERVISORD_SWITCHING_H
#define SUPERVISORD_SWITCHING_H

#include "lib/error.h"
#include "supervisord/gateway.h"

#define SWITCHING_DEFAULT "default"

/**
 * switching_list_open - the list of the file @path; where that is bad, as it was when it was good last
 *
 * Return: NULL with @err set where it was never good. What is refused is told once the gateway's
 * event collection is there, by switching_open().
 */
struct event_list *switching_list_open(const struct gateway *gateway, const char *path, struct error *err);

/**
 * switching_current - the list in force, with one more owner
 *
 * Its file is read anew when it has changed; a bad one is refused, recorded, and the one before
 * stays, also over a restart.
 */
struct event_list *switching_current(struct gateway *gateway);

/** switching_refused - why the file as it is now is not the list in force; NULL when it is */
const char *switching_refused(const struct gateway *gateway);

/** switching_open - read the list that was chosen last; where it cannot be read, events.xml */
int switching_open(struct gateway *gateway, struct error *err);

/**
 * switching_set - put another list in force, durably
 *
 * Runs in progress keep theirs; run_switch() gives it to those of an application.
 *
 * Return: 0, or a negative errno with @err set: the list before stays.
 */
int switching_set(struct gateway *gateway, const char *name, struct error *err);

/**
 * switching_exchange - put a list in the place of events.xml
 * @name: of the file that it was, for errors
 * @n: set to the number of its events
 *
 * In force at once, unless another list was chosen. Return: 0, or a negative errno
 * with @err set and the old one as it was: not a list, or a processing in it that the
 * application, which is installed, does not have.
 */
int switching_exchange(struct gateway *gateway, const char *name, const char *text, size_t *n,
		       struct error *err);

/** switching_name - the list in force; static until the next change */
const char *switching_name(const struct gateway *gateway);

#endif /* SUPERVISORD_SWITCHING_H */
