// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/gateway.h"
#include "supervisord/reliability/store_sql.h"

#define APPLICATION_ID 0x464c5431	/* "FLT1", says whose database a file is */

/* How often the oldest events are looked for: once in so many additions. */
#define TRIM_EVERY 1000

struct store {
	sqlite3 *db;
	sqlite3_stmt *add_event;
	bool open;		/* a transaction is open */
	unsigned int added;
	struct store_retention retention;
	char boot_id[40];
};

static int store_error(struct store *store, const char *what)
{
	int code = sqlite3_errcode(store->db);

	log_error("store: %s: %s", what, sqlite3_errmsg(store->db));
	switch (code & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	default:
		return -EIO;
	}
}

static int store_run(struct store *store, const char *sql)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_error(store, sql);
	return 0;
}

/* Binds TEXT or NULL; what is bound must outlive the step. */
static void bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
	sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

/* Binds JSON as text; the statement frees it. */
static void bind_json(sqlite3_stmt *stmt, int index, json_t *json)
{
	if (json)
		sqlite3_bind_text(stmt, index, json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY |
							JSON_REAL_PRECISION(15)),
				  -1, free);
	else
		sqlite3_bind_null(stmt, index);
}

static json_t *column_json(sqlite3_stmt *stmt, int index)
{
	const char *text = (const char *)sqlite3_column_text(stmt, index);

	return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

static json_t *column_time(sqlite3_stmt *stmt, int index)
{
	int64_t ms = sqlite3_column_int64(stmt, index);
	time_t seconds = ms / 1000;
	char text[40];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%03dZ", text, (int)(ms % 1000));
}

/* A database that somebody else made is not touched. */
static int store_adopt(struct store *store, const char *path, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int id = 0, tables = 0;

	if (sqlite3_prepare_v2(store->db,
			       "SELECT (SELECT application_id FROM pragma_application_id),"
			       " (SELECT count(*) FROM sqlite_schema)",
			       -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		id = sqlite3_column_int(stmt, 0);
		tables = sqlite3_column_int(stmt, 1);
	} else {
		error_set(err, -EINVAL, "%s: %s; move it away to begin a new one", path,
			  sqlite3_errmsg(store->db));
		sqlite3_finalize(stmt);
		return -EINVAL;
	}
	sqlite3_finalize(stmt);
	if (tables && id != APPLICATION_ID)
		return error_set(err, -EINVAL,
				 "%s: not a database of this program; move it away to begin a new one",
				 path);
	return 0;
}

static int store_prepare(struct store *store, const char *path, struct error *err)
{
	char pragma[64];

	sqlite3_busy_timeout(store->db, 2000);
	if (store_adopt(store, path, err))
		return -EINVAL;
	snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d", APPLICATION_ID);
	/* A file of an earlier version lacks a column; with it, or without its table, this fails. */
	sqlite3_exec(store->db, "ALTER TABLE fault ADD COLUMN decided TEXT", NULL, NULL, NULL);
	if (store_run(store, "PRAGMA journal_mode = WAL") ||
	    store_run(store, "PRAGMA synchronous = FULL") ||
	    store_run(store, "PRAGMA cache_size = -256") ||
	    store_run(store, pragma) || store_run(store, SQL_STORE))
		return error_set(err, -EIO, "%s: %s", path, sqlite3_errmsg(store->db));
	if (sqlite3_prepare_v3(store->db,
			       "INSERT INTO event (time, part, application, name, text, data)"
			       " VALUES (?, ?, ?, ?, ?, ?)",
			       -1, SQLITE_PREPARE_PERSISTENT, &store->add_event,
			       NULL) != SQLITE_OK)
		return error_set(err, -EIO, "%s: %s", path, sqlite3_errmsg(store->db));
	return 0;
}

int store_open(struct store **result, const char *path, struct error *err)
{
	struct store *store = alloc_zero(1, sizeof(*store));
	FILE *boot = fopen("/proc/sys/kernel/random/boot_id", "re");
	int ret;

	if (boot) {
		if (fscanf(boot, "%36s", store->boot_id) != 1)
			store->boot_id[0] = '\0';
		fclose(boot);
	}
	if (!store->boot_id[0])
		strcpy(store->boot_id, "unknown");
	if (sqlite3_open_v2(path, &store->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		ret = error_set(err, -EIO, "%s: %s", path, sqlite3_errmsg(store->db));
	else
		ret = store_prepare(store, path, err);
	if (ret) {
		store_close(store);
		return ret;
	}
	*result = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->add_event)
		store_flush(store);
	sqlite3_finalize(store->add_event);
	sqlite3_close(store->db);
	free(store);
}

static int store_begin(struct store *store)
{
	int ret = store->open ? 0 : store_run(store, "BEGIN IMMEDIATE");

	if (!ret)
		store->open = true;
	return ret;
}

int store_flush(struct store *store)
{
	int ret;

	if (!store->open)
		return 0;
	ret = store_run(store, "COMMIT");
	/* A commit that failed for now (a full disk) is tried again at the next flush. */
	if (!ret || sqlite3_get_autocommit(store->db))
		store->open = false;
	return ret;
}

/* Runs one statement that gives no rows, and frees it. */
static int store_step(struct store *store, sqlite3_stmt *stmt, const char *what)
{
	int ret = 0;

	if (!stmt || sqlite3_step(stmt) != SQLITE_DONE)
		ret = store_error(store, what);
	sqlite3_finalize(stmt);
	return ret;
}

static sqlite3_stmt *store_statement(struct store *store, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return NULL;
	return stmt;
}

/* Runs @sql with one number, if there is a bound at all. */
static int trim_by(struct store *store, const char *sql, int64_t bound)
{
	sqlite3_stmt *stmt;

	if (!bound)
		return 0;
	stmt = store_statement(store, sql);
	sqlite3_bind_int64(stmt, 1, bound);
	return store_step(store, stmt, "retention");
}

static int64_t days_ago_ms(int64_t days)
{
	return days ? clock_to_unix_ms(clock_now()) - days * 86400000 : 0;
}

/* Over its size the oldest tenth of the events goes; what that frees is filled again. */
static int trim_size(struct store *store)
{
	int64_t bytes = 0;
	sqlite3_stmt *stmt;

	if (!store->retention.megabytes)
		return 0;
	stmt = store_statement(store, "SELECT (page_count - freelist_count) * page_size FROM"
			       " pragma_page_count, pragma_freelist_count, pragma_page_size");
	if (stmt && sqlite3_step(stmt) == SQLITE_ROW)
		bytes = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	if (bytes <= store->retention.megabytes << 20)
		return 0;
	return store_run(store, "DELETE FROM event WHERE id <= (SELECT max(id) - count(*) * 9 / 10"
			 " FROM event)");
}

#define FAULT_TOLD "reported AND outcome_sent"

static int store_trim(struct store *store)
{
	const struct store_retention *retention = &store->retention;
	int ret = trim_by(store, "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?1",
			  retention->events);

	if (!ret)
		ret = trim_by(store, "DELETE FROM event WHERE id <="
			      " (SELECT max(id) FROM event WHERE time < ?1)",
			      days_ago_ms(retention->event_days));
	if (!ret)
		ret = trim_by(store, "DELETE FROM fault WHERE " FAULT_TOLD " AND rowid <="
			      " (SELECT max(rowid) FROM fault) - ?1", retention->faults);
	if (!ret)
		ret = trim_by(store, "DELETE FROM fault WHERE " FAULT_TOLD " AND time < ?1",
			      days_ago_ms(retention->fault_days));
	return ret ? ret : trim_size(store);
}

void store_retain(struct store *store, const struct store_retention *retention)
{
	store->retention = *retention;
	if (!store_begin(store))
		store_trim(store);
	store_flush(store);
}

int store_event_add(struct store *store, const struct store_event *event)
{
	sqlite3_stmt *stmt = store->add_event;
	int ret = store_begin(store);

	if (ret)
		return ret;
	sqlite3_bind_int64(stmt, 1, event->time_ms);
	bind_text(stmt, 2, event->part);
	bind_text(stmt, 3, event->application);
	bind_text(stmt, 4, event->name);
	bind_text(stmt, 5, event->text);
	bind_json(stmt, 6, event->data);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		ret = store_error(store, "event");
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	if (!ret && ++store->added % TRIM_EVERY == 0)
		ret = store_trim(store);
	return ret;
}

/* The number behind the boot id: one more than the highest of this boot. */
static int fault_number(struct store *store, struct store_fault *fault)
{
	sqlite3_stmt *stmt = NULL;
	int64_t number = 0;

	if (sqlite3_prepare_v2(store->db,
			       "SELECT coalesce(max(CAST(substr(id, length(?1) + 2) AS INTEGER)), 0) + 1"
			       " FROM fault WHERE substr(id, 1, length(?1)) = ?1",
			       -1, &stmt, NULL) != SQLITE_OK)
		return store_error(store, "fault id");
	bind_text(stmt, 1, store->boot_id);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		number = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	if (!number)
		return store_error(store, "fault id");
	snprintf(fault->id, sizeof(fault->id), "%s-%lld", store->boot_id,
		 (long long)number);
	return 0;
}

int store_fault_add(struct store *store, struct store_fault *fault)
{
	sqlite3_stmt *stmt;
	int ret = store_begin(store);

	if (!ret)
		ret = fault_number(store, fault);
	if (ret)
		return ret;
	stmt = store_statement(store,
			       "INSERT INTO fault (id, time, kind, application, version, state, data)"
			       " VALUES (?, ?, ?, ?, ?, 'stored', ?)");
	bind_text(stmt, 1, fault->id);
	sqlite3_bind_int64(stmt, 2, fault->time_ms);
	bind_text(stmt, 3, fault->kind);
	bind_text(stmt, 4, fault->application);
	bind_text(stmt, 5, fault->version);
	bind_json(stmt, 6, fault->data);
	ret = store_step(store, stmt, "fault");
	return ret ? ret : store_flush(store);
}

/* UPDATE fault SET ... = ?2, ... WHERE id = ?1. */
static int fault_update(struct store *store, const char *sql, const char *id,
			json_t *json, const char *state, int flag)
{
	sqlite3_stmt *stmt;
	int ret = store_begin(store);

	if (ret)
		return ret;
	stmt = store_statement(store, sql);
	bind_text(stmt, 1, id);
	if (json)
		bind_json(stmt, 2, json);
	if (state)
		bind_text(stmt, 3, state);
	if (flag >= 0)
		sqlite3_bind_int(stmt, 4, flag);
	return store_step(store, stmt, "fault");
}

int store_fault_decided(struct store *store, const char *id, json_t *countermeasure,
			json_t *decided)
{
	__cleanup_free char *text = decided ? json_dumps(decided, JSON_COMPACT) : NULL;
	sqlite3_stmt *stmt;
	int ret = store_begin(store);

	if (ret)
		return ret;
	stmt = store_statement(store, "UPDATE fault SET countermeasure = ?2, state = 'decided',"
			       " decided = ?3, reported = max(reported, ?4) WHERE id = ?1");
	bind_text(stmt, 1, id);
	bind_json(stmt, 2, countermeasure);
	bind_text(stmt, 3, text);
	sqlite3_bind_int(stmt, 4, !decided);
	return store_step(store, stmt, "fault");
}

int store_fault_collected(struct store *store, const char *id, json_t *collected)
{
	return fault_update(store,
			    "UPDATE fault SET data = json_set(data, '$.collected', json(?2))"
			    " WHERE id = ?1", id, collected, NULL, -1);
}

int store_fault_reported(struct store *store, const char *id)
{
	return fault_update(store, "UPDATE fault SET reported = 1 WHERE id = ?1", id,
			    NULL, NULL, -1);
}

int store_fault_outcome(struct store *store, const char *id, const char *state,
			json_t *outcome)
{
	return fault_update(store,
			    "UPDATE fault SET outcome = ?2, state = ?3 WHERE id = ?1",
			    id, outcome, state, -1);
}

int store_fault_outcome_sent(struct store *store, const char *id)
{
	return fault_update(store, "UPDATE fault SET outcome_sent = 1 WHERE id = ?1", id,
			    NULL, NULL, -1);
}

#define FAULT_COLUMNS "id, time, kind, application, version, state, countermeasure," \
		      " outcome, reported, data, time, decided"

static json_t *fault_row(sqlite3_stmt *stmt, bool whole)
{
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:o*, s:o*, s:b, s:o*, s:I, s:o*}",
			 "id", sqlite3_column_text(stmt, 0),
			 "time", column_time(stmt, 1),
			 "kind", sqlite3_column_text(stmt, 2),
			 "application", sqlite3_column_text(stmt, 3),
			 "version", sqlite3_column_text(stmt, 4),
			 "state", sqlite3_column_text(stmt, 5),
			 "countermeasure", column_json(stmt, 6),
			 "outcome", column_json(stmt, 7),
			 "reported", sqlite3_column_int(stmt, 8),
			 "data", whole ? column_json(stmt, 9) : NULL,
			 "time_ms", (json_int_t)sqlite3_column_int64(stmt, 10),
			 "decided", column_json(stmt, 11));
}

static json_t *event_row(sqlite3_stmt *stmt, bool whole)
{
	return json_pack("{s:I, s:o, s:s, s:s?, s:s, s:s, s:o*}",
			 "id", (json_int_t)sqlite3_column_int64(stmt, 0),
			 "time", column_time(stmt, 1),
			 "part", sqlite3_column_text(stmt, 2),
			 "application", sqlite3_column_text(stmt, 3),
			 "name", sqlite3_column_text(stmt, 4),
			 "text", sqlite3_column_text(stmt, 5),
			 "data", whole ? column_json(stmt, 6) : NULL);
}

/* Collects a query's rows, and frees it. */
static json_t *rows(struct store *store, sqlite3_stmt *stmt,
		    json_t *(*row)(sqlite3_stmt *stmt, bool whole), bool whole)
{
	json_t *array = json_array();

	if (!stmt) {
		store_error(store, "query");
		json_decref(array);
		return NULL;
	}
	while (sqlite3_step(stmt) == SQLITE_ROW)
		json_array_append_new(array, row(stmt, whole));
	sqlite3_finalize(stmt);
	return array;
}

/* The first of a query's rows, or NULL. */
static json_t *row_first(struct store *store, sqlite3_stmt *stmt)
{
	json_t *array = rows(store, stmt, fault_row, true);
	json_t *first = json_incref(json_array_get(array, 0));

	json_decref(array);
	return first;
}

int store_fault_abandon(struct store *store, const char *id)
{
	return fault_update(store, "UPDATE fault SET state = 'failed', outcome = json_object("
			    "'action', coalesce(json_extract(countermeasure, '$.action'), 'none'),"
			    " 'result', 'failed', 'duration_ms', 0, 'detail',"
			    " 'the supervisor ended while the fault was handled') WHERE id = ?1",
			    id, NULL, NULL, -1);
}

json_t *store_fault_unreported(struct store *store)
{
	return row_first(store, store_statement(store,
			 "SELECT " FAULT_COLUMNS " FROM fault WHERE (NOT reported"
			 " OR (outcome IS NOT NULL AND NOT outcome_sent))"
			 " AND (reported OR outcome IS NOT NULL"
			 " OR decided IS NULL OR decided ->> 'why' <> 'list')"
			 " ORDER BY time LIMIT 1"));
}

json_t *store_events(struct store *store, const struct store_filter *filter)
{
#define EVENTS_WHERE "SELECT id, time, part, application, name, text, data FROM event" \
		     " WHERE (?1 IS NULL OR application = ?1) AND (?2 IS NULL OR name = ?2" \
		     " OR substr(name, 1, length(?2) + 1) = ?2 || '.') AND time >= ?3 AND id > ?4"
	sqlite3_stmt *stmt = store_statement(store, filter->after ?
					     EVENTS_WHERE " ORDER BY id LIMIT ?5" :
					     EVENTS_WHERE " ORDER BY id DESC LIMIT ?5");

	bind_text(stmt, 1, filter->application);
	bind_text(stmt, 2, filter->name);
	sqlite3_bind_int64(stmt, 3, filter->since_ms);
	sqlite3_bind_int64(stmt, 4, filter->after);
	sqlite3_bind_int(stmt, 5, filter->limit);
	return rows(store, stmt, event_row, !filter->bare);
}

json_t *store_faults(struct store *store, int limit)
{
	sqlite3_stmt *stmt = store_statement(store, "SELECT " FAULT_COLUMNS " FROM fault"
					     " ORDER BY time DESC, rowid DESC LIMIT ?1");

	sqlite3_bind_int(stmt, 1, limit);
	return rows(store, stmt, fault_row, false);
}

json_t *store_faults_unfinished(struct store *store)
{
	return rows(store, store_statement(store, "SELECT " FAULT_COLUMNS " FROM fault"
					   " WHERE outcome IS NULL ORDER BY time, rowid"),
		    fault_row, false);
}

json_t *store_fault(struct store *store, const char *id)
{
	sqlite3_stmt *stmt = store_statement(store, "SELECT " FAULT_COLUMNS
					     " FROM fault WHERE id = ?1");

	bind_text(stmt, 1, id);
	return row_first(store, stmt);
}

static json_t *attempt_row(sqlite3_stmt *stmt, bool whole)
{
	return json_pack("{s:I, s:s?, s:b}", "time_ms", (json_int_t)sqlite3_column_int64(stmt, 0),
			 "action", sqlite3_column_text(stmt, 1),
			 "loop", sqlite3_column_int(stmt, 2));
}

json_t *store_attempts(struct store *store, const char *application, int limit)
{
	sqlite3_stmt *stmt = store_statement(store,
		"SELECT time, outcome ->> 'action', coalesce(outcome ->> 'loop', 0) FROM"
		" (SELECT time, outcome, rowid AS n FROM fault"
		" WHERE application = ?1 AND outcome IS NOT NULL"
		" ORDER BY time DESC, rowid DESC LIMIT ?2) ORDER BY time, n");

	bind_text(stmt, 1, application);
	sqlite3_bind_int(stmt, 2, limit);
	return rows(store, stmt, attempt_row, false);
}

static json_t *setting_row(sqlite3_stmt *stmt, bool whole)
{
	return column_json(stmt, 0);
}

json_t *store_setting(struct store *store, const char *kind, const char *name)
{
	sqlite3_stmt *stmt = store_statement(store, "SELECT value FROM setting"
					     " WHERE kind = ?1 AND name = ?2");
	json_t *array, *value;

	bind_text(stmt, 1, kind);
	bind_text(stmt, 2, name);
	array = rows(store, stmt, setting_row, false);
	value = json_incref(json_array_get(array, 0));
	json_decref(array);
	return value;
}

int store_setting_put(struct store *store, const char *kind, const char *name, json_t *value)
{
	sqlite3_stmt *stmt;
	int ret = store_begin(store);

	if (ret)
		return ret;
	stmt = store_statement(store, "INSERT OR REPLACE INTO setting VALUES (?1, ?2, ?3)");
	bind_text(stmt, 1, kind);
	bind_text(stmt, 2, name);
	bind_json(stmt, 3, value);
	return store_step(store, stmt, "setting");
}

int64_t store_fault_count(struct store *store)
{
	sqlite3_stmt *stmt = store_statement(store, "SELECT count(*) FROM fault");
	int64_t n = stmt && sqlite3_step(stmt) == SQLITE_ROW ?
		    sqlite3_column_int64(stmt, 0) : 0;

	sqlite3_finalize(stmt);
	return n;
}
