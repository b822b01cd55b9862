/* SPDX-License-Identifier: GPL-2.0-only */
/* A dry run: for which faults of the past would an entry decide? */
#ifndef CENTER_FAULT_MATCH_H
#define CENTER_FAULT_MATCH_H

#include <jansson.h>

#include "center/fault/list.h"

#define MATCH_MAX 10000
#define MATCH_SINCE_DEFAULT_S (7 * 86400)

/**
 * match_find - stored faults for which an entry would decide, were it in the list
 *
 * Return: an array of faults, newest first, each with "would", the action; NULL with @err set.
 */
json_t *match_find(struct store *store, const struct countermeasure *entry, int64_t since_s,
		   struct error *err);

#endif /* CENTER_FAULT_MATCH_H */
