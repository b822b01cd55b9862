// SPDX-License-Identifier: GPL-2.0-only
#include "center/fault/list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "center/sql.h"

static const char *const action_names[ACTION_COUNT] = {
	[ACTION_NONE] = "none",
	[ACTION_RESTART] = "restart",
	[ACTION_RESTART_CLEAN] = "restart-clean",
	[ACTION_STOP] = "stop",
	[ACTION_REINSTALL] = "reinstall",
	[ACTION_ROLLBACK] = "rollback",
	[ACTION_SWITCH] = "switch",
	[ACTION_LIMITS] = "limits",
	[ACTION_SIGNAL] = "signal",
	[ACTION_RUN] = "run",
	[ACTION_COLLECT] = "collect",
	[ACTION_HOLD] = "hold",
	[ACTION_REBOOT] = "reboot",
};

const char *action_name(enum action action)
{
	return action_names[action];
}

bool action_parse(const char *name, enum action *action)
{
	for (int i = 0; name && i < ACTION_COUNT; i++)
		if (!strcmp(action_names[i], name)) {
			*action = i;
			return true;
		}
	return false;
}

int countermeasure_key_compare(const void *a, const void *b)
{
	const struct countermeasure *x = a;
	const struct countermeasure *y = b;
	int order = strcmp(x->kind, y->kind);

	if (!order)
		order = strcmp(x->application, y->application);
	if (!order)
		order = strcmp(x->version, y->version);
	return order ? order : strcmp(x->group, y->group);
}

static int entry_read(struct countermeasure *entry, json_t *row, struct error *err)
{
	const char *kind, *application, *version, *group, *action, *then;

	if (json_unpack(row, "{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i}",
			"kind", &kind, "application", &application,
			"version", &version, "group", &group, "action", &action,
			"then", &then, "attempts", &entry->attempts,
			"window_s", &entry->window_s, "backoff_ms", &entry->backoff_ms) ||
	    !action_parse(action, &entry->action) || !action_parse(then, &entry->then))
		return error_set(err, -EIO, "an entry of the list of countermeasures is damaged");
	snprintf(entry->kind, sizeof(entry->kind), "%s", kind);
	snprintf(entry->application, sizeof(entry->application), "%s", application);
	snprintf(entry->version, sizeof(entry->version), "%s", version);
	snprintf(entry->group, sizeof(entry->group), "%s", group);
	return 0;
}

static int list_fill(struct list *list, json_t *rows, struct error *err)
{
	size_t n = json_array_size(rows);

	list->entries = calloc(n + 1, sizeof(*list->entries));
	if (!list->entries)
		return error_set(err, -ENOMEM, "out of memory");
	for (list->n = 0; list->n < n; list->n++)
		if (entry_read(&list->entries[list->n], json_array_get(rows, list->n), err))
			return err->code;
	qsort(list->entries, n, sizeof(*list->entries), countermeasure_key_compare);
	return 0;
}

int list_refresh(struct list *list, struct store *store, struct error *err)
{
	int64_t version = list_version(store, err);
	struct list fresh = { .version = version };
	json_auto_t *rows = NULL;
	int ret;

	if (version < 0)
		return version;
	if (version == list->version)
		return 0;
	rows = list_rows(store, err);
	if (!rows)
		return err->code;
	ret = list_fill(&fresh, rows, err);
	if (ret) {
		list_free(&fresh);
		return ret;
	}
	list_free(list);
	*list = fresh;
	return 0;
}

void list_free(struct list *list)
{
	free(list->entries);
	memset(list, 0, sizeof(*list));
}

int64_t list_version(struct store *store, struct error *err)
{
	__cleanup_statement sqlite3_stmt *statement =
		store_statement(store, err, SQL_POLICY_VERSION, "");

	if (!statement || store_step(store, statement, err) < 0)
		return err->code;
	return sqlite3_column_int64(statement, 0);
}

int list_set(struct store *store, const struct countermeasure *entry, struct error *err)
{
	int ret = store_run(store,
			    store_statement(store, err, SQL_COUNTERMEASURE_PUT, "sssssiiis",
					    entry->kind, entry->application,
					    entry->version, entry->group,
					    action_name(entry->action),
					    (int64_t)entry->attempts,
					    (int64_t)entry->window_s,
					    (int64_t)entry->backoff_ms,
					    action_name(entry->then)),
			    err);

	return ret ? ret : sqlite3_changes(store->db) > 0;
}

int list_remove(struct store *store, const struct countermeasure *entry,
		struct error *err)
{
	int ret = store_run(store,
			    store_statement(store, err, SQL_COUNTERMEASURE_DELETE, "ssss",
					    entry->kind, entry->application,
					    entry->version, entry->group),
			    err);

	return ret ? ret : sqlite3_changes(store->db) > 0;
}

json_t *list_rows(struct store *store, struct error *err)
{
	__cleanup_statement sqlite3_stmt *statement =
		store_statement(store, err, SQL_COUNTERMEASURES, "");

	return statement ? store_rows(store, statement, err) : NULL;
}
