// SPDX-License-Identifier: GPL-2.0-only
#include "center/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "center/sql.h"
#include "lib/file.h"
#include "lib/log.h"

#define STORE_FILE "center.db"
#define STORE_BUSY_MS 10000

/* What makes each edition of the one before; the first one, of nothing. */
static const char *const editions[] = { SQL_SCHEMA, SQL_SCHEMA_2 };

#define STORE_EDITION ((int)(sizeof(editions) / sizeof(*editions)))

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

static int store_fail(struct store *store, struct error *err)
{
	int code = sqlite3_extended_errcode(store->db);

	return error_set(err, store_errno(code), "%s/" STORE_FILE ": %s%s", store->data,
			 sqlite3_errmsg(store->db), store_advice(code));
}

static int store_execute(struct store *store, const char *sql, struct error *err)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ?
	       0 : store_fail(store, err);
}

static int store_edition(struct store *store, int *edition, struct error *err)
{
	__cleanup_statement sqlite3_stmt *statement =
		store_statement(store, err, "PRAGMA user_version", "");

	if (!statement || store_step(store, statement, err) < 0)
		return err->code;
	*edition = sqlite3_column_int(statement, 0);
	return 0;
}

/* Two processes may both find an older file: the one that gets the lock brings it up. */
static int store_upgrade(struct store *store, struct error *err)
{
	char sql[64];
	int edition;
	int ret = store_begin(store, err);

	if (ret)
		return ret;
	ret = store_edition(store, &edition, err);
	while (!ret && edition < STORE_EDITION) {
		ret = store_execute(store, editions[edition++], err);
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", edition);
		if (!ret)
			ret = store_execute(store, sql, err);
	}
	if (!ret)
		ret = store_commit(store, err);
	if (ret)
		store_rollback(store);
	return ret;
}

static int store_prepare(struct store *store, enum store_mode mode, struct error *err)
{
	int edition;
	int ret;

	sqlite3_extended_result_codes(store->db, 1);
	sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	ret = store_execute(store, mode == STORE_WRITE ?
			    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			    "PRAGMA journal_size_limit = 67108864;"
			    "PRAGMA foreign_keys = ON" :
			    "PRAGMA query_only = ON", err);
	if (!ret)
		ret = store_edition(store, &edition, err);
	if (ret)
		return ret;
	if (edition > STORE_EDITION)
		return error_set(err, -ENOTSUP,
				 "%s/" STORE_FILE ": made by a newer faultline-center (edition %d, this one knows %d); update it",
				 store->data, edition, STORE_EDITION);
	if (edition == STORE_EDITION)
		return 0;
	if (mode == STORE_READ)
		return error_set(err, -ENOENT, edition ?
				 "%s/" STORE_FILE ": of an older faultline-center; \"faultline-center serve\" brings it up to date" :
				 "%s/" STORE_FILE ": it is empty", store->data);
	return store_upgrade(store, err);
}

void store_give(const char *data, const char *path)
{
	struct stat st;

	if (!geteuid() && !stat(data, &st) && st.st_uid &&
	    lchown(path, st.st_uid, st.st_gid) < 0)
		log_warning("%s: it cannot be given to the owner of %s: %m", path, data);
}

/* SQLite gives its other files the mode and the owner of this one. */
static int store_file_make(const char *data, const char *path, struct error *err)
{
	__cleanup_close int fd = -1;
	int ret = folder_make(data, 0750, err);

	if (ret)
		return ret;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd >= 0)
		store_give(data, path);
	else if (errno != EEXIST)
		return error_set(err, -errno, "%s: %m", path);
	return 0;
}

struct store *store_open(const char *data, enum store_mode mode, struct error *err)
{
	__cleanup_store struct store *store = calloc(1, sizeof(*store));
	char path[PATH_MAX];

	if (store)
		store->data = strdup(data);
	if (!store || !store->data) {
		error_set(err, -ENOMEM, "%s: out of memory", data);
		return NULL;
	}
	snprintf(path, sizeof(path), "%s/" STORE_FILE, data);
	if (mode == STORE_WRITE && store_file_make(data, path, err))
		return NULL;
	if (mode == STORE_READ && access(path, F_OK)) {
		error_set(err, -errno,
			  "%s: %m; \"faultline-center serve\" or an \"add\" makes it, --data names another folder",
			  path);
		return NULL;
	}
	if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK) {
		store_fail(store, err);
		return NULL;
	}
	if (store_prepare(store, mode, err))
		return NULL;
	return steal_pointer(&store);
}

void store_close(struct store *store)
{
	for (int i = 0; i < STORE_STATEMENTS_MAX && store->statements[i].sql; i++)
		sqlite3_finalize(store->statements[i].statement);
	sqlite3_close(store->db);
	free(store->data);
	free(store);
}

static sqlite3_stmt *statement_find(struct store *store, const char *sql,
				    struct error *err)
{
	int i;

	for (i = 0; i < STORE_STATEMENTS_MAX && store->statements[i].sql; i++)
		if (store->statements[i].sql == sql)
			return store->statements[i].statement;
	if (i == STORE_STATEMENTS_MAX) {
		error_set(err, -ENOSPC, "more than %d statements", STORE_STATEMENTS_MAX);
		return NULL;
	}
	if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
			       &store->statements[i].statement, NULL) != SQLITE_OK) {
		store_fail(store, err);
		return NULL;
	}
	store->statements[i].sql = sql;
	return store->statements[i].statement;
}

static int statement_bind(sqlite3_stmt *statement, const char *types, va_list ap)
{
	int ret = SQLITE_OK;

	for (int i = 1; *types && ret == SQLITE_OK; i++, types++) {
		const void *blob;

		switch (*types) {
		case 's':
			ret = sqlite3_bind_text(statement, i, va_arg(ap, const char *),
						-1, SQLITE_STATIC);
			break;
		case 'i':
			ret = sqlite3_bind_int64(statement, i, va_arg(ap, int64_t));
			break;
		case 'd':
			ret = sqlite3_bind_double(statement, i, va_arg(ap, double));
			break;
		case 'b':
			blob = va_arg(ap, const void *);
			ret = sqlite3_bind_blob64(statement, i, blob,
						  va_arg(ap, size_t), SQLITE_STATIC);
			break;
		default:
			ret = SQLITE_MISUSE;
		}
	}
	return ret;
}

sqlite3_stmt *store_statement(struct store *store, struct error *err,
			      const char *sql, const char *types, ...)
{
	sqlite3_stmt *statement = statement_find(store, sql, err);
	va_list ap;
	int ret;

	if (!statement)
		return NULL;
	va_start(ap, types);
	ret = statement_bind(statement, types, ap);
	va_end(ap);
	if (ret != SQLITE_OK) {
		store_fail(store, err);
		statement_reset(statement);
		return NULL;
	}
	return statement;
}

int store_step(struct store *store, sqlite3_stmt *statement, struct error *err)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return store_fail(store, err);
	}
}

int store_run(struct store *store, sqlite3_stmt *statement, struct error *err)
{
	int ret;

	if (!statement)
		return err->code;
	ret = store_step(store, statement, err);
	statement_reset(statement);
	return ret < 0 ? ret : 0;
}

int store_row(struct store *store, sqlite3_stmt *statement, json_t **row,
	      struct error *err)
{
	int ret = store_step(store, statement, err);

	if (ret <= 0)
		return ret;
	*row = json_loadb((const char *)sqlite3_column_text(statement, 0),
			  sqlite3_column_bytes(statement, 0), JSON_DECODE_ANY, NULL);
	return *row ? 1 : error_set(err, -EIO, "%s/" STORE_FILE ": a row is not JSON",
				    store->data);
}

json_t *store_rows(struct store *store, sqlite3_stmt *statement, struct error *err)
{
	json_auto_t *rows = json_array();
	json_t *row;
	int ret;

	while ((ret = store_row(store, statement, &row, err)) == 1)
		json_array_append_new(rows, row);
	return ret ? NULL : steal_pointer(&rows);
}

int store_begin(struct store *store, struct error *err)
{
	return store_run(store, store_statement(store, err, "BEGIN IMMEDIATE", ""), err);
}

int store_commit(struct store *store, struct error *err)
{
	return store_run(store, store_statement(store, err, "COMMIT", ""), err);
}

void store_rollback(struct store *store)
{
	if (!sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

int64_t store_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}
