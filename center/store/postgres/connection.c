// SPDX-License-Identifier: GPL-2.0-only
#include "center/store/postgres/connection.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"

#define RETRY_MS 200
#define OPTIONS_MAX 64

DEFINE_CLEANUP(PGresult *, PQclear)
DEFINE_CLEANUP(PQconninfoOption *, PQconninfoFree)

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* libpq's texts have lines; ours have one. A URL, which may hold a password, is not in them. */
static int text_error(struct error *err, int code, const char *text)
{
	char line[ERROR_TEXT_MAX / 2];
	size_t n = 0;

	for (; *text && n < sizeof(line) - 1; text++)
		if (*text != '\n')
			line[n++] = (unsigned char)*text < ' ' ? ' ' : *text;
		else if (text[1])
			line[n++] = ' ';
	line[n] = '\0';
	return error_set(err, code, "PostgreSQL: %s%s", line[0] ? line : "no answer",
			 code == -ENOTCONN ? "; is the database running, and --store right?" : "");
}

/* Classes and codes of PostgreSQL's appendix A. */
static int state_errno(const char *state)
{
	static const struct { const char *prefix; int code; } codes[] = {
		{ "08", -ENOTCONN }, { "57P", -ENOTCONN }, { "40", -EBUSY }, { "55P03", -EBUSY },
		{ "53100", -ENOSPC }, { "53", -EBUSY }, { "23", -EEXIST }, { "25006", -EROFS },
		{ "28", -EACCES }, { "42501", -EACCES },
	};

	for (size_t i = 0; state && i < sizeof(codes) / sizeof(*codes); i++)
		if (!strncmp(state, codes[i].prefix, strlen(codes[i].prefix)))
			return codes[i].code;
	return -EIO;
}

bool connection_broken(const struct postgres_store *postgres)
{
	return postgres->lost || PQstatus(postgres->connection) != CONNECTION_OK;
}

int connection_failed(struct postgres_store *postgres, const PGresult *result,
		      struct error *err)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	/* What has no state is libpq's own word, about the connection; it may think it good for a while. */
	int code = connection_broken(postgres) || !state ? -ENOTCONN : state_errno(state);

	postgres->lost = code == -ENOTCONN;

	return text_error(err, code, result ? PQresultErrorMessage(result) :
			  PQerrorMessage(postgres->connection));
}

int connection_execute(struct postgres_store *postgres, const char *sql, struct error *err)
{
	__cleanup(PQclearp) PGresult *result = PQexec(postgres->connection, sql);
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ?
	       0 : connection_failed(postgres, result, err);
}

/* What a database or a role may have set differently and we cannot do without. */
static int connection_prepare(struct postgres_store *postgres, struct error *err)
{
	__cleanup(PQclearp) PGresult *result = PQexec(postgres->connection,
		"SELECT current_setting('server_encoding'), current_setting('synchronous_commit'),"
		" current_setting('fsync')");

	postgres->generation++;
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		return connection_failed(postgres, result, err);
	if (strcmp(PQgetvalue(result, 0, 0), "UTF8"))
		return error_set(err, -EINVAL,
				 "PostgreSQL: the database's encoding is %s; create it with ENCODING 'UTF8'",
				 PQgetvalue(result, 0, 0));
	if (!strcmp(PQgetvalue(result, 0, 2), "off") && postgres->generation == 1)
		log_warning("PostgreSQL: fsync is off: what is acknowledged may be lost when its machine halts");
	/* "local" and what waits for standbys is the operator's choice. */
	if (!strcmp(PQgetvalue(result, 0, 1), "off") &&
	    connection_execute(postgres, "SET synchronous_commit = on", err))
		return err->code;
	return postgres->mode == STORE_WRITE ? 0 :
	       connection_execute(postgres, "SET default_transaction_read_only = on", err);
}

/* The URL's settings win over ours. */
int connection_open(struct postgres_store *postgres, const char *url, struct error *err)
{
	static const char *const ours[][2] = {
		{ "connect_timeout", "3" },
		{ "tcp_user_timeout", "10000" },
		{ "keepalives_idle", "10" },
		{ "application_name", "faultline-center" },
	};
	char *why = NULL;
	__cleanup(PQconninfoFreep) PQconninfoOption *options = PQconninfoParse(url, &why);
	const char *keys[OPTIONS_MAX + 8] = {}, *values[OPTIONS_MAX + 8] = {};
	int n = 0;

	if (!options) {
		text_error(err, -EINVAL, why ? why : "out of memory");
		PQfreemem(why);
		return err->code;
	}
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++, n++) {
		keys[n] = ours[i][0];
		values[n] = ours[i][1];
	}
	for (PQconninfoOption *o = options; o->keyword && n < OPTIONS_MAX; o++)
		if (o->val) {
			keys[n] = o->keyword;
			values[n++] = o->val;
		}
	keys[n] = "client_encoding";
	values[n] = "UTF8";
	postgres->connection = PQconnectdbParams(keys, values, 0);
	if (!postgres->connection)
		return error_set(err, -ENOMEM, "PostgreSQL: out of memory");
	if (connection_broken(postgres))
		return text_error(err, -ENOTCONN, PQerrorMessage(postgres->connection));
	return connection_prepare(postgres, err);
}

int connection_again(struct postgres_store *postgres, struct error *err)
{
	if (!connection_broken(postgres))
		return 0;
	/* Many ask at once while there is none. */
	if (monotonic_ms() < postgres->retry_ms)
		return error_set(err, -ENOTCONN, "PostgreSQL: the connection is lost");
	PQreset(postgres->connection);
	postgres->lost = false;
	if (!connection_broken(postgres) && !connection_prepare(postgres, err)) {
		log_notice("PostgreSQL: connected again");
		return 0;
	}
	postgres->retry_ms = monotonic_ms() + RETRY_MS;
	return text_error(err, -ENOTCONN, PQerrorMessage(postgres->connection));
}
