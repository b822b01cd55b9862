/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the store (store.h) share: its connection, and how statements
 * are run on it. Nobody else includes this.
 */
#ifndef SUPERVISORD_STORE_DB_H
#define SUPERVISORD_STORE_DB_H

#include <jansson.h>
#include <sqlite3.h>

#include "supervisord/reliability/store.h"
#include "supervisord/reliability/store_redo.h"
#include "supervisord/reliability/store_reserve.h"

struct store_event_waiting;
struct store_sync;

struct store {
	sqlite3 *db;
	sqlite3_stmt *add_event;
	struct store_sync *sync;
	bool open;		/* a transaction is open */
	int log_pages;		/* of the write-ahead log, at the last commit */
	unsigned int added;
	struct store_event_waiting *waiting;	/* events for the next transaction, oldest first */
	unsigned int n_waiting;
	struct store_retention retention;
	struct store_redo redo;	/* what is said of faults in the open transaction */
	bool behind;		/* and in those before it, which failed */
	char trouble[96];	/* why the last one failed; "": it did not */
	struct store_reserve reserve;
	int64_t fault_number;	/* the last one's */
	char boot_id[40];
};

/** db_error - log why SQLite failed at @what; the negative errno for it */
int db_error(struct store *store, const char *what);
int db_run(struct store *store, const char *sql);
/** db_begin - have a transaction open, with the events that waited for one in it; 0 or negative errno */
int db_begin(struct store *store);
/** db_commit - end it; 0, or negative errno: then what was said of faults is said again in the next one */
int db_commit(struct store *store);
/** db_keep - the disk did not take what was said of faults: write it where room was taken for it */
void db_keep(struct store *store);
/** db_sync - wait until the disk has what was committed; 0 or negative errno */
int db_sync(struct store *store);
/** db_statement - a statement, to be finalized; NULL where it cannot be had */
sqlite3_stmt *db_statement(struct store *store, const char *sql);
/** db_step - run one statement that gives no rows, and free it */
int db_step(struct store *store, sqlite3_stmt *stmt, const char *what);

/** db_bind_text - TEXT or NULL; what is bound must outlive the step */
void db_bind_text(sqlite3_stmt *stmt, int index, const char *text);
/** db_bind_json - JSON as text, or NULL */
void db_bind_json(sqlite3_stmt *stmt, int index, json_t *json);
json_t *db_column_json(sqlite3_stmt *stmt, int index);
/** db_column_time - ms since 1970 as RFC 3339, UTC */
json_t *db_column_time(sqlite3_stmt *stmt, int index);

/** db_rows - a query's rows, each by @row, and free it; NULL on failure */
json_t *db_rows(struct store *store, sqlite3_stmt *stmt,
		json_t *(*row)(sqlite3_stmt *stmt, bool whole), bool whole);
/** db_row - the first of a query's rows, whole; NULL where there is none */
json_t *db_row(struct store *store, sqlite3_stmt *stmt,
	       json_t *(*row)(sqlite3_stmt *stmt, bool whole));

/** store_events_waiting - @add those that waited to the transaction that is open, or forget them */
void store_events_waiting(struct store *store, bool add);

/** store_trim - delete what is beyond the retention, now and then; in a transaction */
int store_trim(struct store *store);

#endif /* SUPERVISORD_STORE_DB_H */
