// SPDX-License-Identifier: GPL-2.0-only
#include "center/fault/match.h"

#include <stdlib.h>

#include "center/fault/detector.h"
#include "center/fault/faults.h"

/* The list as it would be with an entry. */
static void list_with(struct list *list, const struct countermeasure *entry)
{
	struct countermeasure *old = bsearch(entry, list->entries, list->n, sizeof(*entry),
					     countermeasure_key_compare);

	if (!old)
		old = &list->entries[list->n++];	/* list_read() has room for one more */
	*old = *entry;
	qsort(list->entries, list->n, sizeof(*entry), countermeasure_key_compare);
}

/* Of stored faults those for which the entry would decide. */
static json_t *match_rows(const struct list *list, const struct countermeasure *entry,
			  json_t *faults)
{
	json_t *rows = json_array(), *row;
	size_t i;

	json_array_foreach(faults, i, row) {
		struct fault fault = {
			.kind = json_string_value(json_object_get(row, "kind")),
			.application = json_string_value(json_object_get(row, "application")),
			.version = json_string_value(json_object_get(row, "version")),
			.group = json_string_value(json_object_get(row, "group")),
		};

		if (countermeasure_key_compare(detector_choose(list, &fault), entry))
			continue;
		json_object_set_new(row, "would", json_string(action_name(entry->action)));
		json_array_append(rows, row);
	}
	return rows;
}

json_t *match_find(struct store *store, const struct countermeasure *entry, int64_t since_s,
		   struct error *err)
{
	json_auto_t *faults = NULL;
	struct list list = {};
	json_t *rows = NULL;

	if (!list_read(&list, store, err))
		faults = faults_since(store, store_now() - since_s * 1000, MATCH_MAX, err);
	if (faults) {
		list_with(&list, entry);
		rows = match_rows(&list, entry, faults);
	}
	list_free(&list);
	return rows;
}
