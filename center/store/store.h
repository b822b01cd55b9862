/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The center's store: one SQLite file, center.db in the data folder, in WAL mode.
 * The daemon and the command line open it side by side; what one commits, the
 * other's next statement sees. A struct store belongs to one thread at a time.
 * Where a function takes a struct error, it must be there.
 */
#ifndef CENTER_STORE_STORE_H
#define CENTER_STORE_STORE_H

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "lib/cleanup.h"
#include "lib/error.h"

#define STORE_STATEMENTS_MAX 48

/**
 * struct store - one connection to the store
 * @data: the data folder; the store, artifacts and definitions are in it
 * @statements: prepared statements by the address of their text
 */
struct store {
	sqlite3 *db;
	char *data;
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} statements[STORE_STATEMENTS_MAX];
};

enum store_mode {
	STORE_READ,	/* only read; there must be a store */
	STORE_WRITE,	/* make the folder and the store where there is none */
};

/**
 * store_open - open the store in a data folder
 *
 * Return: closed with store_close(), or NULL with @err set: -ENOENT (none
 * there), -ENOTSUP (made by a newer edition), or what the system said.
 */
struct store *store_open(const char *data, enum store_mode mode, struct error *err);
void store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close)
#define __cleanup_store __cleanup(store_closep)

/**
 * store_statement - a statement, prepared once for each @sql
 * @sql: a constant of the generated sql.h; it is known by its address
 * @types: one letter for each value that follows and is bound to ?1, ?2, …:
 *	s text or NULL, i int64_t, d double, b blob (const void *, size_t).
 *	Values are borrowed until the statement is reset.
 *
 * Return: borrowed; to be reset after use (__cleanup_statement). NULL with @err set.
 */
sqlite3_stmt *store_statement(struct store *store, struct error *err,
			      const char *sql, const char *types, ...);

static inline void statement_reset(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}
DEFINE_CLEANUP(sqlite3_stmt *, statement_reset)
#define __cleanup_statement __cleanup(statement_resetp)

/**
 * store_step - one step of a statement
 *
 * Return: 1 with a row, 0 at the end, or a negative errno with @err set.
 */
int store_step(struct store *store, sqlite3_stmt *statement, struct error *err);

/** store_run - run a statement that yields no rows, and reset it; 0 or negative errno */
int store_run(struct store *store, sqlite3_stmt *statement, struct error *err);

/**
 * store_row - the next row of a statement whose first column is JSON text
 *
 * Return: 1 with @row a new reference, 0 at the end, or a negative errno.
 */
int store_row(struct store *store, sqlite3_stmt *statement, json_t **row,
	      struct error *err);

/** store_rows - all rows of such a statement as an array; NULL with @err set */
json_t *store_rows(struct store *store, sqlite3_stmt *statement, struct error *err);

/* A transaction that writes. What is committed is on disk when store_commit() returns 0. */
int store_begin(struct store *store, struct error *err);
int store_commit(struct store *store, struct error *err);
void store_rollback(struct store *store);

/**
 * store_give - give what was made in the data folder to the folder's owner
 *
 * So that what root adds on the command line is open to a daemon that runs as a
 * user of its own. Does nothing for others.
 */
void store_give(const char *data, const char *path);

/** store_now - milliseconds since 1970 */
int64_t store_now(void);

#endif /* CENTER_STORE_STORE_H */
