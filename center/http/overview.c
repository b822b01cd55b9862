// SPDX-License-Identifier: GPL-2.0-only
/* What administrators look at: faults of all gateways, the gateways, what is kept for them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "center/catalogue/applications.h"
#include "center/catalogue/definitions.h"
#include "center/catalogue/scripts.h"
#include "center/fault/faults.h"
#include "center/http/routes.h"
#include "center/http/waiting.h"

/* An argument that narrows; "" is none. False: it is not valid, and @result is the answer. */
static bool narrowing(struct exchange *exchange, const char *name, bool (*valid)(const char *),
		      const char **text, enum MHD_Result *result)
{
	*text = exchange_argument(exchange, name);
	if (*text && !**text)
		*text = NULL;
	if (!*text || valid(*text))
		return true;
	*result = exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s: \"%.64s\" is not valid",
				   name, *text);
	return false;
}

static int64_t mark_tag(struct exchange *exchange, char tag[40], struct error *err)
{
	struct store *store = server_reader(exchange->server);
	int64_t mark = waiting_mark(exchange->server->waiting, faults_mark(store, err));

	server_release(exchange->server, store);
	/* Another start of this center counts what stirs from the beginning. */
	snprintf(tag, 40, "faults-%llx", (unsigned long long)mark);
	return mark;
}

static enum MHD_Result faults_send(struct exchange *exchange)
{
	long limit = exchange_number(exchange, "limit", FAULTS_LIMIT_DEFAULT, 1,
				     FAULTS_LIMIT_MAX);
	const char *gateway, *kind, *application;
	enum MHD_Result result;
	struct error err = {};
	struct store *store;
	char tag[40];
	json_t *rows;

	if (!narrowing(exchange, "gateway", name_valid, &gateway, &result) ||
	    !narrowing(exchange, "kind", kind_valid, &kind, &result) ||
	    !narrowing(exchange, "application", name_valid, &application, &result))
		return result;
	if (limit < 0)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"limit: a whole number from 1 to %d is needed",
					FAULTS_LIMIT_MAX);
	/* First the tag: what comes between makes the next answer a new one. */
	if (mark_tag(exchange, tag, &err) < 0)
		return exchange_failed(exchange, &err);
	if (exchange_unmodified(exchange, tag, &result))
		return result;
	store = server_reader(exchange->server);
	rows = faults_list(store, gateway, kind, application, limit, &err);
	server_release(exchange->server, store);
	return rows ? exchange_json(exchange, rows, tag) : exchange_failed(exchange, &err);
}

enum MHD_Result overview_faults(struct exchange *exchange)
{
	const char *known = exchange_header(exchange, MHD_HTTP_HEADER_IF_NONE_MATCH);
	long wait = exchange_number(exchange, "wait", 0, 0, WAITING_MAX_S);
	char tag[40], quoted[48];
	struct error err = {};
	int64_t mark;

	if (wait < 0)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"wait: a whole number of seconds from 0 to %d is needed",
					WAITING_MAX_S);
	mark = mark_tag(exchange, tag, &err);
	if (mark < 0)
		return exchange_failed(exchange, &err);
	snprintf(quoted, sizeof(quoted), "\"%s\"", tag);
	if (!wait || !known || strcmp(known, quoted))
		return faults_send(exchange);
	exchange->resume = faults_send;
	waiting_add(exchange->server->waiting, exchange, WAITING_FOR_FAULTS, mark, wait);
	return MHD_YES;
}

static enum MHD_Result rows_send(struct exchange *exchange,
				 json_t *(*list)(struct store *, struct error *))
{
	struct store *store = server_reader(exchange->server);
	struct error err = {};
	json_t *rows = list(store, &err);

	server_release(exchange->server, store);
	return rows ? exchange_json(exchange, rows, NULL) : exchange_failed(exchange, &err);
}

enum MHD_Result overview_gateways(struct exchange *exchange)
{
	return rows_send(exchange, gateways_list);
}

enum MHD_Result overview_applications(struct exchange *exchange)
{
	return rows_send(exchange, applications_list);
}

enum MHD_Result overview_scripts(struct exchange *exchange)
{
	return rows_send(exchange, scripts_list);
}

enum MHD_Result overview_definitions(struct exchange *exchange)
{
	return rows_send(exchange, definitions_list);
}

/* Who the token is, so that a page can show it. */
enum MHD_Result overview_self(struct exchange *exchange)
{
	return exchange_json(exchange, json_pack("{s:s, s:s, s:s}", "name",
						 exchange->principal.name, "role",
						 role_name(exchange->principal.role), "version",
						 FAULTLINE_VERSION), NULL);
}
