// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/applications.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "center/catalogue/artifact.h"
#include "center/catalogue/bundle.h"
#include "center/catalogue/signing.h"

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

static int verification_insert(struct store *store, const char *name, const char *version,
			       const json_t *report, struct error *err)
{
	const json_t *range = json_object_get(report, "range");
	/* The range has a place of its own. */
	json_auto_t *rest = json_copy((json_t *)report);
	__cleanup_free char *learnt = json_is_string(range) ?
		json_dumps(range, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	__cleanup_free char *text = NULL;

	json_object_del(rest, "range");
	text = json_dumps(rest, JSON_COMPACT);
	if (!text)
		return error_set(err, -ENOMEM, "%s: out of memory", name);
	return store_run(store_statement(store, err, STATEMENT_VERIFICATION_INSERT, "ssisss", name, version,
					 store_now(),
					 json_string_value(json_object_get(report, "result")), text, learnt),
			 err);
}

static int application_store(struct store *store, const struct application *app,
			     struct artifact *artifact, const json_t *report, json_t **row,
			     bool *known, struct error *err)
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
		ret = verification_insert(store, app->name, app->version, report, err);
	if (!ret)
		ret = application_find(store, app, row, err);
	return ret < 0 ? ret : 0;
}

static int application_keep(struct store *store, const struct application *app,
			    struct artifact *artifact, const json_t *report, const struct key *key,
			    json_t **row, bool *known, struct error *err)
{
	int ret = store_begin(store, err);

	if (ret)
		return ret;
	ret = store_lock(store, err);
	if (!ret)
		ret = application_store(store, app, artifact, report, row, known, err);
	if (!ret && key)
		ret = signing_application(store, key, *row, err);
	if (!ret)
		ret = store_commit(store, err);
	if (ret)
		store_rollback(store);
	return ret;
}

int applications_add(struct store *store, const char *path,
		     const struct verification_options *options, const struct key *key,
		     json_t **row, bool *known, json_t **report, struct error *err)
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
	/* Nobody adds another meanwhile: the artifact's lock is held. */
	ret = application_known(store, app, artifact, row, err);
	*known = ret == 1;
	if (ret)
		return ret < 0 ? ret : 0;
	ret = verification_make(store, artifact->fd, artifact->sha256, artifact->size, app, options,
				report, err);
	return ret ? ret : application_keep(store, app, artifact, *report, key, row, known, err);
}

int applications_show(struct store *store, const char *name, const char *version, json_t **row,
		      struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_APPLICATION_SHOW, "ss", name, version);
	int ret = statement ? store_row(statement, row, err) : err->code;

	if (ret)
		return ret < 0 ? ret : 0;
	return error_set(err, -ENOENT, "there is no application %s%s%s here", name,
			 version ? " " : "", version ? version : "");
}

int applications_verify(struct store *store, const char *name, const char *version,
			const struct verification_options *options, json_t **report,
			struct error *err)
{
	__cleanup_application struct application *app = NULL;
	__cleanup_close int fd = -1;
	json_auto_t *row = NULL;
	const char *sha256;
	struct error why = {};
	int64_t size;
	int ret = applications_show(store, name, version, &row, err);

	if (ret)
		return ret;
	sha256 = json_string_value(json_object_get(row, "sha256"));
	if (store_shared(store) && artifact_fetch(store, sha256, err))
		return err->code;
	fd = artifact_open(store->data, sha256, &size);
	if (fd < 0)
		return error_set(err, fd, "the bundle of %s cannot be opened: %s", name, strerror(-fd));
	app = bundle_check(fd, name, err);
	if (!app)
		return err->code;
	ret = verification_make(store, fd, sha256, size, app, options, report, err);
	if (verification_insert(store, app->name, app->version, *report, &why))
		return error_set(err, why.code, "%s", why.text);
	return ret;
}

json_t *applications_list(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_APPLICATIONS, "");

	return statement ? store_rows(statement, err) : NULL;
}

int applications_current(struct store *store, const char *name, json_t **row,
			 struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_APPLICATION_CURRENT, "s", name);

	return statement ? store_row(statement, row, err) : err->code;
}
