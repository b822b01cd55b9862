/* SPDX-License-Identifier: GPL-2.0-only */
/* What a store is to the rest of the center: a table of functions for each. */
#ifndef CENTER_STORE_OPS_H
#define CENTER_STORE_OPS_H

#include "center/store/store.h"

/** struct store_value - a value for a parameter; @type as in store_statement() */
struct store_value {
	char type;
	int64_t integer;
	double real;
	const void *bytes;	/* of a text its string, NULL: NULL */
	size_t size;		/* of a blob */
};

#define STORE_VALUES_MAX 16

/**
 * struct store_ops - a store
 * @shared: other machines' centers have it too, so bundles are in it
 * @open: @place->data is there for it; sets @ops and nothing else of struct store
 * @statement: bound and, as a store likes, run already
 * @step: 1, 0 or a negative errno
 * @text: @size may be NULL
 * @changes: rows that a statement that is at its end has changed
 *
 * The others as the functions of store.h that are called like them.
 */
struct store_ops {
	bool shared;
	struct store *(*open)(const struct store_place *place, enum store_mode mode,
			      struct error *err);
	void (*close)(struct store *store);
	struct statement *(*statement)(struct store *store, enum statement_id id,
				       const struct store_value *values, int n,
				       struct error *err);
	int (*step)(struct statement *statement, struct error *err);
	void (*reset)(struct statement *statement);
	int64_t (*integer)(struct statement *statement, int column);
	const char *(*text)(struct statement *statement, int column);
	const void *(*blob)(struct statement *statement, int column, size_t *size);
	int (*changes)(struct statement *statement);
	int (*begin)(struct store *store, struct error *err);
	int (*commit)(struct store *store, struct error *err);
	void (*rollback)(struct store *store);
	int (*lock)(struct store *store, struct error *err);
	int (*faults)(struct store *store, struct store_fault *faults, size_t n,
		      struct error *err);
};

extern const struct store_ops sqlite_ops;
extern const struct store_ops postgres_ops;

#endif /* CENTER_STORE_OPS_H */
