// SPDX-License-Identifier: GPL-2.0-only
/* The store's fault data (341). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "supervisord/reliability/packed.h"
#include "supervisord/reliability/store_db.h"

/* What does not pack is kept as it is. A fault of which nothing more is known is one all the same. */
static void data_bind(sqlite3_stmt *stmt, int index, json_t *data)
{
	size_t size;
	void *packed = packed_make(data, &size);

	if (packed)
		sqlite3_bind_blob(stmt, index, packed, size, free);
	else if (data)
		db_bind_json(stmt, index, data);
	else
		db_bind_text(stmt, index, "{}");
}

static json_t *data_column(sqlite3_stmt *stmt, int index)
{
	if (sqlite3_column_type(stmt, index) != SQLITE_BLOB)
		return db_column_json(stmt, index);
	return packed_open(sqlite3_column_blob(stmt, index), sqlite3_column_bytes(stmt, index));
}

/* The number behind the boot id: one more than the highest of this boot, which may be in memory alone. */
static int fault_number(struct store *store, struct store_fault *fault)
{
	sqlite3_stmt *stmt = NULL;

	if (!store->fault_number) {
		stmt = db_statement(store, "SELECT coalesce(max(CAST(substr(id, length(?1) + 2) AS INTEGER)), 0)"
				    " FROM fault WHERE substr(id, 1, length(?1)) = ?1");
		db_bind_text(stmt, 1, store->boot_id);
		if (!stmt || sqlite3_step(stmt) != SQLITE_ROW) {
			sqlite3_finalize(stmt);
			return db_error(store, "fault id");
		}
		store->fault_number = sqlite3_column_int64(stmt, 0);
		sqlite3_finalize(stmt);
		if (store->fault_number < store->reserve.number)
			store->fault_number = store->reserve.number;
	}
	snprintf(fault->id, sizeof(fault->id), "%s-%lld", store->boot_id, (long long)++store->fault_number);
	return 0;
}

/* What failed in the midst of a transaction takes all of it along; it is said again as a whole. */
static int fault_refused(struct store *store)
{
	int ret = db_error(store, "fault");

	if (!sqlite3_get_autocommit(store->db))
		db_run(store, "ROLLBACK");
	store->open = false;
	return ret;
}

int store_fault_add(struct store *store, struct store_fault *fault)
{
	int ret = fault_number(store, fault);
	sqlite3_stmt *stmt;

	if (ret)
		return ret;
	stmt = db_statement(store, "INSERT OR IGNORE INTO fault (id, time, kind, application, version, state,"
			    " data) VALUES (?, ?, ?, ?, ?, 'stored', ?)");
	db_bind_text(stmt, 1, fault->id);
	sqlite3_bind_int64(stmt, 2, fault->time_ms);
	db_bind_text(stmt, 3, fault->kind);
	db_bind_text(stmt, 4, fault->application);
	db_bind_text(stmt, 5, fault->version);
	data_bind(stmt, 6, fault->data);
	ret = db_begin(store);
	if (!ret)
		ret = sqlite3_step(stmt) == SQLITE_DONE ? db_commit(store) : fault_refused(store);
	/* Its data are not written out as a statement unless they must be. */
	if (ret && redo_add(&store->redo, stmt))
		store->behind = true;
	else if (ret)
		fault->id[0] = '\0';
	sqlite3_finalize(stmt);
	if (ret) {
		db_keep(store);
		return ret;
	}
	/* It is in the database by now: a disk that does not say that it has it makes no other fault of it. */
	ret = db_sync(store);
	if (ret)
		log_error("store: fault %s may not be on the disk: %s", fault->id, strerror(-ret));
	return 0;
}

/* Steps and frees what says something of a fault. It is said again should the commit fail. */
static int fault_step(struct store *store, sqlite3_stmt *stmt)
{
	int ret = db_begin(store);

	if (!redo_add(&store->redo, stmt))
		log_error("store: too much of faults waits for the disk");
	if (!ret)
		return db_step(store, stmt, "fault");
	store->behind = true;
	db_keep(store);
	sqlite3_finalize(stmt);
	return ret;
}

/* UPDATE fault SET ... = ?2, ... WHERE id = ?1. */
static int fault_update(struct store *store, const char *sql, const char *id,
			json_t *json, const char *state, int flag)
{
	sqlite3_stmt *stmt = db_statement(store, sql);

	db_bind_text(stmt, 1, id);
	if (json)
		db_bind_json(stmt, 2, json);
	if (state)
		db_bind_text(stmt, 3, state);
	if (flag >= 0)
		sqlite3_bind_int(stmt, 4, flag);
	return fault_step(store, stmt);
}

int store_fault_decided(struct store *store, const char *id, json_t *countermeasure,
			json_t *decided)
{
	__cleanup_free char *text = decided ? json_dumps(decided, JSON_COMPACT) : NULL;
	sqlite3_stmt *stmt;

	stmt = db_statement(store, "UPDATE fault SET countermeasure = ?2, state = 'decided',"
			       " decided = ?3, reported = max(reported, ?4) WHERE id = ?1");
	db_bind_text(stmt, 1, id);
	db_bind_json(stmt, 2, countermeasure);
	db_bind_text(stmt, 3, text);
	sqlite3_bind_int(stmt, 4, !decided);
	return fault_step(store, stmt);
}

int store_fault_collected(struct store *store, const char *id, json_t *collected)
{
	json_t *row = store_fault(store, id), *data = json_object_get(row, "data");
	sqlite3_stmt *stmt;
	int ret = data ? db_begin(store) : -ENOENT;

	if (!ret) {
		json_object_set(data, "collected", collected);
		stmt = db_statement(store, "UPDATE fault SET data = ?2 WHERE id = ?1");
		db_bind_text(stmt, 1, id);
		data_bind(stmt, 2, data);
		ret = db_step(store, stmt, "fault");
	}
	json_decref(row);
	return ret;
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

/* In the order in which they struck, which a clock that is set changes nothing of: by rowid. */
#define FAULT_COLUMNS "id, time, kind, application, version, state, countermeasure," \
		      " outcome, reported, data, time, decided"

static json_t *fault_row(sqlite3_stmt *stmt, bool whole)
{
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:o*, s:o*, s:b, s:o*, s:I, s:o*}",
			 "id", sqlite3_column_text(stmt, 0),
			 "time", db_column_time(stmt, 1),
			 "kind", sqlite3_column_text(stmt, 2),
			 "application", sqlite3_column_text(stmt, 3),
			 "version", sqlite3_column_text(stmt, 4),
			 "state", sqlite3_column_text(stmt, 5),
			 "countermeasure", db_column_json(stmt, 6),
			 "outcome", db_column_json(stmt, 7),
			 "reported", sqlite3_column_int(stmt, 8),
			 "data", whole ? data_column(stmt, 9) : NULL,
			 "time_ms", (json_int_t)sqlite3_column_int64(stmt, 10),
			 "decided", db_column_json(stmt, 11));
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
	/* Nobody is told what a power cut could make undone. */
	if (store->behind)
		return NULL;
	return db_row(store, db_statement(store,
			 "SELECT " FAULT_COLUMNS " FROM fault WHERE (NOT reported"
			 " OR (outcome IS NOT NULL AND NOT outcome_sent))"
			 " AND (reported OR outcome IS NOT NULL"
			 " OR decided IS NULL OR decided ->> 'why' <> 'list')"
			 " ORDER BY rowid LIMIT 1"), fault_row);
}

json_t *store_faults(struct store *store, int limit)
{
	sqlite3_stmt *stmt = db_statement(store, "SELECT " FAULT_COLUMNS " FROM fault"
					     " ORDER BY rowid DESC LIMIT ?1");

	sqlite3_bind_int(stmt, 1, limit);
	return db_rows(store, stmt, fault_row, false);
}

json_t *store_faults_unfinished(struct store *store)
{
	return db_rows(store, db_statement(store, "SELECT " FAULT_COLUMNS " FROM fault"
					   " WHERE outcome IS NULL ORDER BY rowid"),
		    fault_row, false);
}

json_t *store_fault(struct store *store, const char *id)
{
	sqlite3_stmt *stmt = db_statement(store, "SELECT " FAULT_COLUMNS
					     " FROM fault WHERE id = ?1");

	db_bind_text(stmt, 1, id);
	return db_row(store, stmt, fault_row);
}

static json_t *attempt_row(sqlite3_stmt *stmt, bool whole)
{
	return json_pack("{s:I, s:s?, s:b, s:s?, s:I}", "time_ms",
			 (json_int_t)sqlite3_column_int64(stmt, 0), "action",
			 sqlite3_column_text(stmt, 1), "loop", sqlite3_column_int(stmt, 2), "id",
			 sqlite3_column_text(stmt, 3), "uptime_ms",
			 (json_int_t)sqlite3_column_int64(stmt, 4));
}

json_t *store_attempts(struct store *store, const char *application, int limit)
{
	sqlite3_stmt *stmt = db_statement(store,
		"SELECT time, outcome ->> 'action', coalesce(outcome ->> 'loop', 0), id,"
		" outcome ->> 'uptime_ms' FROM (SELECT time, outcome, id, rowid AS n FROM fault"
		" WHERE application = ?1 AND outcome IS NOT NULL"
		" ORDER BY rowid DESC LIMIT ?2) ORDER BY n");

	db_bind_text(stmt, 1, application);
	sqlite3_bind_int(stmt, 2, limit);
	return db_rows(store, stmt, attempt_row, false);
}

static int64_t count(struct store *store, const char *sql)
{
	sqlite3_stmt *stmt = db_statement(store, sql);
	int64_t n = stmt && sqlite3_step(stmt) == SQLITE_ROW ?
		    sqlite3_column_int64(stmt, 0) : 0;

	sqlite3_finalize(stmt);
	return n;
}

int64_t store_fault_count(struct store *store)
{
	return count(store, "SELECT count(*) FROM fault");
}

int64_t store_fault_untold(struct store *store)
{
	return count(store, "SELECT count(*) FROM fault WHERE NOT reported"
		     " OR (outcome IS NOT NULL AND NOT outcome_sent)");
}
