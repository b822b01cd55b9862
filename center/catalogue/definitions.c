// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/definitions.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "center/catalogue/scripts.h"
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

/* What is kept is a copy, read once; it is checked itself before it takes its place. */
static int definition_copy(struct store *store, const char *source, const char *service,
			   char copy[PATH_MAX], struct error *err)
{
	__cleanup_free char *text = NULL;
	size_t size;
	int ret;

	if (folders_make(store, err) ||
	    definition_path(copy, store, INCOMING, service, err))
		return err->code;
	text = file_read(source, DEFINITION_SIZE_MAX, &size, err);
	if (!text)
		return err->code;
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

static int definition_replace(struct store *store, const char *copy, bool force,
			      json_t **row, struct error *err)
{
	__cleanup_definition struct definition *definition = definition_load(copy, err);
	int ret = 0;

	if (!definition)
		return err->code;
	if (!force)
		ret = scripts_fit(store, definition, err);
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
	char copy[PATH_MAX];
	int ret;

	if (!definition)
		return err->code;
	if (!name_valid(definition_service(definition)))
		return error_set(err, -EINVAL,
				 "%s: \"%s\" cannot be the name of a service; lower-case letters, digits and dashes are allowed, 63 at most",
				 path, definition_service(definition));
	/* Nobody adds a script by the old definition while the new one is compared with it. */
	ret = store_begin(store, err);
	if (ret)
		return ret;
	ret = definition_copy(store, path, definition_service(definition), copy, err);
	if (!ret) {
		ret = definition_replace(store, copy, force, row, err);
		unlink(copy);
	}
	store_rollback(store);
	return ret;
}

struct definition *definitions_load(struct store *store, const char *service,
				    struct error *err)
{
	char path[PATH_MAX];

	if (definition_path(path, store, FOLDER, service, err))
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
