/* SPDX-License-Identifier: GPL-2.0-only */
/* One request and its answer. */
#ifndef CENTER_HTTP_EXCHANGE_H
#define CENTER_HTTP_EXCHANGE_H

#include <jansson.h>
#include <microhttpd.h>
#include <time.h>

#include "center/access/keyring.h"
#include "center/fault/obtaining.h"
#include "center/http/server.h"
#include "center/http/waiting.h"
#include "center/store/writer.h"

#define EXCHANGE_CAPTURES_MAX 2
#define EXCHANGE_CAPTURE_SIZE 192

struct exchange;

/** typedef exchange_fn - answers a request; MHD_NO closes the connection */
typedef enum MHD_Result (*exchange_fn)(struct exchange *exchange);

typedef int (*exchange_job_fn)(struct writer_job *job, struct store *store, struct error *err);

/**
 * struct exchange - state of a request
 * @handle: answers it once the body is there
 * @access: enum access, of its route
 * @principal: who sent it
 * @work: what the handler keeps until the end, and @work_free what frees it; also of a
 *	request that is broken off
 * @retry_after: seconds for Retry-After; 0: 2 with 503, else none
 * @resume: answers it once the writer has done its job; set by exchange_store()
 * @captures: the parts of the path that the route leaves open
 * @allow: methods of the path, when the method is none of them
 * @body: what came so far; not ended by a zero byte
 * @drained: bytes that were thrown away because the body is too large
 * @stored: the job is done
 * @job: what the writer does for this request, with what it is about
 * @answer: what the job answers, to be freed
 * @found: the job found what it is about
 * @next_waiting: of waiting.c, with what it waits for: another version or mark than this, or this time;
 *	and which it was woken for, 0: none
 */
struct exchange {
	struct server *server;
	struct MHD_Connection *connection;
	exchange_fn handle;
	int access;
	struct principal principal;
	exchange_fn resume;
	char captures[EXCHANGE_CAPTURES_MAX][EXCHANGE_CAPTURE_SIZE];
	char allow[40];
	time_t started;
	char *body;
	size_t size;
	size_t room;
	size_t drained;
	bool too_large;
	bool no_room;
	bool stored;
	struct writer_job job;
	struct fault *fault;
	struct fault_id id;
	struct outcome *outcome;
	char *answer;
	void *work;
	void (*work_free)(void *work);
	int retry_after;
	bool found;
	struct exchange *next_waiting;
	enum waiting_for wait_for;
	int64_t wait_version;
	int64_t woken_version;
	int64_t wait_until_ms;
};

/** exchange_access - libmicrohttpd's access handler; the closure is the server */
enum MHD_Result exchange_access(void *cls, struct MHD_Connection *connection,
				const char *url, const char *method, const char *version,
				const char *upload, size_t *upload_size, void **state);

/** exchange_completed - libmicrohttpd's end of a request */
void exchange_completed(void *cls, struct MHD_Connection *connection, void **state,
			enum MHD_RequestTerminationCode why);

/**
 * exchange_store - hand the exchange's job to the writer and sleep
 * @run: the job; finds its exchange with exchange_of()
 * @resume: called when it is done
 */
enum MHD_Result exchange_store(struct exchange *exchange, exchange_job_fn run,
			       exchange_fn resume);
/** exchange_fetch - likewise for the fetcher, which may take its time */
enum MHD_Result exchange_fetch(struct exchange *exchange, exchange_job_fn run,
			       exchange_fn resume);
struct exchange *exchange_of(struct writer_job *job);

/** exchange_header - a header of the request, or NULL */
const char *exchange_header(struct exchange *exchange, const char *name);
/** exchange_argument - a value of the query, or NULL */
const char *exchange_argument(struct exchange *exchange, const char *name);

/** exchange_seen - note that the gateway of the path was heard of, and what it says of itself */
void exchange_seen(struct exchange *exchange);

/**
 * exchange_admitted - may the gateway of the path send this report now?
 *
 * Return: false when it was answered, with when to go on; @result is then what the
 * handler returns.
 */
bool exchange_admitted(struct exchange *exchange, enum MHD_Result *result);

/* Answers. */

/**
 * exchange_send - answer with bytes
 * @data: freed with free()
 * @etag: entity tag without quotes, or NULL
 */
enum MHD_Result exchange_send(struct exchange *exchange, unsigned int status,
			      const char *type, char *data, size_t size, const char *etag);

/** exchange_json - answer 200 with JSON; @value is consumed, NULL: out of memory */
enum MHD_Result exchange_json(struct exchange *exchange, json_t *value, const char *etag);

/**
 * exchange_unmodified - answer 304 when the client has this tag already
 *
 * Return: true when it was answered; @result is then what the handler returns.
 */
bool exchange_unmodified(struct exchange *exchange, const char *etag,
			 enum MHD_Result *result);

/** exchange_problem - answer with a problem (RFC 9457); @format says what is wrong */
enum MHD_Result exchange_problem(struct exchange *exchange, unsigned int status,
				 const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** exchange_failed - likewise 500 or 503, when the center itself cannot; logged */
enum MHD_Result exchange_failed(struct exchange *exchange, const struct error *err);

/** exchange_queue - send a response that the caller made and let it go */
enum MHD_Result exchange_queue(struct exchange *exchange, unsigned int status,
			       struct MHD_Response *response);

/**
 * exchange_body - the body as JSON
 *
 * Return: a new reference to an object; NULL with @err set.
 */
json_t *exchange_body(struct exchange *exchange, struct error *err);

/**
 * exchange_reason - take the member "reason" out of a body: one line, shorter than @size
 *
 * Return: 0, also when there is none, or -EINVAL with @err set.
 */
int exchange_reason(json_t *body, char *reason, size_t size, struct error *err);

/** exchange_number - a number of the query from @minimum to @maximum; -1 when it is none */
long exchange_number(struct exchange *exchange, const char *name, long otherwise, long minimum,
		     long maximum);

#endif /* CENTER_HTTP_EXCHANGE_H */
