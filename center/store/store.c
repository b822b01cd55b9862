// SPDX-License-Identifier: GPL-2.0-only
#include "center/store/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "center/store/ops.h"
#include "lib/file.h"
#include "lib/log.h"

bool store_url_valid(const char *url)
{
	return !strncmp(url, "postgresql://", 13) || !strncmp(url, "postgres://", 11);
}

/* Bundles and definitions lie in it, whatever the store is. */
static int folder_prepare(const struct store_place *place, enum store_mode mode,
			  struct error *err)
{
	return mode == STORE_WRITE || place->url ? folder_make(place->data, 0750, err) : 0;
}

struct store *store_open(const struct store_place *place, enum store_mode mode,
			 struct error *err)
{
	const struct store_ops *ops = place->url ? &postgres_ops : &sqlite_ops;
	__cleanup_store struct store *store = NULL;

	if (folder_prepare(place, mode, err))
		return NULL;
	store = ops->open(place, mode, err);
	if (!store)
		return NULL;
	store->data = strdup(place->data);
	if (!store->data) {
		error_set(err, -ENOMEM, "%s: out of memory", place->data);
		return NULL;
	}
	return steal_pointer(&store);
}

void store_close(struct store *store)
{
	free(store->data);
	store->ops->close(store);
}

bool store_shared(const struct store *store)
{
	return store->ops->shared;
}

static int values_read(struct store_value *values, const char *types, va_list ap)
{
	int n;

	for (n = 0; types[n] && n < STORE_VALUES_MAX; n++) {
		struct store_value *value = &values[n];

		*value = (struct store_value){ .type = types[n] };
		switch (types[n]) {
		case 's':
			value->bytes = va_arg(ap, const char *);
			break;
		case 'i':
			value->integer = va_arg(ap, int64_t);
			break;
		case 'd':
			value->real = va_arg(ap, double);
			break;
		default:
			value->bytes = va_arg(ap, const void *);
			value->size = va_arg(ap, size_t);
		}
	}
	return n;
}

struct statement *store_statement(struct store *store, struct error *err,
				  enum statement_id id, const char *types, ...)
{
	struct store_value values[STORE_VALUES_MAX];
	va_list ap;
	int n;

	va_start(ap, types);
	n = values_read(values, types, ap);
	va_end(ap);
	return store->ops->statement(store, id, values, n, err);
}

void statement_reset(struct statement *statement)
{
	statement->store->ops->reset(statement);
}

int store_step(struct statement *statement, struct error *err)
{
	return statement->store->ops->step(statement, err);
}

int64_t statement_integer(struct statement *statement, int column)
{
	return statement->store->ops->integer(statement, column);
}

const char *statement_text(struct statement *statement, int column)
{
	return statement->store->ops->text(statement, column);
}

const void *statement_blob(struct statement *statement, int column, size_t *size)
{
	return statement->store->ops->blob(statement, column, size);
}

int store_change(struct statement *statement, struct error *err)
{
	int ret;

	if (!statement)
		return err->code;
	ret = store_step(statement, err);
	if (!ret)
		ret = statement->store->ops->changes(statement);
	statement_reset(statement);
	return ret;
}

int store_run(struct statement *statement, struct error *err)
{
	int ret = store_change(statement, err);

	return ret < 0 ? ret : 0;
}

int store_row(struct statement *statement, json_t **row, struct error *err)
{
	const char *text;
	int ret;

	if (!statement)
		return err->code;
	ret = store_step(statement, err);
	if (ret <= 0)
		return ret;
	text = statement_text(statement, 0);
	*row = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
	return *row ? 1 : error_set(err, -EIO, "the store: a row is not JSON");
}

json_t *store_rows(struct statement *statement, struct error *err)
{
	json_auto_t *rows = json_array();
	json_t *row;
	int ret;

	while ((ret = store_row(statement, &row, err)) == 1)
		json_array_append_new(rows, row);
	return ret ? NULL : steal_pointer(&rows);
}

int store_begin(struct store *store, struct error *err)
{
	int ret = store->ops->begin(store, err);

	store->transaction = !ret;
	return ret;
}

int store_commit(struct store *store, struct error *err)
{
	int ret = store->ops->commit(store, err);

	if (!ret)
		store->transaction = false;
	return ret;
}

void store_rollback(struct store *store)
{
	if (store->transaction)
		store->ops->rollback(store);
	store->transaction = false;
}

int store_lock(struct store *store, struct error *err)
{
	return store->ops->lock(store, err);
}

int store_faults(struct store *store, struct store_fault *faults, size_t n,
		 struct error *err)
{
	return store->ops->faults(store, faults, n, err);
}

void store_give(const char *data, const char *path)
{
	struct stat st;

	if (!geteuid() && !stat(data, &st) && st.st_uid &&
	    lchown(path, st.st_uid, st.st_gid) < 0)
		log_warning("%s: it cannot be given to the owner of %s: %m", path, data);
}

int64_t store_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}
