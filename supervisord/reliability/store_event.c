// SPDX-License-Identifier: GPL-2.0-only
/* The store's event data (342). */
#include <string.h>

#include "lib/alloc.h"
#include "supervisord/reliability/store_db.h"

/* How often the oldest events are looked for: once in so many additions. */
#define TRIM_EVERY 1000

/* Events that wait for a transaction, at most. */
#define WAITING_MAX 64

struct store_event_waiting {
	struct store_event_waiting *next;
	struct store_event event;	/* its strings are behind it */
	char strings[];
};

static int event_insert(struct store *store, const struct store_event *event)
{
	sqlite3_stmt *stmt = store->add_event;
	int ret = 0;

	sqlite3_bind_int64(stmt, 1, event->time_ms);
	db_bind_text(stmt, 2, event->part);
	db_bind_text(stmt, 3, event->application);
	db_bind_text(stmt, 4, event->name);
	db_bind_text(stmt, 5, event->text);
	db_bind_json(stmt, 6, event->data);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		ret = db_error(store, "event");
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	if (!ret && ++store->added % TRIM_EVERY == 0)
		ret = store_trim(store);
	return ret;
}

static const char *string_put(char **to, const char *text)
{
	const char *copy = *to;

	if (!text)
		return NULL;
	*to = stpcpy(*to, text) + 1;
	return copy;
}

static size_t string_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

/* To begin a transaction takes longer than all else about an event, and the first of a fault is not to wait for it. */
static void event_wait(struct store *store, const struct store_event *event)
{
	struct store_event_waiting **last = &store->waiting, *waiting;
	char *to;

	waiting = alloc_zero(1, sizeof(*waiting) + string_size(event->part) +
				string_size(event->application) + string_size(event->name) +
				string_size(event->text));
	to = waiting->strings;
	waiting->event = (struct store_event){
		.time_ms = event->time_ms,
		.part = string_put(&to, event->part),
		.application = string_put(&to, event->application),
		.name = string_put(&to, event->name),
		.text = string_put(&to, event->text),
		.data = json_incref(event->data),
	};
	while (*last)
		last = &(*last)->next;
	*last = waiting;
	store->n_waiting++;
}

void store_events_waiting(struct store *store, bool add)
{
	while (store->waiting) {
		struct store_event_waiting *waiting = store->waiting;

		store->waiting = waiting->next;
		store->n_waiting--;
		if (add)
			event_insert(store, &waiting->event);
		json_decref(waiting->event.data);
		free(waiting);
	}
}

int store_event_add(struct store *store, const struct store_event *event)
{
	int ret;

	if (!store->open && store->n_waiting < WAITING_MAX) {
		event_wait(store, event);
		return 0;
	}
	ret = db_begin(store);
	return ret ? ret : event_insert(store, event);
}

static json_t *event_row(sqlite3_stmt *stmt, bool whole)
{
	return json_pack("{s:I, s:o, s:s, s:s?, s:s, s:s, s:o*}",
			 "id", (json_int_t)sqlite3_column_int64(stmt, 0),
			 "time", db_column_time(stmt, 1),
			 "part", sqlite3_column_text(stmt, 2),
			 "application", sqlite3_column_text(stmt, 3),
			 "name", sqlite3_column_text(stmt, 4),
			 "text", sqlite3_column_text(stmt, 5),
			 "data", whole ? db_column_json(stmt, 6) : NULL);
}

json_t *store_events(struct store *store, const struct store_filter *filter)
{
#define EVENTS_WHERE "SELECT id, time, part, application, name, text, data FROM event" \
		     " WHERE (?1 IS NULL OR application = ?1) AND (?2 IS NULL OR name = ?2" \
		     " OR substr(name, 1, length(?2) + 1) = ?2 || '.') AND time >= ?3 AND id > ?4"
	sqlite3_stmt *stmt;

	if (store->waiting)
		db_begin(store);
	stmt = db_statement(store, filter->after ? EVENTS_WHERE " ORDER BY id LIMIT ?5" :
						   EVENTS_WHERE " ORDER BY id DESC LIMIT ?5");
	db_bind_text(stmt, 1, filter->application);
	db_bind_text(stmt, 2, filter->name);
	sqlite3_bind_int64(stmt, 3, filter->since_ms);
	sqlite3_bind_int64(stmt, 4, filter->after);
	sqlite3_bind_int(stmt, 5, filter->limit);
	return db_rows(store, stmt, event_row, !filter->bare);
}

int64_t store_event_last(struct store *store)
{
	sqlite3_stmt *stmt;
	int64_t ms;

	if (store->waiting)
		db_begin(store);
	stmt = db_statement(store, "SELECT time FROM event ORDER BY id DESC LIMIT 1");
	ms = stmt && sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return ms;
}
