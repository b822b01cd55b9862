/* SPDX-License-Identifier: GPL-2.0-only */
/* A connection to PostgreSQL that is made again when it breaks. */
#ifndef CENTER_STORE_POSTGRES_CONNECTION_H
#define CENTER_STORE_POSTGRES_CONNECTION_H

#include <libpq-fe.h>
#include <stdint.h>

#include "center/store/ops.h"

/**
 * struct postgres_statement - a prepared statement
 * @prepared: in this connection, which counts by @generation of the store
 * @bytes: of a blob that was asked for
 */
struct postgres_statement {
	struct statement base;
	int prepared;
	PGresult *result;
	int row;
	unsigned char *bytes;
};

/**
 * struct postgres_store - a store
 * @generation: counts connections, from 1; what was prepared belongs to one of them
 * @lost: a statement showed that the connection is of no more use
 * @retry_ms: when a connection that cannot be made is tried again, CLOCK_MONOTONIC
 */
struct postgres_store {
	struct store base;
	PGconn *connection;
	int generation;
	enum store_mode mode;
	bool lost;
	int64_t retry_ms;
	struct postgres_statement statements[STATEMENT_COUNT];
};

static inline struct postgres_store *postgres_of(struct store *store)
{
	return (struct postgres_store *)store;
}

/** connection_open - connect and see that the database is one for us; 0 or negative errno */
int connection_open(struct postgres_store *postgres, const char *url, struct error *err);

/** connection_again - make a connection that is broken again; 0, also when it is not, or -ENOTCONN */
int connection_again(struct postgres_store *postgres, struct error *err);

/** connection_broken - nothing that was sent last can be relied on */
bool connection_broken(const struct postgres_store *postgres);

/** connection_execute - run statements without parameters; 0 or negative errno */
int connection_execute(struct postgres_store *postgres, const char *sql, struct error *err);

/**
 * connection_failed - an error from a result
 *
 * Return: -ENOTCONN: the connection or the server is gone; -EBUSY: worth repeating;
 * -ENOSPC, -EEXIST, -EROFS, -EACCES; else -EIO.
 */
int connection_failed(struct postgres_store *postgres, const PGresult *result,
		      struct error *err);

#endif /* CENTER_STORE_POSTGRES_CONNECTION_H */
