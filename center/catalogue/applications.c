// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/applications.h"

#include <errno.h>
#include <string.h>

#include "center/catalogue/artifact.h"
#include "center/catalogue/bundle.h"

static int application_find(struct store *store, const struct application *app,
			    json_t **row, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_APPLICATION_FIND, "ss", app->name,
				app->version);

	return statement ? store_row(statement, row, err) : err->code;
}

static int application_insert(struct store *store, const struct application *app,
			      const struct artifact *artifact, struct error *err)
{
	return store_run(store_statement(store, err, STATEMENT_APPLICATION_INSERT, "sssssii",
					 app->name, app->version, app->runtime,
					 app->resident ? "resident" : "transient",
					 artifact->sha256, artifact->size, store_now()),
			 err);
}

/* Within a transaction: is this version there, and with this content? */
static int application_known(struct store *store, const struct application *app,
			     const struct artifact *artifact, json_t **row,
			     struct error *err)
{
	json_auto_t *found = NULL;
	const char *sha256;
	int ret = application_find(store, app, &found, err);

	if (ret <= 0)
		return ret;
	sha256 = json_string_value(json_object_get(found, "sha256"));
	if (strcmp(sha256, artifact->sha256))
		return error_set(err, -EEXIST,
				 "%s %s: this version is there with other content (sha256 %.12s…); give what is new a new version",
				 app->name, app->version, sha256);
	*row = steal_pointer(&found);
	return 1;
}

static int application_store(struct store *store, const struct application *app,
			     struct artifact *artifact, json_t **row, bool *known,
			     struct error *err)
{
	int ret = application_known(store, app, artifact, row, err);

	*known = ret == 1;
	if (ret)
		return ret < 0 ? ret : 0;
	/* The file first: a row without it would be a promise that cannot be kept. */
	ret = artifact_keep(artifact, err);
	if (!ret && store_shared(store))
		ret = artifact_share(artifact, store, err);
	if (!ret)
		ret = application_insert(store, app, artifact, err);
	if (!ret)
		ret = application_find(store, app, row, err);
	return ret < 0 ? ret : 0;
}

int applications_add(struct store *store, const char *path, json_t **row,
		     bool *known, struct error *err)
{
	__cleanup_artifact struct artifact *artifact = NULL;
	__cleanup_application struct application *app = NULL;
	int ret;

	artifact = artifact_receive(store->data, path, err);
	if (!artifact)
		return err->code;
	app = bundle_check(artifact->fd, path, err);
	if (!app)
		return err->code;
	ret = store_begin(store, err);
	if (ret)
		return ret;
	ret = store_lock(store, err);
	if (!ret)
		ret = application_store(store, app, artifact, row, known, err);
	if (!ret)
		ret = store_commit(store, err);
	if (ret)
		store_rollback(store);
	return ret;
}

json_t *applications_list(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_APPLICATIONS, "");

	return store_rows(statement, err);
}

int applications_current(struct store *store, const char *name, json_t **row,
			 struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_APPLICATION_CURRENT, "s", name);

	return statement ? store_row(statement, row, err) : err->code;
}
