// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/store_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"

int db_error(struct store *store, const char *what)
{
	int code = sqlite3_errcode(store->db);

	log_error("store: %s: %s", what, sqlite3_errmsg(store->db));
	snprintf(store->trouble, sizeof(store->trouble), "%s", sqlite3_errmsg(store->db));
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

const char *store_trouble(const struct store *store)
{
	return store->trouble[0] ? store->trouble : NULL;
}

int db_run(struct store *store, const char *sql)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_error(store, sql);
	return 0;
}

void db_bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
	sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

void db_bind_json(sqlite3_stmt *stmt, int index, json_t *json)
{
	if (json)
		sqlite3_bind_text(stmt, index, json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY |
							JSON_REAL_PRECISION(15)),
				  -1, free);
	else
		sqlite3_bind_null(stmt, index);
}

json_t *db_column_json(sqlite3_stmt *stmt, int index)
{
	const char *text = (const char *)sqlite3_column_text(stmt, index);

	return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

json_t *db_column_time(sqlite3_stmt *stmt, int index)
{
	return store_time(sqlite3_column_int64(stmt, index));
}

json_t *store_time(int64_t ms)
{
	time_t seconds = ms / 1000;
	char text[40];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%03dZ", text, (int)(ms % 1000));
}

int db_begin(struct store *store)
{
	int ret;

	if (store->open)
		return 0;
	ret = db_run(store, "BEGIN IMMEDIATE");
	if (ret)
		return ret;
	store->open = true;
	if (!store->behind || redo_run(&store->redo, store->db) == SQLITE_OK) {
		store_events_waiting(store, true);
		return 0;
	}
	ret = db_error(store, "what failed before");
	if (!sqlite3_get_autocommit(store->db))
		db_run(store, "ROLLBACK");
	store->open = false;
	return ret;
}

int db_commit(struct store *store)
{
	int ret = db_run(store, "COMMIT");

	/* A commit that failed for now (a full disk) is tried again at the next flush. */
	if (!ret || sqlite3_get_autocommit(store->db))
		store->open = false;
	store->behind = ret && store->redo.n;
	if (ret) {
		db_keep(store);
		return ret;
	}
	store->trouble[0] = '\0';
	redo_clear(&store->redo);
	store->reserve.kept = 0;
	if (store->reserve.used && !db_sync(store) && store_reserve_clear(&store->reserve))
		log_error("store: what it had in reserve could not be cleared");
	return 0;
}

void db_keep(struct store *store)
{
	int ret = store_reserve_keep(&store->reserve, &store->redo, store->fault_number);

	if (ret)
		log_error("store: what is said of faults is in memory alone: %s", strerror(-ret));
}

int db_step(struct store *store, sqlite3_stmt *stmt, const char *what)
{
	int ret = 0;

	if (!stmt || sqlite3_step(stmt) != SQLITE_DONE)
		ret = db_error(store, what);
	sqlite3_finalize(stmt);
	return ret;
}

sqlite3_stmt *db_statement(struct store *store, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return NULL;
	return stmt;
}

json_t *db_rows(struct store *store, sqlite3_stmt *stmt,
		json_t *(*row)(sqlite3_stmt *stmt, bool whole), bool whole)
{
	json_t *array = json_array();

	if (!stmt) {
		db_error(store, "query");
		json_decref(array);
		return NULL;
	}
	while (sqlite3_step(stmt) == SQLITE_ROW)
		json_array_append_new(array, row(stmt, whole));
	sqlite3_finalize(stmt);
	return array;
}

json_t *db_row(struct store *store, sqlite3_stmt *stmt,
	       json_t *(*row)(sqlite3_stmt *stmt, bool whole))
{
	json_t *array = db_rows(store, stmt, row, true);
	json_t *first = json_incref(json_array_get(array, 0));

	json_decref(array);
	return first;
}
