// SPDX-License-Identifier: GPL-2.0-only
/* The store's event data (342). */
#include "supervisord/reliability/store_db.h"

/* How often the oldest events are looked for: once in so many additions. */
#define TRIM_EVERY 1000

int store_event_add(struct store *store, const struct store_event *event)
{
	sqlite3_stmt *stmt = store->add_event;
	int ret = db_begin(store);

	if (ret)
		return ret;
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
	sqlite3_stmt *stmt = db_statement(store, filter->after ?
					     EVENTS_WHERE " ORDER BY id LIMIT ?5" :
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
	sqlite3_stmt *stmt = db_statement(store, "SELECT time FROM event ORDER BY id DESC LIMIT 1");
	int64_t ms = stmt && sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;

	sqlite3_finalize(stmt);
	return ms;
}
