// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/store_db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/gateway.h"
#include "supervisord/reliability/store_sql.h"
#include "supervisord/reliability/store_sync.h"

#define APPLICATION_ID 0x464c5431	/* "FLT1", says whose database a file is */

/* A database that somebody else made is not touched. */
static int store_adopt(struct store *store, const char *path, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int id = 0, tables = 0;
	char pragma[64];

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
	snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d", APPLICATION_ID);
	/* It is written only where it must be: the disk may be full. */
	if (id != APPLICATION_ID && db_run(store, pragma))
		return error_set(err, -EIO, "%s: %s", path, sqlite3_errmsg(store->db));
	return 0;
}

static int store_prepare(struct store *store, const char *path, struct error *err)
{
	int ret;

	sqlite3_busy_timeout(store->db, 2000);
	ret = store_adopt(store, path, err);
	if (ret)
		return ret;
	/* A file of an earlier version lacks a column; with it, or without its table, this fails. */
	sqlite3_exec(store->db, "ALTER TABLE fault ADD COLUMN decided TEXT", NULL, NULL, NULL);
	if (db_run(store, "PRAGMA journal_mode = WAL") ||
	    /* The log is written to the disk by store_sync.c; a checkpoint still has its order kept. */
	    db_run(store, "PRAGMA synchronous = NORMAL") ||
	    db_run(store, "PRAGMA wal_autocheckpoint = 0") ||
	    db_run(store, "PRAGMA cache_size = -256") ||
	    db_run(store, SQL_STORE))
		return error_set(err, -EIO, "%s: %s", path, sqlite3_errmsg(store->db));
	if (sqlite3_prepare_v3(store->db,
			       "INSERT INTO event (time, part, application, name, text, data)"
			       " VALUES (?, ?, ?, ?, ?, ?)",
			       -1, SQLITE_PREPARE_PERSISTENT, &store->add_event,
			       NULL) != SQLITE_OK)
		return error_set(err, -EIO, "%s: %s", path, sqlite3_errmsg(store->db));
	return 0;
}

static int log_grew(void *user, sqlite3 *db, const char *name, int pages)
{
	struct store *store = user;

	store->log_pages = pages;
	return SQLITE_OK;
}

/* Those of another version could keep every transaction from beginning. */
static bool redo_good(struct store *store)
{
	bool good = true;

	for (size_t i = 0; i < store->redo.n && good; i++) {
		sqlite3_stmt *stmt = db_statement(store, store->redo.sql[i]);

		good = stmt;
		sqlite3_finalize(stmt);
	}
	return good;
}

/* What a supervisor before this one had no room for in the database. */
static void reserve_take(struct store *store, const char *path)
{
	__cleanup_free char *name = alloc_format("%s-reserve", path);
	struct error err = {};

	if (store_reserve_open(&store->reserve, name, store->boot_id, &store->redo, &err))
		log_warning("store: no room is in reserve for faults: %s", err.text);
	if (!redo_good(store)) {
		db_error(store, "what was in reserve is dropped");
		redo_clear(&store->redo);
		store_reserve_clear(&store->reserve);
	}
	if (!store->redo.n)
		return;
	store->behind = true;
	if (!db_begin(store) && !db_commit(store))
		log_info("store: faults that the disk had no room for are in the database now");
}

int store_open(struct store **result, const char *path, struct ev_loop *loop,
	       store_synced_fn synced, void *user, struct error *err)
{
	struct store *store = alloc_zero(1, sizeof(*store));
	FILE *boot = fopen("/proc/sys/kernel/random/boot_id", "re");
	int ret;

	store->reserve.fd = -1;
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
	if (!ret) {
		sqlite3_wal_hook(store->db, log_grew, store);
		/* What is in memory alone (docs/formats.md, "profile") has no log. */
		if (strcmp(path, ":memory:"))
			store->sync = store_sync_start(loop, path, synced, user, err);
		ret = store->sync || !strcmp(path, ":memory:") ? 0 : -EIO;
	}
	if (ret) {
		store_close(store);
		return ret;
	}
	if (store->sync)
		reserve_take(store, path);
	*result = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->add_event)
		store_flush(store);
	store_events_waiting(store, false);
	store_sync_stop(store->sync);
	redo_clear(&store->redo);
	store_reserve_close(&store->reserve);
	sqlite3_finalize(store->add_event);
	sqlite3_close(store->db);
	free(store);
}

const char *store_boot(const struct store *store)
{
	return store->boot_id;
}

/* Has a transaction open where there is something for one. */
static int waiting_begin(struct store *store)
{
	return store->behind || store->waiting ? db_begin(store) : 0;
}

int store_commit(struct store *store, uint64_t *ticket)
{
	int ret = waiting_begin(store);

	*ticket = 0;
	if (!ret && store->open)
		ret = db_commit(store);
	if (!ret && store->sync)
		*ticket = store_sync_ask(store->sync, store->log_pages);
	return ret;
}

int db_sync(struct store *store)
{
	int ret = store->sync ? store_sync_now(store->sync) : 0;

	/* The thread looks at the length of the log, too. */
	if (!ret && store->sync)
		store_sync_ask(store->sync, store->log_pages);
	return ret;
}

int store_flush(struct store *store)
{
	int ret = waiting_begin(store);

	if (ret || !store->open)
		return ret;
	ret = db_commit(store);
	return ret ? ret : db_sync(store);
}

void store_rest(struct store *store)
{
	if (!store->open)
		sqlite3_db_release_memory(store->db);
}

/* Runs @sql with one number, if there is a bound at all. */
static int trim_by(struct store *store, const char *sql, int64_t bound)
{
	sqlite3_stmt *stmt;

	if (!bound)
		return 0;
	stmt = db_statement(store, sql);
	sqlite3_bind_int64(stmt, 1, bound);
	return db_step(store, stmt, "retention");
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
	stmt = db_statement(store, "SELECT (page_count - freelist_count) * page_size FROM"
			       " pragma_page_count, pragma_freelist_count, pragma_page_size");
	if (stmt && sqlite3_step(stmt) == SQLITE_ROW)
		bytes = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	if (bytes <= store->retention.megabytes << 20)
		return 0;
	return db_run(store, "DELETE FROM event WHERE id <= (SELECT max(id) - count(*) * 9 / 10"
			 " FROM event)");
}

/* The newest stays in any case: it has the number that the next one follows. */
#define FAULT_TOLD "reported AND outcome_sent"

int store_trim(struct store *store)
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
		ret = trim_by(store, "DELETE FROM fault WHERE " FAULT_TOLD " AND time < ?1"
			      " AND rowid < (SELECT max(rowid) FROM fault)",
			      days_ago_ms(retention->fault_days));
	return ret ? ret : trim_size(store);
}

void store_retain(struct store *store, const struct store_retention *retention)
{
	store->retention = *retention;
	if (!db_begin(store))
		store_trim(store);
	store_flush(store);
}

static json_t *setting_row(sqlite3_stmt *stmt, bool whole)
{
	return db_column_json(stmt, 0);
}

json_t *store_setting(struct store *store, const char *kind, const char *name)
{
	sqlite3_stmt *stmt = db_statement(store, "SELECT value FROM setting"
					     " WHERE kind = ?1 AND name = ?2");
	json_t *array, *value;

	db_bind_text(stmt, 1, kind);
	db_bind_text(stmt, 2, name);
	array = db_rows(store, stmt, setting_row, false);
	value = json_incref(json_array_get(array, 0));
	json_decref(array);
	return value;
}

int store_setting_put(struct store *store, const char *kind, const char *name, json_t *value)
{
	sqlite3_stmt *stmt;
	int ret = db_begin(store);

	if (ret)
		return ret;
	stmt = db_statement(store, "INSERT OR REPLACE INTO setting VALUES (?1, ?2, ?3)");
	db_bind_text(stmt, 1, kind);
	db_bind_text(stmt, 2, name);
	db_bind_json(stmt, 3, value);
	return db_step(store, stmt, "setting");
}
