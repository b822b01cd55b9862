// SPDX-License-Identifier: GPL-2.0-only
/*
 * The store that several centers share. A statement is run when it is bound; outside a
 * transaction it is run once more after a connection was lost. In a transaction that is
 * the caller's to do, from the beginning.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "center/sql_postgres.h"
#include "center/store/postgres/array.h"
#include "center/store/postgres/connection.h"

/* Any number that nobody else takes for an advisory lock of this database: "faultlin". */
#define LOCK_KEY "7377573617310132590"

/* What makes each edition of the one before; the first one, of nothing. */
static const char *const editions[] = { SQL_SCHEMA_1, SQL_SCHEMA_2, SQL_SCHEMA_3 };

#define STORE_EDITION ((int)(sizeof(editions) / sizeof(*editions)))

#define STATEMENT_TEXT(name) [STATEMENT_##name] = SQL_##name,
static const char *const texts[STATEMENT_COUNT] = { STATEMENTS(STATEMENT_TEXT) };

#define STATEMENT_NAME(name) [STATEMENT_##name] = #name,
static const char *const names[STATEMENT_COUNT] = { STATEMENTS(STATEMENT_NAME) };

DEFINE_CLEANUP(PGresult *, PQclear)

/* Who waits for the lock must see what its last holder has done, whatever a database or a role has set. */
#define BEGIN "BEGIN ISOLATION LEVEL READ COMMITTED"

static int postgres_begin(struct store *store, struct error *err)
{
	struct postgres_store *postgres = postgres_of(store);
	struct error lost = {};
	int ret = connection_again(postgres, err);

	if (ret)
		return ret;
	ret = connection_execute(postgres, BEGIN, &lost);
	if (ret != -ENOTCONN)
		return ret ? error_set(err, ret, "%s", lost.text) : 0;
	/* A server that was restarted meanwhile shows it here. */
	ret = connection_again(postgres, err);
	return ret ? ret : connection_execute(postgres, BEGIN, err);
}

static int postgres_commit(struct store *store, struct error *err)
{
	struct postgres_store *postgres = postgres_of(store);
	__cleanup(PQclearp) PGresult *result = PQexec(postgres->connection, "COMMIT");

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return connection_failed(postgres, result, err);
	/* A transaction in which something failed is rolled back, with a friendly face. */
	return strcmp(PQcmdStatus(result), "COMMIT") ?
	       error_set(err, -EIO, "PostgreSQL: the transaction was rolled back") : 0;
}

static void postgres_rollback(struct store *store)
{
	struct postgres_store *postgres = postgres_of(store);

	if (!connection_broken(postgres))
		PQclear(PQexec(postgres->connection, "ROLLBACK"));
}

static int postgres_lock(struct store *store, struct error *err)
{
	return connection_execute(postgres_of(store),
				  "SELECT pg_advisory_xact_lock(" LOCK_KEY ")", err);
}

/* The edition of the database; 0: it has none of our tables. */
static int edition_read(struct postgres_store *postgres, int *edition, struct error *err)
{
	__cleanup(PQclearp) PGresult *result = PQexec(postgres->connection,
		"SELECT to_regclass('edition') IS NOT NULL");

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		return connection_failed(postgres, result, err);
	*edition = 0;
	if (PQgetvalue(result, 0, 0)[0] == 'f')
		return 0;
	PQclear(result);
	result = PQexec(postgres->connection, "SELECT number FROM edition");
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		return connection_failed(postgres, result, err);
	*edition = PQntuples(result) ? atoi(PQgetvalue(result, 0, 0)) : 0;
	return 0;
}

/* Of several centers that find an older database, the one with the lock brings it up. */
static int store_upgrade(struct postgres_store *postgres, struct error *err)
{
	int edition;
	char sql[64];
	int ret = postgres_lock(&postgres->base, err);

	if (!ret)
		ret = edition_read(postgres, &edition, err);
	if (!ret && !edition)
		ret = connection_execute(postgres, "CREATE TABLE edition (number integer NOT NULL);"
					 "INSERT INTO edition VALUES (0)", err);
	while (!ret && edition < STORE_EDITION) {
		ret = connection_execute(postgres, editions[edition++], err);
		snprintf(sql, sizeof(sql), "UPDATE edition SET number = %d", edition);
		if (!ret)
			ret = connection_execute(postgres, sql, err);
	}
	return ret;
}

static int store_prepare(struct postgres_store *postgres, struct error *err)
{
	int edition;
	int ret = edition_read(postgres, &edition, err);

	if (ret)
		return ret;
	if (edition > STORE_EDITION)
		return error_set(err, -ENOTSUP,
				 "PostgreSQL: made by a newer faultline-center (edition %d, this one knows %d); update it",
				 edition, STORE_EDITION);
	if (edition == STORE_EDITION)
		return 0;
	if (postgres->mode == STORE_READ)
		return error_set(err, -ENOENT, edition ?
				 "PostgreSQL: of an older faultline-center; \"faultline-center serve\" brings it up to date" :
				 "PostgreSQL: it is empty; \"faultline-center serve\" or an \"add\" makes its tables");
	ret = store_begin(&postgres->base, err);
	if (ret)
		return ret;
	ret = store_upgrade(postgres, err);
	if (!ret)
		ret = store_commit(&postgres->base, err);
	store_rollback(&postgres->base);
	return ret;
}

static void postgres_reset(struct statement *base)
{
	struct postgres_statement *statement = (struct postgres_statement *)base;

	PQclear(steal_pointer(&statement->result));
	PQfreemem(steal_pointer(&statement->bytes));
}

static void postgres_close(struct store *store)
{
	struct postgres_store *postgres = postgres_of(store);

	for (int i = 0; i < STATEMENT_COUNT; i++)
		postgres_reset(&postgres->statements[i].base);
	PQfinish(postgres->connection);
	free(postgres);
}

/* libpq tells of every notice on standard error otherwise. */
static void notice_ignore(void *cls, const PGresult *result)
{
}

static struct store *postgres_open(const struct store_place *place, enum store_mode mode,
				   struct error *err)
{
	struct postgres_store *postgres = calloc(1, sizeof(*postgres));

	if (!postgres) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	postgres->base.ops = &postgres_ops;
	postgres->mode = mode;
	if (!connection_open(postgres, place->url, err)) {
		PQsetNoticeReceiver(postgres->connection, notice_ignore, NULL);
		if (!store_prepare(postgres, err))
			return &postgres->base;
	}
	postgres_close(&postgres->base);
	return NULL;
}

/* struct parameters - as PQexecPrepared() takes them */
struct parameters {
	const char *values[STORE_VALUES_MAX];
	int sizes[STORE_VALUES_MAX];
	int formats[STORE_VALUES_MAX];
	char numbers[STORE_VALUES_MAX][32];
	int n;
};

static void parameters_fill(struct parameters *parameters, const struct store_value *values,
			    int n)
{
	parameters->n = n;
	for (int i = 0; i < n; i++) {
		const struct store_value *value = &values[i];
		char *number = parameters->numbers[i];

		parameters->values[i] = value->bytes;
		parameters->sizes[i] = value->size;
		parameters->formats[i] = value->type == 'b';
		if (value->type == 'i')
			snprintf(number, 32, "%" PRId64, value->integer);
		else if (value->type == 'd')
			snprintf(number, 32, "%.17g", value->real);
		else
			continue;
		parameters->values[i] = number;
	}
}

static int statement_prepare(struct postgres_store *postgres,
			     struct postgres_statement *statement, struct error *err)
{
	enum statement_id id = statement->base.id;
	__cleanup(PQclearp) PGresult *result = NULL;

	if (statement->prepared == postgres->generation)
		return 0;
	result = PQprepare(postgres->connection, names[id], texts[id], 0, NULL);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return connection_failed(postgres, result, err);
	statement->prepared = postgres->generation;
	return 0;
}

static int statement_execute(struct postgres_store *postgres,
			     struct postgres_statement *statement,
			     const struct parameters *parameters, struct error *err)
{
	ExecStatusType status;
	int ret;

	postgres_reset(&statement->base);
	ret = statement_prepare(postgres, statement, err);
	if (ret)
		return ret;
	statement->row = -1;
	statement->result = PQexecPrepared(postgres->connection, names[statement->base.id],
					   parameters->n, parameters->values, parameters->sizes,
					   parameters->formats, 0);
	status = PQresultStatus(statement->result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return 0;
	ret = connection_failed(postgres, statement->result, err);
	postgres_reset(&statement->base);
	return ret;
}

static struct statement *statement_send(struct store *store, enum statement_id id,
					const struct parameters *parameters, struct error *err)
{
	struct postgres_store *postgres = postgres_of(store);
	struct postgres_statement *statement = &postgres->statements[id];
	struct error lost = {};
	int ret;

	statement->base = (struct statement){ .store = store, .id = id };
	if (!store->transaction && connection_again(postgres, err))
		return NULL;
	ret = statement_execute(postgres, statement, parameters, &lost);
	if (ret == -ENOTCONN && !store->transaction) {
		if (connection_again(postgres, err))
			return NULL;
		memset(&lost, 0, sizeof(lost));
		ret = statement_execute(postgres, statement, parameters, &lost);
	}
	if (!ret)
		return &statement->base;
	error_set(err, ret, "%s", lost.text);
	return NULL;
}

static struct statement *postgres_statement(struct store *store, enum statement_id id,
					    const struct store_value *values, int n,
					    struct error *err)
{
	struct parameters parameters;

	parameters_fill(&parameters, values, n);
	return statement_send(store, id, &parameters, err);
}

static int postgres_step(struct statement *base, struct error *err)
{
	struct postgres_statement *statement = (struct postgres_statement *)base;

	return ++statement->row < PQntuples(statement->result);
}

static int64_t postgres_integer(struct statement *base, int column)
{
	struct postgres_statement *statement = (struct postgres_statement *)base;

	return strtoll(PQgetvalue(statement->result, statement->row, column), NULL, 10);
}

static const char *postgres_text(struct statement *base, int column)
{
	struct postgres_statement *statement = (struct postgres_statement *)base;

	return PQgetisnull(statement->result, statement->row, column) ? NULL :
	       PQgetvalue(statement->result, statement->row, column);
}

static const void *postgres_blob(struct statement *base, int column, size_t *size)
{
	struct postgres_statement *statement = (struct postgres_statement *)base;

	PQfreemem(statement->bytes);
	*size = 0;
	statement->bytes = PQunescapeBytea(
		(const unsigned char *)PQgetvalue(statement->result, statement->row, column), size);
	return statement->bytes ? (const void *)statement->bytes : "";
}

static int postgres_changes(struct statement *base)
{
	return atoi(PQcmdTuples(((struct postgres_statement *)base)->result));
}

enum { TEXTS = 's', INTEGERS = 'i' };

/* One value of each fault as an array, in the order of the statement's parameters. */
static const struct fault_column {
	char type;
	size_t offset;
} fault_columns[] = {
#define COLUMN(type, member) { type, offsetof(struct store_fault, member) }
	COLUMN(TEXTS, gateway), COLUMN(TEXTS, boot), COLUMN(INTEGERS, number),
	COLUMN(INTEGERS, received), COLUMN(TEXTS, time), COLUMN(TEXTS, kind),
	COLUMN(TEXTS, application), COLUMN(TEXTS, version), COLUMN(TEXTS, group),
	COLUMN(TEXTS, data), COLUMN(TEXTS, countermeasure), COLUMN(INTEGERS, policy_version),
	COLUMN(TEXTS, decided_by), COLUMN(TEXTS, decided_why),
#undef COLUMN
};

#define FAULT_COLUMNS (sizeof(fault_columns) / sizeof(*fault_columns))
/* Of a boot: the first two. */
#define BOOT_COLUMNS 2

static void column_fill(struct array *array, const struct fault_column *column,
			const struct store_fault *faults, size_t n)
{
	if (column->type == TEXTS)
		array_texts(array, n);
	else
		array_integers(array, n);
	for (size_t i = 0; i < n; i++) {
		const void *member = (const char *)&faults[i] + column->offset;

		if (column->type == TEXTS)
			array_add_text(array, *(const char *const *)member);
		else
			array_add_integer(array, *(const int64_t *)member);
	}
}

static int arrays_fill(struct array *arrays, struct parameters *parameters,
		       const struct store_fault *faults, size_t n, struct error *err)
{
	parameters->n = FAULT_COLUMNS;
	for (size_t i = 0; i < FAULT_COLUMNS; i++) {
		column_fill(&arrays[i], &fault_columns[i], faults, n);
		if (arrays[i].failed)
			return error_set(err, -ENOMEM, "out of memory");
		parameters->values[i] = (const char *)arrays[i].bytes;
		parameters->sizes[i] = arrays[i].size;
		parameters->formats[i] = 1;
	}
	return 0;
}

/* Stores all whose boots are there; how many are not yet placed, or negative errno. */
static int faults_insert(struct store *store, const struct parameters *parameters,
			 struct store_fault *faults, size_t n, struct error *err)
{
	__cleanup_statement struct statement *statement =
		statement_send(store, STATEMENT_FAULT_INSERT, parameters, err);
	size_t left = 0;
	int ret;

	if (!statement)
		return err->code;
	while ((ret = store_step(statement, err)) == 1) {
		size_t place = statement_integer(statement, 0);

		if (place >= n)
			return error_set(err, -EIO, "PostgreSQL: a row that was not sent");
		/* What was stored the first time shows as known the second time. */
		if (faults[place].boot_key >= 0)
			continue;
		faults[place].boot_key = statement_integer(statement, 1);
		faults[place].known = !statement_integer(statement, 2);
	}
	for (size_t i = 0; i < n; i++)
		left += faults[i].boot_key < 0;
	return ret < 0 ? ret : (int)left;
}

/* Nearly always every boot is there: one statement does it. */
static int faults_send(struct store *store, struct parameters *parameters,
		       struct store_fault *faults, size_t n, struct error *err)
{
	int left = faults_insert(store, parameters, faults, n, err);
	int ret;

	if (left <= 0)
		return left;
	parameters->n = BOOT_COLUMNS;
	ret = store_run(statement_send(store, STATEMENT_BOOT_INSERT, parameters, err), err);
	if (ret)
		return ret;
	parameters->n = FAULT_COLUMNS;
	left = faults_insert(store, parameters, faults, n, err);
	return left > 0 ? error_set(err, -EIO, "PostgreSQL: a fault was not stored") : left;
}

static int postgres_faults(struct store *store, struct store_fault *faults, size_t n,
			   struct error *err)
{
	struct array arrays[FAULT_COLUMNS] = {};
	struct parameters parameters;
	int ret = arrays_fill(arrays, &parameters, faults, n, err);

	for (size_t i = 0; i < n; i++)
		faults[i].boot_key = -1;
	if (!ret)
		ret = faults_send(store, &parameters, faults, n, err);
	for (size_t i = 0; i < FAULT_COLUMNS; i++)
		array_free(&arrays[i]);
	return ret;
}

const struct store_ops postgres_ops = {
	.shared = true,
	.open = postgres_open,
	.close = postgres_close,
	.statement = postgres_statement,
	.step = postgres_step,
	.reset = postgres_reset,
	.integer = postgres_integer,
	.text = postgres_text,
	.blob = postgres_blob,
	.changes = postgres_changes,
	.begin = postgres_begin,
	.commit = postgres_commit,
	.rollback = postgres_rollback,
	.lock = postgres_lock,
	.faults = postgres_faults,
};
