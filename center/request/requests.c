// SPDX-License-Identifier: GPL-2.0-only
#include "center/request/requests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "center/access/gateways.h"
#include "center/catalogue/scripts.h"
#include "lib/hex.h"

/* The states behind which nothing comes have one place. */
static int state_place(const char *state)
{
	static const char *const states[] = { "waiting", "taken", "running" };
	int place = 0;

	while (place < 3 && strcmp(states[place], state))
		place++;
	return place;
}

bool request_report_state(const char *state)
{
	static const char *const states[] = { "taken", "running", "done", "failed", "refused",
					      "expired" };

	for (size_t i = 0; state && i < sizeof(states) / sizeof(*states); i++)
		if (!strcmp(states[i], state))
			return true;
	return false;
}

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text ? text : "";
}

/* 128 random bits. */
static int id_make(char id[REQUEST_ID_MAX_LEN + 1], struct error *err)
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return error_set(err, -errno, "no random number: %m");
	hex_write(id, bytes, sizeof(bytes));
	return 0;
}

/* 0 when the id is free; 1 when it is this request's; -EEXIST. */
static int id_check(struct store *store, const struct request *request, struct error *err)
{
	json_auto_t *rows = requests_list(store, request->id, NULL, NULL, 1, err);
	json_t *row = json_array_get(rows, 0);

	if (!rows)
		return err->code;
	if (!row)
		return 0;
	if (!strcmp(text_of(row, "service"), request->service) &&
	    !strcmp(text_of(row, "group"), request->group) &&
	    (request->group[0] || !strcmp(text_of(row, "gateway"), request->gateway)))
		return 1;
	return error_set(err, -EEXIST, "%s: there is another request with this id", request->id);
}

static int request_insert(struct store *store, const struct request *request, struct error *err)
{
	int64_t now = store_now();
	enum statement_id id = request->group[0] ? STATEMENT_REQUEST_INSERT_GROUP :
						   STATEMENT_REQUEST_INSERT;
	int ret = store_change(store_statement(store, err, id, "sssssii", request->id,
					       request->group[0] ? request->group : request->gateway,
					       request->service, request->author, request->reason, now,
					       now + request->within_s * 1000LL), err);

	if (!ret)
		return error_set(err, -ENOENT,
				 "group %s: no gateway of this group was seen here", request->group);
	return ret < 0 ? ret : 1;
}

int requests_add(struct store *store, struct request *request, struct error *err)
{
	json_auto_t *script = NULL;
	/* Keys are committed in their order, so that who looks behind one misses none. */
	int ret = store_lock(store, err);

	if (!ret && !request->id[0])
		ret = id_make(request->id, err);
	if (ret)
		return ret;
	ret = id_check(store, request, err);
	if (ret)
		return ret < 0 ? ret : 0;
	ret = scripts_signature(store, request->service, &script, err);
	if (!ret)
		return error_set(err, -ENOENT,
				 "service %s has no script here; \"faultline-center script add\" adds one",
				 request->service);
	return ret < 0 ? ret : request_insert(store, request, err);
}

json_t *requests_list(struct store *store, const char *id, const char *gateway,
		      const char *service, int limit, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_REQUESTS, "sssii", id, gateway, service,
				(int64_t)limit, store_now());

	return store_rows(statement, err);
}

/* A request that waits for a gateway that nobody knows may wait for a misspelt name; 0 or a negative errno. */
static int warning_add(struct store *store, json_t *request, const json_t *row, struct error *err)
{
	const char *gateway = text_of(row, "gateway");
	int known = strcmp(text_of(row, "state"), "waiting") ? 1 : gateways_known(store, gateway, err);

	if (known < 0)
		return known;
	if (!known)
		json_object_set_new(request, "warning",
				    json_sprintf("gateway %s was never seen here: the request waits until it is, or its time is over. "
						 "\"faultline-center gateway list\" has the names of those that were seen, "
						 "\"faultline-center request cancel\" takes it back", gateway));
	return 0;
}

json_t *requests_show(struct store *store, const char *id, struct error *err)
{
	static const char *const common[] = { "id", "service", "group", "author", "reason", "asked",
					      "not_after" };
	json_auto_t *rows = requests_list(store, id, NULL, NULL, INT32_MAX, err);
	json_t *first = json_array_get(rows, 0), *request, *row;
	size_t i;

	if (!rows)
		return NULL;
	if (!first)
		return json_null();
	request = json_object();
	for (i = 0; i < sizeof(common) / sizeof(*common); i++)
		json_object_set(request, common[i], json_object_get(first, common[i]));
	json_object_set(request, "gateways", rows);
	json_array_foreach(rows, i, row)
		for (size_t k = 0; k < sizeof(common) / sizeof(*common); k++)
			json_object_del(row, common[k]);
	/* A group has those alone that were seen. */
	if (json_array_size(rows) == 1 && warning_add(store, request, json_array_get(rows, 0), err)) {
		json_decref(request);
		return NULL;
	}
	return request;
}

int requests_cancel(struct store *store, const char *id, const char *gateway,
		    const struct request *by, struct error *err)
{
	char detail[REQUEST_AUTHOR_MAX + REQUEST_REASON_MAX + 32];

	snprintf(detail, sizeof(detail), "cancelled by %s%s%s", by->author,
		 by->reason[0] ? ": " : "", by->reason);
	return store_change(store_statement(store, err, STATEMENT_REQUEST_CANCEL, "ssis", id, gateway,
					    store_now(), detail), err);
}

int requests_prune(struct store *store, int64_t before, struct error *err)
{
	return store_change(store_statement(store, err, STATEMENT_REQUESTS_PRUNE, "i", before), err);
}

int64_t requests_mark(struct store *store, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_REQUESTS_MARK, "");
	int ret = statement ? store_step(statement, err) : err->code;

	return ret < 0 ? ret : statement_integer(statement, 0);
}

json_t *requests_open(struct store *store, const char *gateway, int64_t after, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_REQUESTS_OPEN, "siii", gateway, after,
				store_now(), (int64_t)REQUESTS_OPEN_MAX);

	return store_rows(statement, err);
}

void requests_gateways_free(char **names, int n)
{
	while (n > 0)
		free(names[--n]);
	free(names);
}

/* There is room for the next power of two. */
static int name_add(char ***names, int *n, const char *name, struct error *err)
{
	char *copy = strdup(name);

	if (copy && !(*n & (*n - 1))) {
		char **more = reallocarray(*names, *n ? 2 * *n : 1, sizeof(**names));

		if (more)
			*names = more;
		else
			free(steal_pointer(&copy));
	}
	if (!copy)
		return error_set(err, -ENOMEM, "out of memory");
	(*names)[(*n)++] = copy;
	return 0;
}

int requests_gateways(struct store *store, int64_t mark, char ***names, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_REQUESTS_NEW, "i", mark);
	int n = 0, ret = statement ? 0 : err->code;

	*names = NULL;
	while (!ret && (ret = store_step(statement, err)) > 0)
		ret = name_add(names, &n, statement_text(statement, 0), err);
	if (!ret)
		return n;
	requests_gateways_free(*names, n);
	*names = NULL;
	return ret;
}

int requests_report(struct store *store, const char *gateway, const char *id,
		    const struct request_report *report, char **state, struct error *err)
{
	json_auto_t *rows = NULL;
	int ret = store_run(store_statement(store, err, STATEMENT_REQUEST_REPORT, "ssssssssii", id,
					    gateway, report->state, report->taken, report->started,
					    report->ended, report->detail, report->result,
					    (int64_t)state_place(report->state), store_now()), err);

	if (ret)
		return ret;
	rows = requests_list(store, id, gateway, NULL, 1, err);
	if (!rows)
		return err->code;
	if (!json_array_size(rows))
		return 0;
	*state = strdup(text_of(json_array_get(rows, 0), "state"));
	return *state ? 1 : error_set(err, -ENOMEM, "out of memory");
}
