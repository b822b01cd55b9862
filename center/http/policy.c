// SPDX-License-Identifier: GPL-2.0-only
/* The list of countermeasures (133) for gateways that decide by it themselves (figure 16). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center/fault/list.h"
#include "center/http/metrics.h"
#include "center/http/routes.h"
#include "center/http/waiting.h"

/* What the policy version tags. */
static int64_t policy_tag(struct exchange *exchange, char tag[32], struct error *err)
{
	struct store *store = server_reader(exchange->server);
	int64_t version = list_version(store, err);

	server_release(exchange->server, store);
	snprintf(tag, 32, "policy-%" PRId64, version);
	return version;
}

static struct MHD_Response *document_make(const json_t *list)
{
	char *text = json_dumps(list, JSON_COMPACT), tag[40];
	struct MHD_Response *response = !text ? NULL :
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		free(text);
		return NULL;
	}
	snprintf(tag, sizeof(tag), "\"policy-%" JSON_INTEGER_FORMAT "\"",
		 json_integer_value(json_object_get(list, "policy_version")));
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, tag);
	return response;
}

/* Under lock. After a change thousands ask at once: all get the same bytes. */
static int document_refresh(struct server *server, int64_t version, struct error *err)
{
	struct store *store;
	json_auto_t *list = NULL;
	struct MHD_Response *response;

	if (server->document && server->document_version == version)
		return 0;
	store = server->readers[server->n_readers - 1];
	list = list_document(store, err);
	if (!list)
		return err->code;
	response = document_make(list);
	if (!response)
		return error_set(err, -ENOMEM, "out of memory");
	if (server->document)
		MHD_destroy_response(server->document);
	server->document = response;
	server->document_version = json_integer_value(json_object_get(list, "policy_version"));
	return 0;
}

static enum MHD_Result policy_send(struct exchange *exchange, int64_t version)
{
	struct server *server = exchange->server;
	enum MHD_Result result = MHD_NO;
	struct error err = {};

	pthread_mutex_lock(&server->lock);
	if (!document_refresh(server, version, &err)) {
		result = MHD_queue_response(exchange->connection, MHD_HTTP_OK, server->document);
		atomic_fetch_add(&server->metrics->answers[2], 1);
	}
	pthread_mutex_unlock(&server->lock);
	return err.code ? exchange_failed(exchange, &err) : result;
}

/* The list has changed, or the time is over. */
static enum MHD_Result policy_waited(struct exchange *exchange)
{
	enum MHD_Result result;
	struct error err = {};
	char tag[32];
	int64_t version;

	/* Of a thousand that are woken at once none asks the store again. */
	if (exchange->woken_version)
		return policy_send(exchange, exchange->woken_version);
	version = policy_tag(exchange, tag, &err);
	if (version < 0)
		return exchange_failed(exchange, &err);
	if (exchange_unmodified(exchange, tag, &result))
		return result;
	return policy_send(exchange, version);
}

enum MHD_Result policy_list(struct exchange *exchange)
{
	const char *known = exchange_header(exchange, MHD_HTTP_HEADER_IF_NONE_MATCH);
	long wait = exchange_number(exchange, "wait", 0, 0, WAITING_MAX_S);
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
	exchange_seen(exchange);
	version = policy_tag(exchange, tag, &err);
	if (version < 0)
		return exchange_failed(exchange, &err);
	snprintf(quoted, sizeof(quoted), "\"%s\"", tag);
	if (!wait || !known || strcmp(known, quoted))
		return policy_waited(exchange);
	exchange->resume = policy_waited;
	waiting_add(exchange->server->waiting, exchange, WAITING_FOR_POLICY, version, wait);
	return MHD_YES;
}
