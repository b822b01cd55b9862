/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The supervisor's side of the network process (docs/protocol.md, "Link"): the
 * way on which request processing and downloading (323, 324), fault notifying
 * (345) and the scripts reach the center. It starts faultline-link, starts it
 * again when it dies, and believes nothing that it says.
 */
#ifndef SUPERVISORD_REMOTE_LINK_H
#define SUPERVISORD_REMOTE_LINK_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

struct link;

/**
 * struct link_options - how faultline-link is started; the strings are copied
 * @program: its path; NULL: "faultline-link" beside the running program
 * @user: user that it becomes; NULL: the supervisor's, without capabilities
 * @ca: file of trusted certificates; NULL: the system's
 * @stall_s: seconds with nothing moved after which a transfer fails; 0: 30
 * @verbose: it logs each transfer
 */
struct link_options {
	const char *program;
	const char *user;
	const char *ca;
	unsigned int stall_s;
	bool verbose;
};

/** struct link_header - a field of the request; a NULL name ends an array of them */
struct link_header {
	const char *name;
	const char *value;
};

/**
 * struct link_request - what is asked; nothing of it is used after link_request()
 * @method: "GET", "POST" or "PUT"
 * @url: http or https, 2 KiB at most; redirects are not followed
 * @headers: 16 at most; may be NULL
 * @timeout_ms: for all of it, from the name's resolution to the last byte; 0:
 *	no limit but those on connecting (10 s) and on standing still
 * @max_bytes: a longer body fails the request; 0: 1 MiB
 * @offset: begin with this byte of the body. Where the server sends all of
 *	it, what lies before is left out.
 * @body: what to send, @body_size bytes; may be NULL
 * @sink: a pipe's write end or a memfd, the link's from now on, also when
 *	link_request() fails. A pipe gets the body of a 2xx answer alone. It is
 *	closed before the request ends. -1: the body is handed to the done function.
 */
struct link_request {
	const char *method;
	const char *url;
	const struct link_header *headers;
	unsigned int timeout_ms;
	uint64_t max_bytes;
	uint64_t offset;
	const void *body;
	size_t body_size;
	int sink;
};

/**
 * struct link_answer - how a request ended
 * @status: HTTP status; 0 when there was no answer, or no whole one
 * @body: with a zero byte behind it; NULL when a sink was given or there is none
 * @size: of @body
 * @etag: NULL when there is none
 * @retry_after_s: seconds that the server asked to wait, a day at most; -1: it did not
 * @error: one line on why @status is 0, else NULL
 * @transient: trying again later may help: no whole answer for a reason that
 *	passes, or a status of 408, 425, 429, 500, 502, 503 or 504
 * @received: bytes that were written to the sink, also of an answer that broke
 *	off, so that @offset of another request can go on from there. Not known
 *	(and 0) when faultline-link died: @sink_lost is true then.
 */
struct link_answer {
	int status;
	const char *body;
	size_t size;
	const char *etag;
	int retry_after_s;
	const char *error;
	bool transient;
	uint64_t received;
	bool sink_lost;
};

/** typedef link_done_fn - a request ended; @answer is valid during the call */
typedef void (*link_done_fn)(void *user, const struct link_answer *answer);

/** typedef link_progress_fn - bytes received so far, about twice a second */
typedef void (*link_progress_fn)(void *user, uint64_t received);

/**
 * link_start - start faultline-link
 *
 * Return: the link, freed with link_stop(), or NULL with @err set when the
 * program cannot be started at all.
 */
struct link *link_start(struct ev_loop *loop, const struct link_options *options,
			struct error *err);

/** link_stop - end faultline-link; open requests end without a word */
void link_stop(struct link *link);

/**
 * link_request - send a request
 * @done: called once, never from within this function, unless link_cancel() was
 * @progress: may be NULL
 *
 * Return: the request's number, above 0; or a negative errno with @err set,
 * and @done is not called: -EBUSY (16 are open), -EAGAIN (faultline-link is
 * being started again), both worth another try; -EINVAL, -EMSGSIZE, -ENOMEM.
 */
int link_request(struct link *link, const struct link_request *request, link_done_fn done,
		 link_progress_fn progress, void *user, struct error *err);

/** link_cancel - end a request without its done function; nothing when it has ended */
void link_cancel(struct link *link, int id);

#endif /* SUPERVISORD_REMOTE_LINK_H */
