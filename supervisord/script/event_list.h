/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * List of events (332): which processing of which application an event drives on
 * this gateway. Another implementation is mounted by another list (R3.2): the
 * file is read anew when it has changed, and a run ends on the list it began with.
 */
#ifndef SUPERVISORD_EVENT_LIST_H
#define SUPERVISORD_EVENT_LIST_H

#include <stddef.h>

#include "lib/error.h"

struct event_list;

/** struct event_list_entry - what an event drives; both NULL when it drives nothing */
struct event_list_entry {
	char *event;
	char *application;
	char *processing;
};

/** event_list_open - read a list; let go with event_list_put(); NULL with @err set */
struct event_list *event_list_open(const char *path, struct error *err);

/**
 * event_list_current - the list as its file says it now
 * @list: replaced when the file has changed and the new list is valid; a bad
 *	one is logged once, and the old one stays
 *
 * Return: @list with one more owner.
 */
struct event_list *event_list_current(struct event_list **list);

void event_list_put(struct event_list *list);

/** event_list_entry - the entry of this number, in the order of the events' names; NULL beyond the last */
const struct event_list_entry *event_list_entry(const struct event_list *list, size_t number);

/** event_list_find - the entry of an event, or NULL when the list does not have it */
const struct event_list_entry *event_list_find(const struct event_list *list,
					       const char *event);

#endif /* SUPERVISORD_EVENT_LIST_H */
