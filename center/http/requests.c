// SPDX-License-Identifier: GPL-2.0-only
/*
 * Services that gateways run by request of the center: administrators ask for them,
 * gateways fetch what is asked of them and say how far they are.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center/http/metrics.h"
#include "center/http/routes.h"
#include "center/http/waiting.h"
#include "center/request/requests.h"

#define IDEMPOTENCY_KEY "Idempotency-Key"

/**
 * struct asking - what an administrator asks for, or a gateway reports
 * @request: who asks and why; with a new one all of it
 * @gateway: of a cancellation: this one alone; NULL: all
 * @report: of a gateway's report; its strings are in @body
 * @status: what came of it; from 400 on @detail says why
 * @row: the request afterwards
 * @state: likewise of a report
 */
struct asking {
	struct request request;
	const char *gateway;
	struct request_report report;
	json_t *body;
	char *result;
	unsigned int status;
	char detail[ERROR_TEXT_MAX];
	int cancelled;
	json_t *row;
	char *state;
};

static void asking_free(void *work)
{
	struct asking *asking = work;

	json_decref(asking->body);
	json_decref(asking->row);
	free(asking->result);
	free(asking->state);
	free(asking);
}

static struct asking *asking_new(struct exchange *exchange)
{
	struct asking *asking = calloc(1, sizeof(*asking));

	if (!asking)
		return NULL;
	snprintf(asking->request.author, sizeof(asking->request.author), "%s",
		 exchange->principal.name);
	exchange->work = asking;
	exchange->work_free = asking_free;
	return asking;
}

static int asking_refuse(struct asking *asking, unsigned int status, const char *detail)
{
	asking->status = status;
	snprintf(asking->detail, sizeof(asking->detail), "%s", detail);
	return 0;
}

/* A name in the body; "" where there is none. */
static int name_read(const json_t *body, const char *member, char name[NAME_MAX_LEN + 1],
		     struct error *err)
{
	const json_t *value = json_object_get(body, member);

	if (!value || json_is_null(value))
		return 0;
	if (!name_valid(json_string_value(value)))
		return error_set(err, -EINVAL,
				 "%s: a name is needed: lower-case letters, digits and dashes", member);
	strcpy(name, json_string_value(value));
	return 0;
}

/* Either the header or the body names it; a header may be quoted (RFC 8941). */
static int id_read(struct exchange *exchange, const json_t *body, char id[REQUEST_ID_MAX_LEN + 1],
		   struct error *err)
{
	const json_t *value = json_object_get(body, "id");
	const char *key = exchange_header(exchange, IDEMPOTENCY_KEY);
	char text[REQUEST_ID_MAX_LEN + 4] = "";
	size_t len = key ? strlen(key) : 0;

	if (value && key)
		return error_set(err, -EINVAL, "either id or " IDEMPOTENCY_KEY " is needed, not both");
	if (!value && !key)
		return 0;
	if (key && len < sizeof(text))
		snprintf(text, sizeof(text), "%s", key);
	else if (json_is_string(value) && json_string_length(value) < sizeof(text))
		snprintf(text, sizeof(text), "%s", json_string_value(value));
	if (key && len > 1 && text[0] == '"' && text[len - 1] == '"') {
		memmove(text, text + 1, len - 2);
		text[len - 2] = '\0';
	}
	if (!request_id_valid(text))
		return error_set(err, -EINVAL,
				 "%s: letters, digits, dots, dashes and underscores are allowed, %d at most",
				 key ? IDEMPOTENCY_KEY : "id", REQUEST_ID_MAX_LEN);
	strcpy(id, text);
	return 0;
}

/* A misspelt member must not pass for one that is not there. */
static int members_known(const json_t *body, const char *const *names, struct error *err)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)body, name, value) {
		const char *const *known = names;

		while (*known && strcmp(*known, name))
			known++;
		if (!*known)
			return error_set(err, -EINVAL, "%.64s: there is no such member", name);
	}
	return 0;
}

static int request_read(struct exchange *exchange, json_t *body, struct request *request,
			struct error *err)
{
	static const char *const names[] = { "service", "gateway", "group", "id", "within_s", NULL };
	const json_t *within = json_object_get(body, "within_s");

	request->within_s = REQUEST_WITHIN_DEFAULT_S;
	if (exchange_reason(body, request->reason, sizeof(request->reason), err) ||
	    members_known(body, names, err) ||
	    name_read(body, "service", request->service, err) ||
	    name_read(body, "gateway", request->gateway, err) ||
	    name_read(body, "group", request->group, err) ||
	    id_read(exchange, body, request->id, err))
		return -EINVAL;
	if (!request->service[0])
		return error_set(err, -EINVAL, "service is missing");
	if (!request->gateway[0] == !request->group[0])
		return error_set(err, -EINVAL, "either gateway or group is needed");
	if (!within)
		return 0;
	if (!json_is_integer(within) || json_integer_value(within) < 1 ||
	    json_integer_value(within) > REQUEST_WITHIN_MAX_S)
		return error_set(err, -EINVAL, "within_s: a whole number from 1 to %d is needed",
				 REQUEST_WITHIN_MAX_S);
	request->within_s = json_integer_value(within);
	return 0;
}

/* May run again: what it found the last time is forgotten. */
static int create_run(struct writer_job *job, struct store *store, struct error *err)
{
	struct asking *asking = exchange_of(job)->work;
	struct error why = {};
	int ret = requests_add(store, &asking->request, &why);

	json_decref(asking->row);
	asking->row = NULL;
	if (ret == -EEXIST || ret == -ENOENT)
		return asking_refuse(asking, ret == -EEXIST ? MHD_HTTP_CONFLICT : MHD_HTTP_BAD_REQUEST,
				     why.text);
	if (ret < 0)
		return error_set(err, ret, "%s", why.text);
	asking->status = ret ? MHD_HTTP_CREATED : MHD_HTTP_OK;
	asking->row = requests_show(store, asking->request.id, err);
	return asking->row ? 0 : err->code;
}

static enum MHD_Result asking_answer(struct exchange *exchange)
{
	struct asking *asking = exchange->work;
	char *text;

	if (exchange->job.result < 0)
		return exchange_failed(exchange, &exchange->job.error);
	if (asking->status >= 400)
		return exchange_problem(exchange, asking->status, "%s", asking->detail);
	text = json_dumps(asking->row, JSON_COMPACT);
	if (!text)
		return MHD_NO;
	return exchange_send(exchange, asking->status, "application/json", text, strlen(text), NULL);
}

enum MHD_Result requests_create(struct exchange *exchange)
{
	struct asking *asking = asking_new(exchange);
	json_auto_t *body = NULL;
	struct error err = {};

	if (!asking)
		return MHD_NO;
	body = exchange_body(exchange, &err);
	if (!body || request_read(exchange, body, &asking->request, &err))
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	return exchange_store(exchange, create_run, asking_answer);
}

static int cancel_run(struct writer_job *job, struct store *store, struct error *err)
{
	struct exchange *exchange = exchange_of(job);
	struct asking *asking = exchange->work;
	const char *id = exchange->captures[0];
	int n = requests_cancel(store, id, asking->gateway, &asking->request, err);

	if (n < 0)
		return n;
	json_decref(asking->row);
	asking->row = requests_show(store, id, err);
	if (!asking->row)
		return err->code;
	asking->status = MHD_HTTP_OK;
	if (!json_is_object(asking->row))
		return asking_refuse(asking, MHD_HTTP_NOT_FOUND, "there is no such request");
	if (!n)
		return asking_refuse(asking, MHD_HTTP_CONFLICT,
				     "no gateway waits with it any more: what was taken is not called back");
	return 0;
}

enum MHD_Result requests_delete(struct exchange *exchange)
{
	struct asking *asking = asking_new(exchange);
	json_auto_t *body = NULL;
	struct error err = {};

	if (!asking)
		return MHD_NO;
	asking->gateway = exchange_argument(exchange, "gateway");
	if (asking->gateway && !name_valid(asking->gateway))
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"gateway: this is not the name of one");
	body = exchange->size ? exchange_body(exchange, &err) : json_object();
	if (!body || exchange_reason(body, asking->request.reason, sizeof(asking->request.reason), &err))
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	if (json_object_size(body))
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"the body may have a reason and nothing else");
	return exchange_store(exchange, cancel_run, asking_answer);
}

enum MHD_Result requests_show_one(struct exchange *exchange)
{
	struct store *store = server_reader(exchange->server);
	struct error err = {};
	json_t *row = requests_show(store, exchange->captures[0], &err);

	server_release(exchange->server, store);
	if (!row)
		return exchange_failed(exchange, &err);
	if (!json_is_object(row))
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND, "there is no such request");
	return exchange_json(exchange, row, NULL);
}

enum MHD_Result requests_show_all(struct exchange *exchange)
{
	long limit = exchange_number(exchange, "limit", REQUESTS_LIMIT_DEFAULT, 1,
				     REQUESTS_LIMIT_MAX);
	const char *gateway = exchange_argument(exchange, "gateway");
	const char *service = exchange_argument(exchange, "service");
	struct error err = {};
	struct store *store;
	json_t *rows;

	if (limit < 0)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"limit: a whole number from 1 to %d is needed",
					REQUESTS_LIMIT_MAX);
	if ((gateway && !name_valid(gateway)) || (service && !name_valid(service)))
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"gateway and service are names: lower-case letters, digits and dashes");
	store = server_reader(exchange->server);
	rows = requests_list(store, NULL, gateway, service, limit, &err);
	server_release(exchange->server, store);
	return rows ? exchange_json(exchange, rows, NULL) : exchange_failed(exchange, &err);
}

/* For gateways. */

static enum MHD_Result gateway_unknown(struct exchange *exchange)
{
	return exchange_problem(exchange, MHD_HTTP_NOT_FOUND, "this is not the name of a gateway");
}

/* What is behind the key that the gateway knows: the rows, and the mark of what was looked at. */
static json_t *open_read(struct exchange *exchange, int64_t *mark, struct error *err)
{
	long after = exchange_number(exchange, "after", 0, 0, INT64_MAX);
	struct store *store = server_reader(exchange->server);
	json_t *rows = NULL;

	/* First the mark: what comes between is there the next time. */
	*mark = requests_mark(store, err);
	/* Of another store than this: it begins anew. */
	if (after > *mark)
		after = 0;
	if (*mark >= 0)
		rows = requests_open(store, exchange->captures[0], after, err);
	server_release(exchange->server, store);
	return rows;
}

/* @rows is consumed. */
static enum MHD_Result open_send(struct exchange *exchange, json_t *rows, int64_t mark)
{
	size_t n = json_array_size(rows);

	/* There may be more than are given at once. */
	if (n == REQUESTS_OPEN_MAX)
		mark = json_integer_value(json_object_get(json_array_get(rows, n - 1), "key"));
	return exchange_json(exchange, json_pack("{s:o, s:I}", "requests", rows, "last",
						 (json_int_t)mark), NULL);
}

static enum MHD_Result open_waited(struct exchange *exchange)
{
	struct error err = {};
	int64_t mark;
	json_t *rows = open_read(exchange, &mark, &err);

	return rows ? open_send(exchange, rows, mark) : exchange_failed(exchange, &err);
}

enum MHD_Result requests_poll(struct exchange *exchange)
{
	long wait = exchange_number(exchange, "wait", 0, 0, WAITING_MAX_S);
	struct error err = {};
	int64_t mark;
	json_t *rows;

	if (!name_valid(exchange->captures[0]))
		return gateway_unknown(exchange);
	if (wait < 0 || exchange_number(exchange, "after", 0, 0, INT64_MAX) < 0)
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST,
					"wait: a whole number of seconds from 0 to %d is needed; after: \"last\" of the answer before",
					WAITING_MAX_S);
	exchange_seen(exchange);
	rows = open_read(exchange, &mark, &err);
	if (!rows)
		return exchange_failed(exchange, &err);
	if (json_array_size(rows) || !wait)
		return open_send(exchange, rows, mark);
	json_decref(rows);
	exchange->resume = open_waited;
	waiting_add(exchange->server->waiting, exchange, WAITING_FOR_REQUESTS, mark, wait);
	return MHD_YES;
}

static int time_read(const json_t *body, const char *member, const char **time, struct error *err)
{
	const json_t *value = json_object_get(body, member);

	if (!value || json_is_null(value))
		return 0;
	*time = json_string_value(value);
	return obtaining_time_valid(*time) ? 0 :
	       error_set(err, -EINVAL, "%s: a time in UTC as 2026-01-31T23:59:58.123Z is needed", member);
}

static int result_read(struct asking *asking, struct error *err)
{
	static const char *const names[] = { "steps", "duration_ms", "faults", NULL };
	json_t *result = json_object_get(asking->body, "result"), *value;
	const char *name;

	if (!result || json_is_null(result))
		return 0;
	if (!json_is_object(result))
		return error_set(err, -EINVAL, "result: an object is needed");
	if (members_known(result, names, err))
		return -EINVAL;
	json_object_foreach(result, name, value)
		if (!json_is_number(value) || json_number_value(value) < 0)
			return error_set(err, -EINVAL, "result: %s: a number is needed", name);
	asking->result = json_dumps(result, JSON_COMPACT);
	asking->report.result = asking->result;
	return asking->result ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int report_read(struct asking *asking, struct error *err)
{
	static const char *const names[] = { "state", "taken", "started", "ended", "detail", "result",
					     NULL };
	const json_t *detail = json_object_get(asking->body, "detail");
	struct request_report *report = &asking->report;

	if (members_known(asking->body, names, err) ||
	    time_read(asking->body, "taken", &report->taken, err) ||
	    time_read(asking->body, "started", &report->started, err) ||
	    time_read(asking->body, "ended", &report->ended, err) || result_read(asking, err))
		return -EINVAL;
	report->state = json_string_value(json_object_get(asking->body, "state"));
	if (!request_report_state(report->state))
		return error_set(err, -EINVAL,
				 "state: taken, running, done, failed, refused or expired is needed");
	if (!detail || json_is_null(detail))
		return 0;
	report->detail = json_string_value(detail);
	return report->detail && strlen(report->detail) <= REQUEST_DETAIL_MAX ? 0 :
	       error_set(err, -EINVAL, "detail: a text of at most %d bytes is needed",
			 REQUEST_DETAIL_MAX);
}

static int report_run(struct writer_job *job, struct store *store, struct error *err)
{
	struct exchange *exchange = exchange_of(job);
	struct asking *asking = exchange->work;
	int ret;

	free(steal_pointer(&asking->state));
	ret = requests_report(store, exchange->captures[0], exchange->captures[1], &asking->report,
			      &asking->state, err);
	return ret < 0 ? ret : 0;
}

static enum MHD_Result report_answer(struct exchange *exchange)
{
	struct asking *asking = exchange->work;

	if (exchange->job.result < 0)
		return exchange_failed(exchange, &exchange->job.error);
	if (!asking->state)
		return exchange_problem(exchange, MHD_HTTP_NOT_FOUND,
					"gateway %s was asked for no such service",
					exchange->captures[0]);
	return exchange_json(exchange, json_pack("{s:s, s:s}", "id", exchange->captures[1], "state",
						 asking->state), NULL);
}

enum MHD_Result requests_state(struct exchange *exchange)
{
	struct asking *asking;
	enum MHD_Result result;
	struct error err = {};

	if (!name_valid(exchange->captures[0]))
		return gateway_unknown(exchange);
	asking = asking_new(exchange);
	if (!asking)
		return MHD_NO;
	asking->body = exchange_body(exchange, &err);
	if (!asking->body || report_read(asking, &err))
		return exchange_problem(exchange, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	if (!exchange_admitted(exchange, &result))
		return result;
	return exchange_store(exchange, report_run, report_answer);
}
