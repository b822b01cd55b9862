/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * List of events (332): which processing of which application an event drives on
 * this gateway. Another implementation is mounted by another list (R3.2): the
 * file is read anew when it has changed, and a run ends on the list it began with.
 */
#ifndef SUPERVISORD_EVENT_LIST_H
#define SUPERVISORD_EVENT_LIST_H

#include <stddef.h>
#include <sys/stat.h>

#include "lib/error.h"

struct event_list;

/** struct event_list_entry - what an event drives, by which line; both NULL when it drives nothing */
struct event_list_entry {
	char *event;
	char *application;
	char *processing;
	long line;
};

/** event_list_open - read a list; let go with event_list_put(); NULL with @err set */
struct event_list *event_list_open(const char *path, struct error *err);

/**
 * event_list_open_copy - the list of the file @path, read from @copy since that file is bad
 * @refused: why it is bad
 * @file: as it was before it was found bad
 */
struct event_list *event_list_open_copy(const char *path, const char *copy, const char *refused,
					const struct stat *file, struct error *err);

/**
 * event_list_current - the list as its file says it now
 * @list: replaced when the file has changed and the new list is valid; otherwise the
 *	old one stays
 * @refused: set, once for each change, when the new list is bad
 *
 * Return: @list with one more owner.
 */
struct event_list *event_list_current(struct event_list **list, struct error *refused);

/** event_list_refused - why the file as it is now is not the list that is in force; NULL when it is */
const char *event_list_refused(const struct event_list *list);

/** event_list_file - the file that the list is of; set @read to what it was when it was read */
const char *event_list_file(const struct event_list *list, const struct stat **read);

/** event_list_size - how many events it has */
size_t event_list_size(const struct event_list *list);

void event_list_put(struct event_list *list);

/** event_list_entry - the entry of this number, in the order of the events' names; NULL beyond the last */
const struct event_list_entry *event_list_entry(const struct event_list *list, size_t number);

/** event_list_find - the entry of an event, or NULL when the list does not have it */
const struct event_list_entry *event_list_find(const struct event_list *list,
					       const char *event);

#endif /* SUPERVISORD_EVENT_LIST_H */
