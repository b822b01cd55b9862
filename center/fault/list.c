// SPDX-License-Identifier: GPL-2.0-only
#include "center/fault/list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

bool countermeasure_terms(struct countermeasure *entry, const struct action_terms *terms, const char *decide)
{
	const size_t room = sizeof(entry->parameters) - 1;
	size_t size = 0;

	entry->action = terms->action;
	entry->then = terms->then;
	entry->attempts = terms->attempts;
	entry->window_s = terms->window_s;
	entry->backoff_ms = terms->backoff_ms;
	entry->healthy_s = terms->healthy_s;
	entry->at_gateway = !strcmp(decide, "gateway");
	if (json_object_size(terms->parameters))
		size = json_dumpb(terms->parameters, entry->parameters, room, JSON_COMPACT | JSON_SORT_KEYS);
	entry->parameters[size <= room ? size : 0] = '\0';
	return size <= room;
}

static int row_read(struct countermeasure *entry, json_t *row, struct error *err)
{
	const char *kind, *application, *version, *group, *decide;
	struct action_terms terms;

	if (json_unpack(row, "{s:s, s:s, s:s, s:s, s:s}",
			"kind", &kind, "application", &application, "version", &version,
			"group", &group, "decide", &decide) ||
	    action_terms_read(row, &terms, NULL))
		return error_set(err, -EIO, "an entry of the list of countermeasures is damaged");
	snprintf(entry->kind, sizeof(entry->kind), "%s", kind);
	snprintf(entry->application, sizeof(entry->application), "%s", application);
	snprintf(entry->version, sizeof(entry->version), "%s", version);
	snprintf(entry->group, sizeof(entry->group), "%s", group);
	if (!countermeasure_terms(entry, &terms, decide))
		return error_set(err, -EIO, "an entry of the list has parameters that are too long");
	return 0;
}

static int list_fill(struct list *list, json_t *rows, struct error *err)
{
	size_t n = json_array_size(rows);

	list->entries = calloc(n + 1, sizeof(*list->entries));
	if (!list->entries)
		return error_set(err, -ENOMEM, "out of memory");
	for (list->n = 0; list->n < n; list->n++)
		if (row_read(&list->entries[list->n], json_array_get(rows, list->n), err))
			return err->code;
	qsort(list->entries, n, sizeof(*list->entries), countermeasure_key_compare);
	return 0;
}

int list_refresh(struct list *list, struct store *store, struct error *err)
{
	int64_t version = list_version(store, err);
	json_auto_t *document = NULL;
	struct list fresh = {};
	int ret;

	if (version < 0)
		return version;
	if (version == list->version)
		return 0;
	/* Another center may change it between two statements: version and entries come by one. */
	document = list_document(store, err);
	if (!document)
		return err->code;
	fresh.version = json_integer_value(json_object_get(document, "policy_version"));
	ret = list_fill(&fresh, json_object_get(document, "countermeasures"), err);
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
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_POLICY_VERSION, "");

	if (!statement || store_step(statement, err) < 0)
		return err->code;
	return statement_integer(statement, 0);
}

int list_read(struct list *list, struct store *store, struct error *err)
{
	*list = (struct list){ .version = -1 };
	return list_refresh(list, store, err);
}

json_t *list_entry(struct store *store, const struct countermeasure *key,
		   struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_COUNTERMEASURE_FIND, "ssss", key->kind,
				key->application, key->version, key->group);
	json_t *row = NULL;
	int ret = statement ? store_row(statement, &row, err) : -EIO;

	return ret < 0 ? NULL : ret ? row : json_null();
}

static int entry_put(struct store *store, const struct countermeasure *entry,
		     struct error *err)
{
	return store_run(store_statement(store, err, STATEMENT_COUNTERMEASURE_PUT, "sssssiiissis",
					 entry->kind, entry->application, entry->version,
					 entry->group, action_name(entry->action),
					 (int64_t)entry->attempts, (int64_t)entry->window_s,
					 (int64_t)entry->backoff_ms, action_name(entry->then),
					 entry->parameters, (int64_t)entry->healthy_s,
					 entry->at_gateway ? "gateway" : "center"),
			 err);
}

static int entry_delete(struct store *store, const struct countermeasure *key,
			struct error *err)
{
	return store_run(store_statement(store, err, STATEMENT_COUNTERMEASURE_DELETE, "ssss",
					 key->kind, key->application, key->version,
					 key->group),
			 err);
}

static int change_note(struct store *store, json_t *before, json_t *after, int64_t undoes,
		       const struct list_author *author, struct error *err)
{
	__cleanup_free char *was = json_dumps(before, JSON_COMPACT | JSON_ENCODE_ANY);
	__cleanup_free char *is = json_dumps(after, JSON_COMPACT | JSON_ENCODE_ANY);
	int64_t version = list_version(store, err);

	if (version < 0)
		return version;
	if (!was || !is)
		return error_set(err, -ENOMEM, "out of memory");
	return store_run(store_statement(store, err, STATEMENT_CHANGE_INSERT, "iississ",
						version, store_now(), author->name,
						author->reason, undoes, was, is), err);
}

/* Within a transaction: 1 when it changed the list, 0 when not. @entry NULL removes. */
static int entry_change(struct store *store, const struct countermeasure *key,
			const struct countermeasure *entry, int64_t undoes,
			const struct list_author *author, struct error *err)
{
	json_auto_t *before = NULL;
	json_auto_t *after = NULL;
	int ret = store_lock(store, err);

	if (ret)
		return ret;
	before = list_entry(store, key, err);
	if (!before)
		return err->code;
	ret = entry ? entry_put(store, entry, err) : entry_delete(store, key, err);
	if (ret)
		return ret;
	after = list_entry(store, key, err);
	if (!after)
		return err->code;
	if (json_equal(before, after))
		return 0;
	ret = change_note(store, before, after, undoes, author, err);
	if (!ret && author->key)
		ret = author->sign(store, author->key, err);
	return ret ? ret : 1;
}

/* Changes an entry in the caller's transaction, or in one of its own. */
static int change_do(struct store *store, const struct countermeasure *key,
		     const struct countermeasure *entry, const struct list_author *author,
		     struct error *err)
{
	bool own = !store->transaction;
	int ret = own ? store_begin(store, err) : 0;
	int changed;

	if (ret)
		return ret;
	changed = entry_change(store, key, entry, 0, author, err);
	if (!own)
		return changed;
	ret = changed < 0 ? changed : store_commit(store, err);
	if (ret)
		store_rollback(store);
	return ret ? ret : changed;
}

int list_set(struct store *store, const struct countermeasure *entry,
	     const struct list_author *author, struct error *err)
{
	return change_do(store, entry, entry, author, err);
}

int list_remove(struct store *store, const struct countermeasure *entry,
		const struct list_author *author, struct error *err)
{
	return change_do(store, entry, NULL, author, err);
}

/* Puts back what was before a change, if what it made is still there. */
static int64_t change_undo(struct store *store, json_t *change,
			   const struct list_author *author, struct error *err)
{
	int64_t version = json_integer_value(json_object_get(change, "policy_version"));
	json_t *before = json_object_get(change, "before");
	json_t *after = json_object_get(change, "after");
	struct countermeasure entry = {}, key = {};
	json_auto_t *now = NULL;
	int ret;

	if ((json_is_object(before) && row_read(&entry, before, err)) ||
	    row_read(&key, json_is_object(after) ? after : before, err))
		return err->code;
	now = list_entry(store, &key, err);
	if (!now)
		return err->code;
	if (!json_equal(now, after))
		return error_set(err, -ESTALE,
				 "version %lld cannot be undone: its entry was changed again since; \"faultline-center countermeasure history\" shows by what",
				 (long long)version);
	ret = entry_change(store, &key, json_is_object(before) ? &entry : NULL, version, author,
			   err);
	return ret < 0 ? ret : version;
}

static int64_t undo_do(struct store *store, int64_t version, const struct list_author *author,
		       struct error *err)
{
	json_auto_t *change = NULL;
	struct statement *statement;
	int ret = store_lock(store, err);

	if (ret)
		return ret;
	statement = store_statement(store, err, STATEMENT_CHANGE_FIND, "i", version);
	ret = store_row(statement, &change, err);
	if (statement)
		statement_reset(statement);
	return ret <= 0 ? ret : change_undo(store, change, author, err);
}

int64_t list_undo(struct store *store, int64_t version, const struct list_author *author,
		  struct error *err)
{
	bool own = !store->transaction;
	int ret = own ? store_begin(store, err) : 0;
	int64_t undone;

	if (ret)
		return ret;
	undone = undo_do(store, version, author, err);
	if (!own)
		return undone;
	ret = undone < 0 ? undone : store_commit(store, err);
	if (ret)
		store_rollback(store);
	return ret ? ret : undone;
}

json_t *list_history(struct store *store, int limit, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_CHANGES, "i", (int64_t)limit);

	return store_rows(statement, err);
}

json_t *list_rows(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_COUNTERMEASURES, "");

	return store_rows(statement, err);
}

json_t *list_document(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_COUNTERMEASURES_DOCUMENT, "");
	json_t *document = NULL;

	if (!statement || store_row(statement, &document, err) <= 0)
		return NULL;
	if (json_is_null(json_object_get(document, "signature"))) {
		json_object_del(document, "signature");
		json_object_del(document, "serial");
	}
	return document;
}
