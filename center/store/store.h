/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The center's store: SQLite in the data folder (sqlite.c), or PostgreSQL where several
 * centers share the work (postgres.c). What the center's means do with it is here; what
 * the two do differently is behind struct store_ops, with the SQL of each in a folder of
 * its own. The daemon and the command line open it side by side; what one commits, the
 * other's next statement sees. A struct store belongs to one thread at a time.
 * Where a function takes a struct error, it must be there.
 */
#ifndef CENTER_STORE_STORE_H
#define CENTER_STORE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "center/store/statements.h"
#include "lib/cleanup.h"
#include "lib/error.h"

struct store_ops;

/**
 * struct store - one connection to the store
 * @data: the data folder: artifacts and definitions, and the SQLite store, are in it
 * @transaction: one has been begun and has not ended
 */
struct store {
	const struct store_ops *ops;
	char *data;
	bool transaction;
};

/**
 * struct store_place - where the store is
 * @data: data folder
 * @url: "postgresql://…"; NULL: SQLite in the data folder
 */
struct store_place {
	const char *data;
	const char *url;
};

enum store_mode {
	STORE_READ,	/* only read; there must be a store */
	STORE_WRITE,	/* make the folder and the store where there is none */
};

/**
 * store_open - open the store
 *
 * Return: closed with store_close(), or NULL with @err set: -ENOENT (none
 * there), -ENOTSUP (made by a newer edition), -ENOTCONN (no database answers), or
 * what the system said.
 */
struct store *store_open(const struct store_place *place, enum store_mode mode,
			 struct error *err);
void store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close)
#define __cleanup_store __cleanup(store_closep)

/** store_url_valid - may this be --store's argument? */
bool store_url_valid(const char *url);

/** store_shared - other machines' centers have the same store: bundles are in it */
bool store_shared(const struct store *store);

/** struct statement - a statement on its way; one of each kind at a time and store */
struct statement {
	struct store *store;
	enum statement_id id;
};

/**
 * store_statement - a statement, prepared once
 * @types: one letter for each value that follows and is bound to the first, second, …
 *	parameter: s text or NULL, i int64_t, d double, b blob (const void *, size_t).
 *	Values are borrowed until the statement is reset.
 *
 * Return: borrowed; to be reset after use (__cleanup_statement). NULL with @err set.
 */
struct statement *store_statement(struct store *store, struct error *err,
				  enum statement_id id, const char *types, ...);
void statement_reset(struct statement *statement);
DEFINE_CLEANUP(struct statement *, statement_reset)
#define __cleanup_statement __cleanup(statement_resetp)

/**
 * store_step - one step of a statement
 *
 * Return: 1 with a row, 0 at the end, or a negative errno with @err set.
 */
int store_step(struct statement *statement, struct error *err);

/* Columns of the row, from 0; borrowed until the next step. text: NULL for a NULL. */
int64_t statement_integer(struct statement *statement, int column);
const char *statement_text(struct statement *statement, int column);
const void *statement_blob(struct statement *statement, int column, size_t *size);

/** store_change - run a statement that yields no rows; how many it changed, or negative errno */
int store_change(struct statement *statement, struct error *err);
/** store_run - likewise; 0 or negative errno */
int store_run(struct statement *statement, struct error *err);

/**
 * store_row - the next row of a statement whose first column is JSON text
 *
 * Return: 1 with @row a new reference, 0 at the end, or a negative errno.
 */
int store_row(struct statement *statement, json_t **row, struct error *err);

/** store_rows - all rows of such a statement as an array; NULL: @err is set, or was */
json_t *store_rows(struct statement *statement, struct error *err);

/*
 * A transaction that writes. What is committed is on disk when store_commit() returns 0.
 * When the connection breaks (-ENOTCONN) nothing is known of a commit that was on its way:
 * who repeats it must mean the same by it.
 */
int store_begin(struct store *store, struct error *err);
int store_commit(struct store *store, struct error *err);
void store_rollback(struct store *store);

/**
 * store_lock - within a transaction: until it ends nobody else has the lock
 *
 * Whoever reads the catalogue or the list to change it by what is there takes it first.
 */
int store_lock(struct store *store, struct error *err);

/**
 * struct store_fault - a row of fault data
 * @received: milliseconds since 1970
 * @application: and @version, @decided_why: may be NULL
 * @boot_key: set by store_faults()
 * @known: likewise: it was there already, or is in this batch before
 */
struct store_fault {
	const char *gateway;
	const char *boot;
	int64_t number;
	int64_t received;
	const char *time;
	const char *kind;
	const char *application;
	const char *version;
	const char *group;
	const char *data;
	const char *countermeasure;
	int64_t policy_version;
	const char *decided_by;
	const char *decided_why;
	int64_t boot_key;
	bool known;
};

/** store_faults - store a batch within a transaction; one that is there stays as it is */
int store_faults(struct store *store, struct store_fault *faults, size_t n,
		 struct error *err);

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
