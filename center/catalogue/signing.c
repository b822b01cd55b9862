// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/signing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "center/digest.h"
#include "center/fault/list.h"

/* Time itself grows; where a clock was set back, the last one decides. */
static int64_t serial_next(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_SERIAL_LAST, "");
	int64_t now = store_now(), last;

	if (!statement || store_step(statement, err) < 0)
		return err->code;
	last = statement_integer(statement, 0);
	return last >= now ? last + 1 : now;
}

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

int signing_application(struct store *store, const struct key *key, const json_t *row,
			struct error *err)
{
	int64_t serial = serial_next(store, err);
	char statement[SIGNATURE_STATEMENT_MAX], signature[SIGNATURE_TEXT_LEN + 1];
	size_t size;

	if (serial < 0)
		return serial;
	size = signature_application(statement, text_of(row, "name"), text_of(row, "version"),
				     text_of(row, "sha256"),
				     json_integer_value(json_object_get(row, "size")), serial);
	if (key_sign(key, statement, size, signature, err))
		return err->code;
	return store_run(store_statement(store, err, STATEMENT_APPLICATION_SIGN, "ssis",
					 text_of(row, "name"), text_of(row, "version"), serial,
					 signature), err);
}

int signing_script(struct store *store, const struct key *key, const char *service,
		   const char *sha256, struct error *err)
{
	int64_t serial = serial_next(store, err);
	char statement[SIGNATURE_STATEMENT_MAX], signature[SIGNATURE_TEXT_LEN + 1];
	size_t size;

	if (serial < 0)
		return serial;
	size = signature_script(statement, service, sha256, serial);
	if (key_sign(key, statement, size, signature, err))
		return err->code;
	return store_run(store_statement(store, err, STATEMENT_SCRIPT_SIGN, "sis", service, serial,
					 signature), err);
}

int signing_list(struct store *store, const struct key *key, struct error *err)
{
	json_auto_t *document = list_document(store, err);
	__cleanup_free char *text = document ? signature_list_text(document) : NULL;
	int64_t serial = text ? serial_next(store, err) : -1;
	char statement[SIGNATURE_STATEMENT_MAX], signature[SIGNATURE_TEXT_LEN + 1];
	char sha256[SHA256_HEX_LEN + 1];
	size_t size;

	if (serial < 0)
		return err->code ? err->code : error_set(err, -ENOMEM, "out of memory");
	digest_hex(text, strlen(text), sha256);
	size = signature_list(statement,
			      json_integer_value(json_object_get(document, "policy_version")),
			      sha256, serial);
	if (key_sign(key, statement, size, signature, err))
		return err->code;
	return store_run(store_statement(store, err, STATEMENT_POLICY_SIGN, "is", serial, signature),
			 err);
}

static json_t *rows_of(struct store *store, enum statement_id id, struct error *err)
{
	__cleanup_statement struct statement *statement = store_statement(store, err, id, "");

	return statement ? store_rows(statement, err) : NULL;
}

static int rows_sign(struct store *store, const struct key *key, struct error *err)
{
	json_auto_t *applications = rows_of(store, STATEMENT_APPLICATIONS, err);
	json_auto_t *scripts = rows_of(store, STATEMENT_SCRIPTS, err);
	int ret = applications && scripts ? 0 : err->code, n = 0;
	json_t *row;
	size_t i;

	json_array_foreach(applications, i, row) {
		if (ret || !json_is_true(json_object_get(row, "current")))
			continue;
		ret = signing_application(store, key, row, err);
		n++;
	}
	json_array_foreach(scripts, i, row) {
		if (ret)
			break;
		ret = signing_script(store, key, text_of(row, "service"), text_of(row, "sha256"), err);
		n++;
	}
	if (!ret)
		ret = store_run(store_statement(store, err, STATEMENT_POLICY_RAISE, ""), err);
	if (!ret)
		ret = signing_list(store, key, err);
	return ret ? ret : n + 1;
}

int signing_all(struct store *store, const struct key *key, struct error *err)
{
	int ret = store_begin(store, err), n = 0;

	if (ret)
		return ret;
	ret = store_lock(store, err);
	if (!ret)
		n = rows_sign(store, key, err);
	if (!ret && n >= 0)
		ret = store_commit(store, err);
	if (ret || n < 0)
		store_rollback(store);
	return ret ? ret : n;
}
