/* SPDX-License-Identifier: GPL-2.0-only */
/* An entry of the list as messages and paths have it. */
#ifndef CENTER_FAULT_ENTRY_H
#define CENTER_FAULT_ENTRY_H

#include <jansson.h>

#include "center/fault/list.h"

#define ENTRY_ATTEMPTS_DEFAULT 3
#define ENTRY_WINDOW_DEFAULT_S 60
#define ENTRY_BACKOFF_DEFAULT_MS 100
#define ENTRY_KIND_ANY "*"
#define ENTRY_KEY_MAX (KIND_MAX_LEN + 2 * NAME_MAX_LEN + VERSION_MAX_LEN + 4)
#define ENTRY_TAG_SIZE 24

/**
 * entry_key_parse - "KIND,APPLICATION,VERSION,GROUP" into the key of @entry
 *
 * KIND is "*" for every kind; the others may be empty: any.
 *
 * Return: 0, or -EINVAL with @err set.
 */
int entry_key_parse(const char *text, struct countermeasure *entry, struct error *err);

/** entry_key_print - likewise, of an entry as the store gives it */
void entry_key_print(const json_t *row, char text[ENTRY_KEY_MAX]);

/**
 * entry_read - check an entry that somebody wants in the list
 * @body: an object; what is missing has its default: three attempts within 60 s, 100 ms
 *	before the second, then "stop" ("none" after stop and none), decided by the center
 * @entry: its key is set already where the path names it, and is then not in @body
 *
 * Return: 0, or -EINVAL with @err set.
 */
int entry_read(const json_t *body, bool with_key, struct countermeasure *entry,
	       struct error *err);

/** entry_tag - an entity tag that changes with an entry */
void entry_tag(const json_t *row, char tag[ENTRY_TAG_SIZE]);

#endif /* CENTER_FAULT_ENTRY_H */
