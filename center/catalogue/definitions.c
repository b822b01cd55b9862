// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/definitions.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "center/catalogue/scripts.h"
#include "center/digest.h"
#include "lib/file.h"
#include "lib/name.h"

#define FOLDER "definitions"
#define INCOMING FOLDER "/incoming"
#define SUFFIX ".dtd"

static int definition_path(char path[PATH_MAX], struct store *store, const char *folder,
			   const char *service, struct error *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s/%s" SUFFIX, store->data, folder, service) <
	    PATH_MAX)
		return 0;
	return error_set(err, -ENAMETOOLONG, "%s: path too long", store->data);
}

static json_t *definition_row(const struct definition *definition)
{
	const char *const *events;
	size_t n = definition_events(definition, &events);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(events[i]));
	return json_pack("{s:s, s:o}", "service", definition_service(definition),
			 "events", list);
}

static int folders_make(struct store *store, struct error *err)
{
	static const char *const folders[] = { FOLDER, INCOMING };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", store->data, folders[i]);
		if (folder_make(path, 0750, err))
			return err->code;
		store_give(store->data, path);
	}
	return 0;
}

/* A copy that is checked itself before it takes its place. */
static int copy_write(struct store *store, const char *service, const void *text, size_t size,
		      char copy[PATH_MAX], struct error *err)
{
	int ret = folders_make(store, err);

	if (!ret)
		ret = definition_path(copy, store, INCOMING, service, err);
	if (!ret)
		ret = file_write(copy, text, size, 0640, err);
	if (!ret)
		store_give(store->data, copy);
	return ret;
}

static int definition_keep(struct store *store, const char *copy, const char *service,
			   struct error *err)
{
	char folder[PATH_MAX];
	char path[PATH_MAX];
	int ret = definition_path(path, store, FOLDER, service, err);

	if (ret)
		return ret;
	if (rename(copy, path) < 0)
		return error_set(err, -errno, "%s: %m", path);
	snprintf(folder, sizeof(folder), "%s/" FOLDER, store->data);
	return folder_sync(folder, err);
}

static int definition_put(struct store *store, const char *service, const void *text,
			  size_t size, struct error *err)
{
	char hex[SHA256_HEX_LEN + 1];

	digest_hex(text, size, hex);
	return store_run(store_statement(store, err, STATEMENT_DEFINITION_PUT, "ssbi", service,
					 hex, text, size, store_now()), err);
}

/* Within a transaction, whose commit makes it what every center has. */
static int definition_replace(struct store *store, const char *copy, const void *text,
			      size_t size, bool force, json_t **row, struct error *err)
{
	__cleanup_definition struct definition *definition = definition_load(copy, err);
	int ret = 0;

	if (!definition)
		return err->code;
	if (!force)
		ret = scripts_fit(store, definition, err);
	if (!ret)
		ret = definition_put(store, definition_service(definition), text, size, err);
	if (!ret)
		ret = store_commit(store, err);
	if (!ret)
		ret = definition_keep(store, copy, definition_service(definition), err);
	if (!ret)
		*row = definition_row(definition);
	return ret;
}

int definitions_add(struct store *store, const char *path, bool force, json_t **row,
		    struct error *err)
{
	__cleanup_definition struct definition *definition = definition_load(path, err);
	__cleanup_free char *text = NULL;
	char copy[PATH_MAX];
	size_t size;
	int ret;

	if (!definition)
		return err->code;
	if (!name_valid(definition_service(definition)))
		return error_set(err, -EINVAL,
				 "%s: \"%s\" cannot be the name of a service; lower-case letters, digits and dashes are allowed, 63 at most",
				 path, definition_service(definition));
	/* What is kept was read once. */
	text = file_read(path, DEFINITION_SIZE_MAX, &size, err);
	if (!text)
		return err->code;
	/* Nobody adds a script by the old definition while the new one is compared with it. */
	ret = store_begin(store, err);
	if (!ret)
		ret = store_lock(store, err);
	if (!ret)
		ret = copy_write(store, definition_service(definition), text, size, copy, err);
	if (!ret) {
		ret = definition_replace(store, copy, text, size, force, row, err);
		unlink(copy);
	}
	store_rollback(store);
	return ret;
}

/* The file of a definition is a copy of the store's, where the store has it: another center adds there too. */
static int definition_refresh(struct store *store, const char *service, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_DEFINITION_GET, "s", service);
	int ret = statement ? store_step(statement, err) : err->code;
	__cleanup_free char *there = NULL;
	char path[PATH_MAX], copy[PATH_MAX];
	size_t size, size_there = 0;
	const void *text;

	if (ret <= 0 || definition_path(path, store, FOLDER, service, err))
		return ret;
	text = statement_blob(statement, 0, &size);
	there = file_read(path, DEFINITION_SIZE_MAX, &size_there, NULL);
	if (there && size == size_there && !memcmp(there, text, size))
		return 0;
	ret = copy_write(store, service, text, size, copy, err);
	return ret ? ret : definition_keep(store, copy, service, err);
}

static int definitions_refresh(struct store *store, struct error *err)
{
	json_auto_t *names = NULL;
	json_t *name;
	size_t i;

	{
		__cleanup_statement struct statement *statement =
			store_statement(store, err, STATEMENT_DEFINITIONS, "");

		names = store_rows(statement, err);
	}
	if (!names)
		return err->code;
	json_array_foreach(names, i, name)
		if (definition_refresh(store, json_string_value(name), err))
			return err->code;
	return 0;
}

struct definition *definitions_load(struct store *store, const char *service,
				    struct error *err)
{
	char path[PATH_MAX];

	if (definition_refresh(store, service, err) ||
	    definition_path(path, store, FOLDER, service, err))
		return NULL;
	if (access(path, F_OK) && errno == ENOENT) {
		error_set(err, -ENOENT,
			  "%s: no definition of this service is here; \"faultline-center definition add %s.dtd\" first",
			  service, service);
		return NULL;
	}
	return definition_load(path, err);
}

static int is_definition(const struct dirent *entry)
{
	const char *suffix = strrchr(entry->d_name, '.');

	return suffix && !strcmp(suffix, SUFFIX);
}

static void names_free(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

json_t *definitions_list(struct store *store, struct error *err)
{
	json_auto_t *rows = json_array();
	struct dirent **names = NULL;
	char path[PATH_MAX];
	int n, ret = 0;

	if (definitions_refresh(store, err))
		return NULL;
	snprintf(path, sizeof(path), "%s/" FOLDER, store->data);
	n = scandir(path, &names, is_definition, alphasort);
	if (n < 0 && errno != ENOENT) {
		error_set(err, -errno, "%s: %m", path);
		return NULL;
	}
	for (int i = 0; i < n && !ret; i++) {
		__cleanup_definition struct definition *definition = NULL;

		snprintf(path, sizeof(path), "%s/" FOLDER "/%s", store->data,
			 names[i]->d_name);
		definition = definition_load(path, err);
		if (definition)
			json_array_append_new(rows, definition_row(definition));
		else
			ret = err->code;
	}
	names_free(names, n);
	return ret ? NULL : steal_pointer(&rows);
}
