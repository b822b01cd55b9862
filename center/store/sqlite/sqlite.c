// SPDX-License-Identifier: GPL-2.0-only
/*
 * The embedded store: one SQLite file, center.db in the data folder, in WAL mode.
 * PRAGMA user_version says which edition a file holds.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "center/sql_sqlite.h"
#include "center/store/ops.h"
#include "lib/log.h"

#define STORE_FILE "center.db"
#define STORE_BUSY_MS 10000

/* What makes each edition of the one before; the first one, of nothing. */
static const char *const editions[] = { SQL_SCHEMA_1, SQL_SCHEMA_2, SQL_SCHEMA_3, SQL_SCHEMA_4,
					SQL_SCHEMA_5 };

#define STORE_EDITION ((int)(sizeof(editions) / sizeof(*editions)))

#define STATEMENT_TEXT(name) [STATEMENT_##name] = SQL_##name,
static const char *const texts[STATEMENT_COUNT] = { STATEMENTS(STATEMENT_TEXT) };

struct sqlite_statement {
	struct statement base;
	sqlite3_stmt *prepared;
};

struct sqlite_store {
	struct store base;
	sqlite3 *db;
	char path[PATH_MAX];
	struct sqlite_statement statements[STATEMENT_COUNT];
};

static struct sqlite_store *sqlite_of(struct store *store)
{
	return (struct sqlite_store *)store;
}

static sqlite3_stmt *prepared_of(struct statement *statement)
{
	return ((struct sqlite_statement *)statement)->prepared;
}

static int store_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	default:
		return -EIO;
	}
}

static const char *store_advice(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
		return "; another process holds it, try again";
	case SQLITE_FULL:
		return "; free some space";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "; restore it from a backup";
	default:
		return "";
	}
}

static int sqlite_fail(struct sqlite_store *sqlite, struct error *err)
{
	int code = sqlite3_extended_errcode(sqlite->db);

	return error_set(err, store_errno(code), "%s: %s%s", sqlite->path,
			 sqlite3_errmsg(sqlite->db), store_advice(code));
}

static int sqlite_execute(struct sqlite_store *sqlite, const char *sql, struct error *err)
{
	return sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL) == SQLITE_OK ?
	       0 : sqlite_fail(sqlite, err);
}

static int sqlite_begin(struct store *store, struct error *err)
{
	return sqlite_execute(sqlite_of(store), "BEGIN IMMEDIATE", err);
}

static int sqlite_commit(struct store *store, struct error *err)
{
	return sqlite_execute(sqlite_of(store), "COMMIT", err);
}

static void sqlite_rollback(struct store *store)
{
	if (!sqlite3_get_autocommit(sqlite_of(store)->db))
		sqlite3_exec(sqlite_of(store)->db, "ROLLBACK", NULL, NULL, NULL);
}

/* Who has begun to write is the only one. */
static int sqlite_lock(struct store *store, struct error *err)
{
	return 0;
}

static int store_edition(struct sqlite_store *sqlite, int *edition, struct error *err)
{
	sqlite3_stmt *statement = NULL;
	int ret = 0;

	if (sqlite3_prepare_v2(sqlite->db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		ret = sqlite_fail(sqlite, err);
	else
		*edition = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return ret;
}

/* Two processes may both find an older file: the one that gets the lock brings it up. */
static int store_upgrade(struct sqlite_store *sqlite, struct error *err)
{
	char sql[64];
	int edition;
	int ret = sqlite_begin(&sqlite->base, err);

	if (ret)
		return ret;
	ret = store_edition(sqlite, &edition, err);
	while (!ret && edition < STORE_EDITION) {
		ret = sqlite_execute(sqlite, editions[edition++], err);
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", edition);
		if (!ret)
			ret = sqlite_execute(sqlite, sql, err);
	}
	if (!ret)
		ret = sqlite_commit(&sqlite->base, err);
	if (ret)
		sqlite_rollback(&sqlite->base);
	return ret;
}

static int store_prepare(struct sqlite_store *sqlite, enum store_mode mode, struct error *err)
{
	int edition;
	int ret;

	sqlite3_extended_result_codes(sqlite->db, 1);
	sqlite3_busy_timeout(sqlite->db, STORE_BUSY_MS);
	sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	ret = sqlite_execute(sqlite, mode == STORE_WRITE ?
			    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			    "PRAGMA journal_size_limit = 67108864;"
			    "PRAGMA foreign_keys = ON" :
			    "PRAGMA query_only = ON", err);
	if (!ret)
		ret = store_edition(sqlite, &edition, err);
	if (ret)
		return ret;
	if (edition > STORE_EDITION)
		return error_set(err, -ENOTSUP,
				 "%s: made by a newer faultline-center (edition %d, this one knows %d); update it",
				 sqlite->path, edition, STORE_EDITION);
	if (edition == STORE_EDITION)
		return 0;
	if (mode == STORE_READ)
		return error_set(err, -ENOENT, edition ?
				 "%s: of an older faultline-center; \"faultline-center serve\" brings it up to date" :
				 "%s: it is empty", sqlite->path);
	return store_upgrade(sqlite, err);
}

/* SQLite gives its other files the mode and the owner of this one. */
static int store_file_make(const char *data, const char *path, struct error *err)
{
	__cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	if (fd >= 0)
		store_give(data, path);
	else if (errno != EEXIST)
		return error_set(err, -errno, "%s: %m", path);
	return 0;
}

static void sqlite_store_close(struct store *store)
{
	struct sqlite_store *sqlite = sqlite_of(store);

	for (int i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(sqlite->statements[i].prepared);
	sqlite3_close(sqlite->db);
	free(sqlite);
}

static int sqlite_connect(struct sqlite_store *sqlite, const char *data, enum store_mode mode,
			  struct error *err)
{
	if (mode == STORE_WRITE && store_file_make(data, sqlite->path, err))
		return err->code;
	if (mode == STORE_READ && access(sqlite->path, F_OK))
		return error_set(err, -errno,
				 "%s: %m; \"faultline-center serve\" or an \"add\" makes it, --data names another folder",
				 sqlite->path);
	if (sqlite3_open_v2(sqlite->path, &sqlite->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return sqlite_fail(sqlite, err);
	return store_prepare(sqlite, mode, err);
}

static struct store *sqlite_store_open(const struct store_place *place, enum store_mode mode,
				       struct error *err)
{
	struct sqlite_store *sqlite = calloc(1, sizeof(*sqlite));

	if (!sqlite) {
		error_set(err, -ENOMEM, "%s: out of memory", place->data);
		return NULL;
	}
	sqlite->base.ops = &sqlite_ops;
	snprintf(sqlite->path, sizeof(sqlite->path), "%s/" STORE_FILE, place->data);
	if (!sqlite_connect(sqlite, place->data, mode, err))
		return &sqlite->base;
	sqlite_store_close(&sqlite->base);
	return NULL;
}

static void sqlite_reset(struct statement *statement)
{
	sqlite3_reset(prepared_of(statement));
	sqlite3_clear_bindings(prepared_of(statement));
}

static int value_bind(sqlite3_stmt *prepared, int i, const struct store_value *value)
{
	switch (value->type) {
	case 's':
		return sqlite3_bind_text(prepared, i, value->bytes, -1, SQLITE_STATIC);
	case 'i':
		return sqlite3_bind_int64(prepared, i, value->integer);
	case 'd':
		return sqlite3_bind_double(prepared, i, value->real);
	case 'b':
		return sqlite3_bind_blob64(prepared, i, value->bytes, value->size,
					   SQLITE_STATIC);
	default:
		return SQLITE_MISUSE;
	}
}

static struct statement *sqlite_statement(struct store *store, enum statement_id id,
					  const struct store_value *values, int n,
					  struct error *err)
{
	struct sqlite_store *sqlite = sqlite_of(store);
	struct sqlite_statement *statement = &sqlite->statements[id];
	int ret = SQLITE_OK;

	statement->base = (struct statement){ .store = store, .id = id };
	if (!statement->prepared)
		ret = sqlite3_prepare_v3(sqlite->db, texts[id], -1, SQLITE_PREPARE_PERSISTENT,
					 &statement->prepared, NULL);
	for (int i = 0; i < n && ret == SQLITE_OK; i++)
		ret = value_bind(statement->prepared, i + 1, &values[i]);
	if (ret == SQLITE_OK)
		return &statement->base;
	sqlite_fail(sqlite, err);
	if (statement->prepared)
		sqlite_reset(&statement->base);
	return NULL;
}

static int sqlite_step(struct statement *statement, struct error *err)
{
	switch (sqlite3_step(prepared_of(statement))) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return sqlite_fail(sqlite_of(statement->store), err);
	}
}

static int64_t sqlite_integer(struct statement *statement, int column)
{
	return sqlite3_column_int64(prepared_of(statement), column);
}

static const char *sqlite_text(struct statement *statement, int column)
{
	return (const char *)sqlite3_column_text(prepared_of(statement), column);
}

static const void *sqlite_blob(struct statement *statement, int column, size_t *size)
{
	const void *bytes = sqlite3_column_blob(prepared_of(statement), column);

	*size = sqlite3_column_bytes(prepared_of(statement), column);
	return bytes ? bytes : "";
}

static int sqlite_changes(struct statement *statement)
{
	return sqlite3_changes(sqlite_of(statement->store)->db);
}

static int64_t boot_key(struct store *store, const struct store_fault *fault, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_BOOT_FIND, "ss", fault->gateway, fault->boot);
	int ret = statement ? store_step(statement, err) : err->code;

	if (ret < 0)
		return ret;
	if (ret)
		return statement_integer(statement, 0);
	ret = store_run(store_statement(store, err, STATEMENT_BOOT_INSERT, "ss", fault->gateway,
					fault->boot), err);
	return ret < 0 ? ret : sqlite3_last_insert_rowid(sqlite_of(store)->db);
}

static int fault_insert(struct store *store, struct store_fault *fault, struct error *err)
{
	int ret;

	fault->boot_key = boot_key(store, fault, err);
	if (fault->boot_key < 0)
		return fault->boot_key;
	ret = store_change(store_statement(store, err, STATEMENT_FAULT_INSERT, "iiisssssssiss",
					fault->boot_key, fault->number, fault->received,
					fault->time, fault->kind, fault->application,
					fault->version, fault->group, fault->data,
					fault->countermeasure, fault->policy_version,
					fault->decided_by, fault->decided_why), err);
	fault->known = !ret;
	return ret < 0 ? ret : 0;
}

static int sqlite_faults(struct store *store, struct store_fault *faults, size_t n,
			 struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = fault_insert(store, &faults[i], err);
	return ret;
}

const struct store_ops sqlite_ops = {
	.open = sqlite_store_open,
	.close = sqlite_store_close,
	.statement = sqlite_statement,
	.step = sqlite_step,
	.reset = sqlite_reset,
	.integer = sqlite_integer,
	.text = sqlite_text,
	.blob = sqlite_blob,
	.changes = sqlite_changes,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.lock = sqlite_lock,
	.faults = sqlite_faults,
};
