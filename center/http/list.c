// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of countermeasures (133) for administrators: read with an entity tag, changed
 * on condition that it is still as it was read (RFC 9110, 13.1). Whether it is, the
 * writer's transaction decides, so that no change is lost between two centers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center/catalogue/signing.h"
#include "center/fault/entry.h"
#include "center/fault/match.h"
#include "center/http/header.h"
#include "center/http/metrics.h"
#include "center/http/routes.h"

#define HISTORY_DEFAULT 50
#define HISTORY_MAX 1000
#define CONDITION_MAX 128

enum edit_kind { EDIT_CREATE, EDIT_PUT, EDIT_PATCH, EDIT_DELETE, EDIT_UNDO };

/**
 * struct edit - a change
 * @entry: its key is set; with EDIT_CREATE and EDIT_PUT all of it
 * @patch: of EDIT_PATCH, RFC 7396
 * @if_match: and @if_none_match as the request has them; "": it does not
 * @version: of EDIT_UNDO
 * @status: what came of it; not 200, 201 or 204: @detail says why
 * @row: the entry afterwards, or NULL
 */
struct edit {
	enum edit_kind kind;
	struct countermeasure entry;
	json_t *patch;
	char reason[LIST_REASON_MAX];
	char if_match[CONDITION_MAX];
	char if_none_match[CONDITION_MAX];
	int64_t version;
	unsigned int status;
	char detail[ERROR_TEXT_MAX];
	json_t *row;
	int64_t policy_version;
};

static void edit_free(void *work)
{
	struct edit *edit = work;

	json_decref(edit->patch);
	json_decref(edit->row);
	free(edit);
}

static int edit_refuse(struct edit *edit, unsigned int status, const char *detail)
{
	edit->status = status;
	snprintf(edit->detail, sizeof(edit->detail), "%s", detail);
	return 0;
}

/* 0 when the entry is as the request wants it to be; else the edit's status says so. */
static bool condition_holds(struct edit *edit, const json_t *row)
{
	bool there = json_is_object(row);
	char tag[ENTRY_TAG_SIZE];

	entry_tag(row, tag);
	if (edit->if_none_match[0]) {
		if (!there)
			return true;
		edit_refuse(edit, MHD_HTTP_PRECONDITION_FAILED, "there is such an entry");
		return false;
	}
	if (edit->kind == EDIT_CREATE) {
		if (there)
			edit_refuse(edit, MHD_HTTP_CONFLICT,
				    "there is such an entry; change it with PUT or PATCH");
		return !there;
	}
	if (!there)
		edit_refuse(edit, edit->kind == EDIT_PUT ? MHD_HTTP_PRECONDITION_FAILED :
			    MHD_HTTP_NOT_FOUND, "there is no such entry");
	else if (strcmp(edit->if_match, "*") && !etag_matches(edit->if_match, tag, false))
		edit_refuse(edit, MHD_HTTP_PRECONDITION_FAILED,
			    "the entry was changed since it was read; read it again");
	else
		return true;
	return false;
}

/* An entry with a patch over it; -EINVAL with @err set is the sender's. */
static int patch_apply(struct edit *edit, const json_t *row, struct error *err)
{
	static const char *const keys[] = { "kind", "application", "version", "group" };
	json_auto_t *merged = json_deep_copy(row);
	const char *name;
	json_t *value;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		json_object_del(merged, keys[i]);
	json_object_foreach(edit->patch, name, value)
		if (json_is_null(value))
			json_object_del(merged, name);
		else
			json_object_set(merged, name, value);
	return entry_read(merged, false, &edit->entry, err);
}

static int undo_run(struct edit *edit, struct store *store, const struct list_author *author,
		    struct error *err)
{
	struct error why = {};
	int64_t undone = list_undo(store, edit->version, author, &why);

	if (undone == -ESTALE)
		return edit_refuse(edit, MHD_HTTP_CONFLICT, why.text);
	if (undone < 0)
		return error_set(err, undone, "%s", why.text);
	if (!undone)
		return edit_refuse(edit, MHD_HTTP_NOT_FOUND, "no change of the list made this version");
	edit->version = undone;
	return 0;
}

static int entry_run(struct edit *edit, struct store *store, const struct list_author *author,
		     struct error *err)
{
	json_auto_t *row = NULL;
	struct error why = {};
	int ret = store_lock(store, err);

	if (ret)
		return ret;
	row = list_entry(store, &edit->entry, err);
	if (!row)
		return err->code;
	if (!condition_holds(edit, row))
		return 0;
	if (edit->kind == EDIT_PATCH && patch_apply(edit, row, &why))
		return edit_refuse(edit, MHD_HTTP_BAD_REQUEST, why.text);
	if (edit->kind == EDIT_DELETE)
		ret = list_remove(store, &edit->entry, author, err);
	else
		ret = list_set(store, &edit->entry, author, err);
	if (ret < 0)
		return ret;
	edit->status = edit->kind == EDIT_DELETE ? MHD_HTTP_NO_CONTENT :
		       json_is_object(row) ? MHD_HTTP_OK : MHD_HTTP_CREATED;
	edit->row = edit->kind == EDIT_DELETE ? NULL : list_entry(store, &edit->entry, err);
	return edit->kind == EDIT_DELETE || edit->row ? 0 : err->code;
}

static int list_is_signed(struct store *store, struct error *err)
{
	json_auto_t *document = list_document(store, err);

	return !document ? err->code : json_object_get(document, "signature") != NULL;
}

/* May run again: what it found the last time is forgotten. */
static int edit_run(struct writer_job *job, struct store *store, struct error *err)
{
	struct exchange *exchange = exchange_of(job);
	struct edit *edit = exchange->work;
	struct list_author author = { exchange->principal.name, edit->reason, exchange->server->sign,
				      signing_list };
	int ret;

	edit->status = MHD_HTTP_OK;
	json_decref(edit->row);
	edit->row = NULL;
	ret = author.key ? 0 : list_is_signed(store, err);
	if (ret < 0)
		return ret;
	/* Gateways with a key would not take it, and nobody would see it here. */
	if (ret)
		return edit_refuse(edit, MHD_HTTP_CONFLICT,
				   "the list is signed and this center has no key; change it by the command line, or give \"serve\" the key with --sign-key");
	ret = edit->kind == EDIT_UNDO ? undo_run(edit, store, &author, err) :
	      entry_run(edit, store, &author, err);
	if (ret)
		return ret;
	edit->policy_version = list_version(store, err);
	return edit->policy_version < 0 ? (int)edit->policy_version : 0;
}

/* Adds what a client needs to go on: its key and where it is. */
static json_t *row_with_key(json_t *row)
{
	char key[ENTRY_KEY_MAX], tag[ENTRY_TAG_SIZE];

	entry_tag(row, tag);
	entry_key_print(row, key);
	json_object_set_new(row, "key", json_string(key));
	json_object_set_new(row, "etag", json_sprintf("\"%s\"", tag));
	return row;
}

static enum MHD_Result edit_answer(struct exchange *exchange)
{
	struct edit *edit = exchange->work;
	char tag[ENTRY_TAG_SIZE] = "";
	json_auto_t *body = NULL;
	char *text;

	if (exchange->job.result < 0)
		return exchange_failed(exchange, &exchange->job.error);
	if (edit->status >= 400)
		return exchange_problem(exchange, edit->status, "%s", edit->detail);
	atomic_fetch_add(&exchange->server->metrics->changes, 1);
	if (edit->row) {
		entry_tag(edit->row, tag);
		row_with_key(edit->row);
	}
	body = json_pack("{s:I, s:O?}", "policy_version", (json_int_t)edit->policy_version,
			 "entry", edit->row);
	if (edit->kind == EDIT_UNDO)
		json_object_set_new(body, "undone", json_integer(edit->version));
	text = json_dumps(body, JSON_COMPACT);
	if (!text)
		return MHD_NO;
	return exchange_send(exchange, edit->status == MHD_HTTP_NO_CONTENT ? MHD_HTTP_OK :
			     edit->status, "application/json", text, strlen(text),
			     tag[0] ? tag : NULL);
}

/* A condition that is too long to be one of ours matches nothing. */
static void condition_take(struct exchange *exchange, const char *name,
			   char condition[CONDITION_MAX])
{
	const char *text = exchange_header(exchange, name);

	if (text)
		snprintf(condition, CONDITION_MAX, "%s",
			 strlen(text) < CONDITION_MAX ? text : "\"\"");
}

/* The body without its reason, which is kept; NULL with @err set. An empty one is allowed where told. */
static json_t *edit_body(struct exchange *exchange, bool needed, struct error *err)
{
	struct edit *edit = exchange->work;
	json_t *body = exchange->size || needed ? exchange_body(exchange, err) : json_object();

	if (!body || !exchange_reason(body, edit->reason, sizeof(edit->reason), err))
		return body;
	json_decref(body);
	return NULL;
}

static enum MHD_Result edit_start(struct exchange *exchange)
{
	return exchange_store(exchange, edit_run, edit_answer);
}

static struct edit *edit_new(struct exchange *exchange, enum edit_kind kind)
{
	struct edit *edit = calloc(1, sizeof(*edit));

	if (!edit)
		return NULL;
	edit->kind = kind;
	condition_take(exchange, MHD_HTTP_HEADER_IF_MATCH, edit->if_match);
	condition_take(exchange, MHD_HTTP_HEADER_IF_NONE_MATCH, edit->if_none_match);
	exchange->work = edit;
	exchange->work_free = edit_free;
	return edit;
}

enum MHD_Result list_create(struct exchange *exchange)
{
	struct edit *edit = edit_new(exchange, EDIT_CREATE);
	json_auto_t *body = NULL;
	struct error err = {};

	if (!edit)
		return MHD_NO;
	body = edit_body(exchange, true, &err);
	if (!body || entry_read(body, true, &edit->entry, &err))
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	return edit_start(exchange);
}

/* The part of PUT, PATCH and DELETE that they have in common: a body, or NULL when it was answered. */
static json_t *entry_begin(struct exchange *exchange, enum edit_kind kind,
			   enum MHD_Result *result)
{
	struct edit *edit = edit_new(exchange, kind);
	struct error err = {};
	json_t *body = NULL;

	*result = MHD_NO;
	if (!edit)
		return NULL;
	if (entry_key_parse(exchange->captures[0], &edit->entry, &err)) {
		*result = exchange_problem(exchange, MHD_HTTP_NOT_FOUND, "%s", err.text);
		return NULL;
	}
	if (!edit->if_match[0] && (kind != EDIT_PUT || strcmp(edit->if_none_match, "*"))) {
		*result = exchange_problem(exchange, MHD_HTTP_PRECONDITION_REQUIRED, kind == EDIT_PUT ?
			"If-Match with the entry's entity tag is needed, or If-None-Match: * for a new one" :
			"If-Match with the entry's entity tag is needed");
		return NULL;
	}
	body = edit_body(exchange, kind != EDIT_DELETE, &err);
	if (!body)
		*result = exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	return body;
}

enum MHD_Result list_put(struct exchange *exchange)
{
	enum MHD_Result result;
	json_auto_t *body = entry_begin(exchange, EDIT_PUT, &result);
	struct edit *edit;
	struct error err = {};

	if (!body)
		return result;
	edit = exchange->work;
	if (entry_read(body, false, &edit->entry, &err))
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	return edit_start(exchange);
}

enum MHD_Result list_patch(struct exchange *exchange)
{
	enum MHD_Result result;
	json_t *body = entry_begin(exchange, EDIT_PATCH, &result);
	struct edit *edit;

	if (!body)
		return result;
	edit = exchange->work;
	edit->patch = body;
	return edit_start(exchange);
}

enum MHD_Result list_delete(struct exchange *exchange)
{
	enum MHD_Result result;
	json_auto_t *body = entry_begin(exchange, EDIT_DELETE, &result);

	if (!body)
		return result;
	if (json_object_size(body))
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"the body may have a reason and nothing else");
	return edit_start(exchange);
}

enum MHD_Result list_undo_change(struct exchange *exchange)
{
	struct edit *edit = edit_new(exchange, EDIT_UNDO);
	json_auto_t *body = NULL;
	struct error err = {};
	char *end;

	if (!edit)
		return MHD_NO;
	edit->version = strtoll(exchange->captures[0], &end, 10);
	if (*end || edit->version < 1)
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"no change of the list made this version");
	body = edit_body(exchange, false, &err);
	if (!body)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	return edit_start(exchange);
}

enum MHD_Result list_show_entry(struct exchange *exchange)
{
	struct countermeasure key = {};
	enum MHD_Result result;
	char tag[ENTRY_TAG_SIZE];
	struct error err = {};
	struct store *store;
	json_t *row;

	if (entry_key_parse(exchange->captures[0], &key, &err))
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND, "%s", err.text);
	store = server_reader(exchange->server);
	row = list_entry(store, &key, &err);
	server_release(exchange->server, store);
	if (!row)
		return exchange_failed(exchange, &err);
	if (!json_is_object(row))
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND, "there is no such entry");
	entry_tag(row, tag);
	if (exchange_unmodified(exchange, tag, &result)) {
		json_decref(row);
		return result;
	}
	return exchange_json(exchange, row_with_key(row), tag);
}

enum MHD_Result list_history_show(struct exchange *exchange)
{
	long limit = exchange_number(exchange, "limit", HISTORY_DEFAULT, 1, HISTORY_MAX);
	struct error err = {};
	struct store *store;
	json_t *rows;

	if (limit < 0)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"limit: a whole number from 1 to %d is needed",
					HISTORY_MAX);
	store = server_reader(exchange->server);
	rows = list_history(store, limit, &err);
	server_release(exchange->server, store);
	return rows ? exchange_json(exchange, rows, NULL) : exchange_failed(exchange, &err);
}

enum MHD_Result list_match(struct exchange *exchange)
{
	long since_s = exchange_number(exchange, "since_s", MATCH_SINCE_DEFAULT_S, 1, 366L * 86400);
	struct countermeasure entry = {};
	json_auto_t *body = NULL;
	struct error err = {};
	struct store *store;
	json_t *rows;

	if (since_s < 0)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"since_s: a number of seconds from 1 to a year is needed");
	body = exchange_body(exchange, &err);
	json_object_del(body, "reason");
	if (!body || entry_read(body, true, &entry, &err))
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	store = server_reader(exchange->server);
	rows = match_find(store, &entry, since_s, &err);
	server_release(exchange->server, store);
	return rows ? exchange_json(exchange, rows, NULL) : exchange_failed(exchange, &err);
}

/* The whole list, each entry with its key and tag, for people who change it. */
enum MHD_Result list_show(struct exchange *exchange)
{
	struct error err = {};
	struct store *store = server_reader(exchange->server);
	json_t *document = list_document(store, &err);
	enum MHD_Result result;
	char tag[40];
	json_t *row;
	size_t i;

	server_release(exchange->server, store);
	if (!document)
		return exchange_failed(exchange, &err);
	snprintf(tag, sizeof(tag), "policy-%lld",
		 (long long)json_integer_value(json_object_get(document, "policy_version")));
	if (exchange_unmodified(exchange, tag, &result)) {
		json_decref(document);
		return result;
	}
	json_array_foreach(json_object_get(document, "countermeasures"), i, row)
		row_with_key(row);
	return exchange_json(exchange, document, tag);
}
