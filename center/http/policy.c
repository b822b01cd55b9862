// SPDX-License-Identifier: GPL-2.0-only
/* The list of countermeasures (133) for gateways that decide by it themselves (figure 16). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "center/fault/list.h"
#include "center/http/routes.h"
#include "center/http/waiting.h"

/* Seconds that the request asks to wait for a change; -1 when that is no number. */
static int wait_of(struct exchange *exchange)
{
	const char *text = exchange_argument(exchange, "wait");
	char *end;
	long seconds;

	if (!text)
		return 0;
	if (*text < '0' || *text > '9')
		return -1;
	seconds = strtol(text, &end, 10);
	return *end || seconds > WAITING_MAX_S ? -1 : seconds;
}

/* What the policy version tags. */
static int64_t policy_tag(struct exchange *exchange, char tag[32], struct error *err)
{
	struct store *store = server_reader(exchange->server);
	int64_t version = list_version(store, err);

	server_release(exchange->server, store);
	snprintf(tag, 32, "policy-%" PRId64, version);
	return version;
}

static enum MHD_Result policy_send(struct exchange *exchange)
{
	struct error err = {};
	struct store *store;
	char tag[32];
	json_t *list;

	store = server_reader(exchange->server);
	list = list_document(store, &err);
	server_release(exchange->server, store);
	if (!list)
		return exchange_failed(exchange, &err);
	snprintf(tag, sizeof(tag), "policy-%" JSON_INTEGER_FORMAT,
		 json_integer_value(json_object_get(list, "policy_version")));
	return exchange_json(exchange, list, tag);
}

/* The list has changed, or the time is over. */
static enum MHD_Result policy_waited(struct exchange *exchange)
{
	enum MHD_Result result;
	struct error err = {};
	char tag[32];

	if (policy_tag(exchange, tag, &err) < 0)
		return exchange_failed(exchange, &err);
	if (exchange_unmodified(exchange, tag, &result))
		return result;
	return policy_send(exchange);
}

enum MHD_Result policy_list(struct exchange *exchange)
{
	const char *known = exchange_header(exchange, MHD_HTTP_HEADER_IF_NONE_MATCH);
	int wait = wait_of(exchange);
	struct error err = {};
	char tag[32], quoted[40];
	int64_t version;

	if (!name_valid(exchange->captures[0]))
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"this is not the name of a gateway");
	if (wait < 0)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"wait: a whole number of seconds from 0 to %d is needed",
					WAITING_MAX_S);
	version = policy_tag(exchange, tag, &err);
	if (version < 0)
		return exchange_failed(exchange, &err);
	snprintf(quoted, sizeof(quoted), "\"%s\"", tag);
	if (!wait || !known || strcmp(known, quoted))
		return policy_waited(exchange);
	exchange->resume = policy_waited;
	waiting_add(exchange->server->waiting, exchange, version, wait);
	return MHD_YES;
}
