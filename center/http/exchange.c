// SPDX-License-Identifier: GPL-2.0-only
#include "center/http/exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center/http/access.h"
#include "center/http/header.h"
#include "center/http/metrics.h"
#include "center/http/routes.h"
#include "lib/log.h"

/* A body over the limit is read up to here, so that its sender sees the answer. */
#define DRAIN_MAX (16 << 20)
#define BODY_TIME_S 60
#define ROOM_MIN 4096

static time_t monotonic_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

const char *exchange_header(struct exchange *exchange, const char *name)
{
	return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

const char *exchange_argument(struct exchange *exchange, const char *name)
{
	return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND,
					   name);
}

enum MHD_Result exchange_queue(struct exchange *exchange, unsigned int status,
			       struct MHD_Response *response)
{
	enum MHD_Result ret = MHD_queue_response(exchange->connection, status, response);

	if (status < 600)
		atomic_fetch_add(&exchange->server->metrics->answers[status / 100], 1);
	MHD_destroy_response(response);
	return ret;
}

static void response_etag(struct MHD_Response *response, const char *etag)
{
	char quoted[128];

	snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, quoted);
}

static void response_retry(struct MHD_Response *response, int seconds)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", seconds);
	MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, text);
}

enum MHD_Result exchange_send(struct exchange *exchange, unsigned int status,
			      const char *type, char *data, size_t size, const char *etag)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		free(data);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (etag)
		response_etag(response, etag);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, exchange->allow);
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (exchange->retry_after || status == MHD_HTTP_SERVICE_UNAVAILABLE)
		response_retry(response, exchange->retry_after ? exchange->retry_after : 2);
	return exchange_queue(exchange, status, response);
}

enum MHD_Result exchange_json(struct exchange *exchange, json_t *value, const char *etag)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

	json_decref(value);
	if (!text)
		return MHD_NO;
	return exchange_send(exchange, MHD_HTTP_OK, "application/json", text, strlen(text),
			     etag);
}

bool exchange_unmodified(struct exchange *exchange, const char *etag,
			 enum MHD_Result *result)
{
	struct MHD_Response *response;

	if (!etag_matches(exchange_header(exchange, MHD_HTTP_HEADER_IF_NONE_MATCH), etag,
			  true))
		return false;
	response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	*result = MHD_NO;
	if (response) {
		response_etag(response, etag);
		*result = exchange_queue(exchange, MHD_HTTP_NOT_MODIFIED, response);
	}
	return true;
}

static const char *status_title(unsigned int status)
{
	switch (status) {
	case MHD_HTTP_BAD_REQUEST:
		return "Bad Request";
	case MHD_HTTP_NOT_FOUND:
		return "Not Found";
	case MHD_HTTP_UNAUTHORIZED:
		return "Unauthorized";
	case MHD_HTTP_FORBIDDEN:
		return "Forbidden";
	case MHD_HTTP_CONFLICT:
		return "Conflict";
	case MHD_HTTP_PRECONDITION_FAILED:
		return "Precondition Failed";
	case MHD_HTTP_PRECONDITION_REQUIRED:
		return "Precondition Required";
	case MHD_HTTP_TOO_MANY_REQUESTS:
		return "Too Many Requests";
	case MHD_HTTP_METHOD_NOT_ALLOWED:
		return "Method Not Allowed";
	case MHD_HTTP_REQUEST_TIMEOUT:
		return "Request Timeout";
	case MHD_HTTP_CONTENT_TOO_LARGE:
		return "Content Too Large";
	case MHD_HTTP_SERVICE_UNAVAILABLE:
		return "Service Unavailable";
	default:
		return "Internal Server Error";
	}
}

/* What a client sent may be quoted, cut in the middle of a character. */
static void text_to_ascii(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
			*text = '?';
}

enum MHD_Result exchange_problem(struct exchange *exchange, unsigned int status,
				 const char *format, ...)
{
	json_auto_t *problem = NULL;
	char detail[ERROR_TEXT_MAX + 64];
	char *text;
	va_list ap;

	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	text_to_ascii(detail);
	problem = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
			    status_title(status), "status", (int)status, "detail", detail);
	text = problem ? json_dumps(problem, JSON_COMPACT) : NULL;
	if (!text)
		return MHD_NO;
	return exchange_send(exchange, status, "application/problem+json", text,
			     strlen(text), NULL);
}

enum MHD_Result exchange_failed(struct exchange *exchange, const struct error *err)
{
	bool transient = err->code == -ESHUTDOWN || err->code == -EBUSY ||
			 err->code == -ENOSPC || err->code == -ENOMEM || err->code == -ENOTCONN;

	log_error("%s", err->text);
	return exchange_problem(exchange, transient ? MHD_HTTP_SERVICE_UNAVAILABLE :
				MHD_HTTP_INTERNAL_SERVER_ERROR, "%s",
				err->code == -ESHUTDOWN ? err->text :
				"the center cannot store or read this now; its log says why");
}

static struct exchange *exchange_new(struct server *server,
				     struct MHD_Connection *connection, const char *url,
				     const char *method)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->server = server;
	exchange->connection = connection;
	exchange->started = monotonic_s();
	routes_match(exchange, method, url);
	return exchange;
}

void exchange_completed(void *cls, struct MHD_Connection *connection, void **state,
			enum MHD_RequestTerminationCode why)
{
	struct exchange *exchange = *state;

	*state = NULL;
	if (!exchange)
		return;
	atomic_fetch_sub(&exchange->server->bodies, exchange->room);
	free(exchange->body);
	free(exchange->answer);
	if (exchange->fault)
		fault_free(exchange->fault);
	if (exchange->outcome)
		outcome_free(exchange->outcome);
	if (exchange->work)
		exchange->work_free(exchange->work);
	free(exchange);
}

/* Makes room for @size bytes more; false when the server holds too much already. */
static bool body_grow(struct exchange *exchange, size_t size)
{
	struct server *server = exchange->server;
	size_t room = exchange->room ? exchange->room : ROOM_MIN;
	char *body;

	while (room < exchange->size + size)
		room *= 2;
	if (room == exchange->room)
		return true;
	if (atomic_fetch_add(&server->bodies, room - exchange->room) + room -
	    exchange->room <= SERVER_BODIES_MAX) {
		body = realloc(exchange->body, room);
		if (body) {
			exchange->body = body;
			exchange->room = room;
			return true;
		}
	}
	atomic_fetch_sub(&server->bodies, room - exchange->room);
	return false;
}

static enum MHD_Result body_add(struct exchange *exchange, const char *data, size_t size)
{
	if (monotonic_s() - exchange->started > BODY_TIME_S)
		return MHD_NO;
	if (exchange->size + size > SERVER_BODY_MAX)
		exchange->too_large = true;
	else if (!exchange->too_large && !exchange->no_room && !body_grow(exchange, size))
		exchange->no_room = true;
	if (exchange->too_large || exchange->no_room) {
		exchange->drained += size;
		return exchange->drained <= DRAIN_MAX ? MHD_YES : MHD_NO;
	}
	memcpy(exchange->body + exchange->size, data, size);
	exchange->size += size;
	return MHD_YES;
}

static enum MHD_Result too_large(struct exchange *exchange)
{
	return exchange_problem(exchange, MHD_HTTP_CONTENT_TOO_LARGE,
				"a body may have %d bytes", SERVER_BODY_MAX);
}

/*
 * The first call, with the headers alone. A body that is announced as too large is
 * refused here when its sender waits for that or when it would be too much to read.
 */
static enum MHD_Result exchange_begin(struct exchange *exchange)
{
	const char *length = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
	const char *expect = exchange_header(exchange, MHD_HTTP_HEADER_EXPECT);
	unsigned long long size = length ? strtoull(length, NULL, 10) : 0;

	if (size > DRAIN_MAX || (expect && size > SERVER_BODY_MAX))
		return too_large(exchange);
	return MHD_YES;
}

enum MHD_Result exchange_access(void *cls, struct MHD_Connection *connection,
				const char *url, const char *method, const char *version,
				const char *upload, size_t *upload_size, void **state)
{
	struct exchange *exchange = *state;
	enum MHD_Result result;

	if (!exchange) {
		exchange = exchange_new(cls, connection, url, method);
		*state = exchange;
		return exchange ? exchange_begin(exchange) : MHD_NO;
	}
	if (*upload_size) {
		size_t size = *upload_size;

		*upload_size = 0;
		return body_add(exchange, upload, size);
	}
	if (exchange->stored)
		return exchange->resume(exchange);
	/* Before anything is said of a body: a stranger learns nothing of it. */
	if (exchange->handle && !access_check(exchange, exchange->access, &result))
		return result;
	if (exchange->too_large)
		return too_large(exchange);
	if (exchange->no_room)
		return exchange_problem(exchange, MHD_HTTP_SERVICE_UNAVAILABLE,
					"too many requests at once; try again");
	if (exchange->handle)
		return exchange->handle(exchange);
	if (exchange->allow[0])
		return exchange_problem(exchange, MHD_HTTP_METHOD_NOT_ALLOWED,
					"%s is served here", exchange->allow);
	return exchange_problem(exchange, MHD_HTTP_NOT_FOUND, "there is nothing here");
}

struct exchange *exchange_of(struct writer_job *job)
{
	return (struct exchange *)((char *)job - offsetof(struct exchange, job));
}

static void exchange_stored(struct writer_job *job)
{
	struct exchange *exchange = exchange_of(job);

	exchange->stored = true;
	MHD_resume_connection(exchange->connection);
}

static enum MHD_Result exchange_submit(struct exchange *exchange, struct writer *writer,
				       exchange_job_fn run, exchange_fn resume)
{
	exchange->resume = resume;
	exchange->job.run = run;
	exchange->job.done = exchange_stored;
	/* First to sleep: the writer may be done before this returns. */
	MHD_suspend_connection(exchange->connection);
	writer_submit(writer, &exchange->job);
	return MHD_YES;
}

enum MHD_Result exchange_store(struct exchange *exchange, exchange_job_fn run,
			       exchange_fn resume)
{
	return exchange_submit(exchange, exchange->server->writer, run, resume);
}

enum MHD_Result exchange_fetch(struct exchange *exchange, exchange_job_fn run,
			       exchange_fn resume)
{
	return exchange_submit(exchange, exchange->server->fetcher, run, resume);
}

json_t *exchange_body(struct exchange *exchange, struct error *err)
{
	json_error_t why;
	json_t *json = json_loadb(exchange->body ? exchange->body : "", exchange->size,
				  JSON_REJECT_DUPLICATES, &why);

	if (json_is_object(json))
		return json;
	if (json)
		error_set(err, -EINVAL, "the body is not an object");
	else
		error_set(err, -EINVAL, "the body is not JSON: line %d, column %d: %s", why.line,
			  why.column, why.text);
	json_decref(json);
	return NULL;
}

static bool line_is(const json_t *value, size_t size)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) >= size)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

int exchange_reason(json_t *body, char *reason, size_t size, struct error *err)
{
	json_t *value = json_object_get(body, "reason");

	if (!value)
		return 0;
	if (!line_is(value, size))
		return error_set(err, -EINVAL, "reason: one line, of at most %zu bytes", size - 1);
	strcpy(reason, json_string_value(value));
	json_object_del(body, "reason");
	return 0;
}

long exchange_number(struct exchange *exchange, const char *name, long otherwise, long minimum,
		     long maximum)
{
	const char *text = exchange_argument(exchange, name);
	char *end;
	long number;

	if (!text)
		return otherwise;
	if (*text < '0' || *text > '9')
		return -1;
	number = strtol(text, &end, 10);
	return *end || number < minimum || number > maximum ? -1 : number;
}

static void address_print(struct exchange *exchange, char text[GATEWAY_TEXT_MAX])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	text[0] = '\0';
	if (info && info->client_addr)
		getnameinfo(info->client_addr, info->client_addr->sa_family == AF_INET6 ?
			    sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in), text,
			    GATEWAY_TEXT_MAX, NULL, 0, NI_NUMERICHOST);
}

void exchange_seen(struct exchange *exchange)
{
	char address[GATEWAY_TEXT_MAX];

	/* An administrator who looks is not the gateway. */
	if (exchange->principal.known && exchange->principal.role != ROLE_GATEWAY)
		return;
	address_print(exchange, address);
	gateways_seen(exchange->server->gateways, exchange->captures[0], address,
		      exchange_header(exchange, MHD_HTTP_HEADER_USER_AGENT),
		      exchange_header(exchange, "Faultline-State"));
}

bool exchange_admitted(struct exchange *exchange, enum MHD_Result *result)
{
	exchange_seen(exchange);
	exchange->retry_after = gateways_admit(exchange->server->gateways,
					       exchange->captures[0], exchange->size);
	if (!exchange->retry_after)
		return true;
	atomic_fetch_add(&exchange->server->metrics->limited, 1);
	*result = exchange_problem(exchange, MHD_HTTP_TOO_MANY_REQUESTS,
				   "gateway %s sends more than it may; go on after %d s",
				   exchange->captures[0], exchange->retry_after);
	return false;
}
