/* SPDX-License-Identifier: GPL-2.0-only */
/* The messages between the supervisor and this process (docs/protocol.md, "Link"). */
#ifndef SUPERVISORD_LINK_CONTROL_H
#define SUPERVISORD_LINK_CONTROL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

/**
 * struct control_request - what the supervisor asks for
 * @id: its number, above 0; of the request to end when @cancel
 * @method: "GET", "POST" or "PUT"
 * @headers: lines for libcurl
 * @timeout_ms: for all of it; 0: none
 * @max_bytes: a longer answer is a failure
 * @offset: leave out that much of the beginning of the body
 * @body: memfd to send, or -1
 * @sink: where the answer's body goes
 */
struct control_request {
	int id;
	bool cancel;
	char *method;
	char *url;
	struct curl_slist *headers;
	long timeout_ms;
	uint64_t max_bytes;
	uint64_t offset;
	int body;
	int sink;
};

/** control_request_clear - free and close what is in it; what was handed on is -1 or NULL */
void control_request_clear(struct control_request *request);

/**
 * control_receive - take the next message
 *
 * Return: 1 with @request filled in, 0 when there is none yet, -EPIPE when the
 * supervisor is gone, -EPROTO with @err set when it sent what no supervisor sends.
 */
int control_receive(struct control_request *request, struct error *err);

/**
 * struct control_answer - the end of a request
 * @status: HTTP status, or 0 and @error
 * @etag: "" when there is none
 * @retry_after_s: -1 when there is none
 */
struct control_answer {
	int id;
	long status;
	uint64_t received;
	char etag[256];
	long retry_after_s;
	const char *error;
	bool transient;
};

/**
 * control_answer - send it
 *
 * Return: 0; -EAGAIN when the supervisor has to read first, -EPIPE when it is gone.
 */
int control_answer(const struct control_answer *answer);

/** control_progress - say how much has come; dropped when the supervisor is slow */
void control_progress(int id, uint64_t received);

#endif /* SUPERVISORD_LINK_CONTROL_H */
