// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/scripts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "center/catalogue/definitions.h"
#include "center/catalogue/signing.h"
#include "center/digest.h"
#include "lib/file.h"
#include "lib/name.h"
#include "lib/script/interpretation.h"

/* The service of a script is the name of its file, as it is of its definition's. */
static int service_of(const char *path, char service[NAME_MAX_LEN + 1], struct error *err)
{
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;
	size_t len = strlen(file);

	if (len > 4 && len - 4 <= NAME_MAX_LEN && !strcmp(file + len - 4, ".xml")) {
		memcpy(service, file, len - 4);
		service[len - 4] = '\0';
		if (name_valid(service))
			return 0;
	}
	return error_set(err, -EINVAL, "%s: name the file SERVICE.xml, by the service that the script is for",
			 path);
}

static int script_put(struct store *store, const char *service, const char *text,
		      size_t size, bool *changed, struct error *err)
{
	char sha256[65];
	int ret;

	digest_hex(text, size, sha256);
	ret = store_change(store_statement(store, err, STATEMENT_SCRIPT_PUT, "ssbi", service,
					       sha256, text, size, store_now()), err);
	*changed = ret > 0;
	return ret < 0 ? ret : 0;
}

static int script_row(struct store *store, const char *service, size_t steps,
		      bool changed, json_t **row, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_SCRIPT_GET, "s", service);

	if (!statement || store_step(statement, err) < 0)
		return err->code;
	*row = json_pack("{s:s, s:I, s:s, s:I, s:b}", "service", service,
			 "edition", (json_int_t)statement_integer(statement, 2),
			 "sha256", statement_text(statement, 1),
			 "steps", (json_int_t)steps, "changed", changed);
	return 0;
}

/* In one transaction, so that the definition does not change between check and keeping. */
static int script_store(struct store *store, const char *path, const char *service,
			const char *text, size_t size, json_t **row, struct error *err)
{
	__cleanup_definition struct definition *definition =
		definitions_load(store, service, err);
	__cleanup_program struct program *program = NULL;
	bool changed;
	int ret;

	if (!definition)
		return err->code;
	program = interpretation_compile(definition, path, text, size, err);
	if (!program)
		return err->code;
	ret = script_put(store, service, text, size, &changed, err);
	return ret ? ret : script_row(store, service, program->length.requests, changed, row, err);
}

int scripts_add(struct store *store, const char *path, const struct key *key, json_t **row,
		struct error *err)
{
	__cleanup_free char *text = NULL;
	char service[NAME_MAX_LEN + 1];
	size_t size;
	int ret = service_of(path, service, err);

	if (ret)
		return ret;
	text = file_read(path, SCRIPT_SIZE_MAX, &size, err);
	if (!text)
		return err->code;
	ret = store_begin(store, err);
	if (ret)
		return ret;
	ret = store_lock(store, err);
	if (!ret)
		ret = script_store(store, path, service, text, size, row, err);
	if (!ret && key)
		ret = signing_script(store, key, service,
				     json_string_value(json_object_get(*row, "sha256")), err);
	if (!ret)
		ret = store_commit(store, err);
	if (ret)
		store_rollback(store);
	return ret;
}

json_t *scripts_list(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_SCRIPTS, "");

	return store_rows(statement, err);
}

int scripts_signature(struct store *store, const char *service, json_t **row,
		      struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_SCRIPT_SIGNATURE, "s", service);

	return statement ? store_row(statement, row, err) : err->code;
}

int scripts_get(struct store *store, const char *service, char **content, size_t *size,
		char sha256[65], struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_SCRIPT_GET, "s", service);
	const void *blob;
	int ret;

	if (!statement)
		return err->code;
	ret = store_step(statement, err);
	if (ret <= 0)
		return ret;
	blob = statement_blob(statement, 0, size);
	*content = malloc(*size + 1);
	if (!*content)
		return error_set(err, -ENOMEM, "%s: out of memory", service);
	memcpy(*content, blob, *size);
	snprintf(sha256, 65, "%s", statement_text(statement, 1));
	return 1;
}

int scripts_fit(struct store *store, const struct definition *definition,
		struct error *err)
{
	const char *service = definition_service(definition);
	__cleanup_program struct program *program = NULL;
	__cleanup_free char *text = NULL;
	struct error why = {};
	char sha256[65];
	size_t size;
	int ret = scripts_get(store, service, &text, &size, sha256, err);

	if (ret <= 0)
		return ret;
	program = interpretation_compile(definition, service, text, size, &why);
	if (program)
		return 0;
	return error_set(err, why.code,
			 "the script of this service would be refused by the new definition (%s); --force keeps the definition all the same",
			 why.text);
}
