// SPDX-License-Identifier: GPL-2.0-only
/* The store's requests: services that the center has asked for. */
#include "supervisord/reliability/store_db.h"
#include "supervisord/gateway.h"

/* So many that are over are kept, so that the center cannot bring one a second time. */
#define REQUESTS_KEPT 1000

#define COLUMNS "SELECT id, service, author, not_after, state, time, report, told FROM request "

static json_t *request_row(sqlite3_stmt *stmt, bool whole)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:o*, s:b}",
			 "id", sqlite3_column_text(stmt, 0), "service", sqlite3_column_text(stmt, 1),
			 "author", sqlite3_column_text(stmt, 2),
			 "not_after_ms", (json_int_t)sqlite3_column_int64(stmt, 3),
			 "state", sqlite3_column_text(stmt, 4), "time", db_column_time(stmt, 5),
			 "report", db_column_json(stmt, 6), "told", sqlite3_column_int(stmt, 7));
}

static int requests_trim(struct store *store)
{
	sqlite3_stmt *stmt = db_statement(store, "DELETE FROM request WHERE told AND state NOT IN"
					  " ('taken', 'running') AND rowid <="
					  " (SELECT max(rowid) FROM request) - ?1");

	sqlite3_bind_int(stmt, 1, REQUESTS_KEPT);
	return db_step(store, stmt, "request");
}

int store_request_add(struct store *store, const struct store_request *request)
{
	sqlite3_stmt *stmt;
	int ret = db_begin(store);

	if (ret)
		return ret;
	stmt = db_statement(store, "INSERT INTO request (id, service, author, not_after, state, time,"
			    " report) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
	db_bind_text(stmt, 1, request->id);
	db_bind_text(stmt, 2, request->service);
	db_bind_text(stmt, 3, request->author);
	sqlite3_bind_int64(stmt, 4, request->not_after_ms);
	db_bind_text(stmt, 5, request->state);
	sqlite3_bind_int64(stmt, 6, clock_to_unix_ms(clock_now()));
	db_bind_json(stmt, 7, request->report);
	ret = db_step(store, stmt, "request");
	if (!ret)
		ret = requests_trim(store);
	return ret ? ret : store_flush(store);
}

int store_request_state(struct store *store, const char *id, const char *state, json_t *report)
{
	sqlite3_stmt *stmt;
	int ret = db_begin(store);

	if (ret)
		return ret;
	stmt = db_statement(store, "UPDATE request SET state = ?2, report = ?3, time = ?4, told = 0"
			    " WHERE id = ?1");
	db_bind_text(stmt, 1, id);
	db_bind_text(stmt, 2, state);
	db_bind_json(stmt, 3, report);
	sqlite3_bind_int64(stmt, 4, clock_to_unix_ms(clock_now()));
	return db_step(store, stmt, "request");
}

int store_request_told(struct store *store, const char *id, const char *state)
{
	sqlite3_stmt *stmt;
	int ret = db_begin(store);

	if (ret)
		return ret;
	stmt = db_statement(store, "UPDATE request SET told = 1 WHERE id = ?1 AND state = ?2");
	db_bind_text(stmt, 1, id);
	db_bind_text(stmt, 2, state);
	return db_step(store, stmt, "request");
}

json_t *store_request(struct store *store, const char *id)
{
	sqlite3_stmt *stmt = db_statement(store, COLUMNS "WHERE id = ?1");

	db_bind_text(stmt, 1, id);
	return db_row(store, stmt, request_row);
}

json_t *store_request_untold(struct store *store)
{
	return db_row(store, db_statement(store, COLUMNS "WHERE NOT told ORDER BY time, rowid LIMIT 1"),
		      request_row);
}

json_t *store_requests_open(struct store *store)
{
	return db_rows(store, db_statement(store, COLUMNS "WHERE state IN ('taken', 'running')"
					   " ORDER BY rowid"), request_row, true);
}

json_t *store_requests(struct store *store, int limit)
{
	sqlite3_stmt *stmt = db_statement(store, COLUMNS "ORDER BY rowid DESC LIMIT ?1");

	sqlite3_bind_int(stmt, 1, limit);
	return db_rows(store, stmt, request_row, true);
}
