/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON-RPC 2.0, one message a line, over a pair of descriptors: the channel of
 * an application and the control socket (docs/protocol.md). Everything that
 * arrives is hostile: lines are bounded, and what is not JSON-RPC closes the peer.
 */
#ifndef LIB_JSONRPC_H
#define LIB_JSONRPC_H

#include <ev.h>
#include <jansson.h>

#define JSONRPC_LINE_MAX 65536
/* Where both sides agree on it: answers of the control socket. */
#define JSONRPC_LONG_MAX (8 * JSONRPC_LINE_MAX)

enum jsonrpc_code {
	JSONRPC_PARSE_ERROR = -32700,
	JSONRPC_INVALID_REQUEST = -32600,
	JSONRPC_METHOD_NOT_FOUND = -32601,
	JSONRPC_INVALID_PARAMS = -32602,
	JSONRPC_REFUSED = 1,
	JSONRPC_ABSENT = 2,
	JSONRPC_UNREACHABLE = 3,
	JSONRPC_FAILED = 4,
	JSONRPC_BUSY = 5,
};

struct jsonrpc_peer;

/**
 * struct jsonrpc_handler - what a peer's owner does with what arrives
 * @request: a request, or a notification when @id is NULL. @params is an
 *	object, an array or NULL, and @id a string, a number or null; both are
 *	borrowed. May be NULL: then every request is answered "method not found".
 * @closed: the other side is gone (0) or broke the protocol or the
 *	descriptor failed (negative errno). Open calls have been given up
 *	before. The owner may free the peer here.
 */
struct jsonrpc_handler {
	void (*request)(struct jsonrpc_peer *peer, const char *method,
			json_t *params, json_t *id, void *user);
	void (*closed)(struct jsonrpc_peer *peer, int code, void *user);
};

/**
 * typedef jsonrpc_reply_fn - the end of a call
 * @code: 0 when the other side answered, else -ETIMEDOUT, or -EPIPE (it is gone)
 * @result: borrowed, NULL when there is none
 * @error: borrowed error object with a "message" when it answered with an
 *	error, else NULL
 */
typedef void (*jsonrpc_reply_fn)(void *user, int code, json_t *result,
				 json_t *error);

/**
 * jsonrpc_new - a peer on two descriptors, which it owns from now on
 * @in: read end; set to non-blocking
 * @out: write end; may equal @in
 *
 * Return: the peer, freed with jsonrpc_free(); NULL without memory, the
 * descriptors then still the caller's.
 */
struct jsonrpc_peer *jsonrpc_new(struct ev_loop *loop, int in, int out,
				 const struct jsonrpc_handler *handler,
				 void *user);

/**
 * jsonrpc_resume - the descriptors were another peer's before, of a program that has ended
 * @last_id: higher than any id of a call that one has made
 *
 * What comes first may be the rest of a line, and is passed over if it is not
 * JSON-RPC; answers to calls of the peer before find no call.
 */
void jsonrpc_resume(struct jsonrpc_peer *peer, json_int_t last_id);

/** jsonrpc_take_long - take lines up to JSONRPC_LONG_MAX from now on; 0 or -ENOMEM */
int jsonrpc_take_long(struct jsonrpc_peer *peer);
/** jsonrpc_send_long - send lines up to JSONRPC_LONG_MAX from now on */
void jsonrpc_send_long(struct jsonrpc_peer *peer);

/** jsonrpc_free - close the descriptors; open calls end with -EPIPE first */
void jsonrpc_free(struct jsonrpc_peer *peer);

/** jsonrpc_finish - close the write end once all is written: the other side sees the end */
void jsonrpc_finish(struct jsonrpc_peer *peer);

/**
 * jsonrpc_call - send a request
 * @params: consumed; may be NULL
 * @timeout_s: seconds until @reply gets -ETIMEDOUT; 0: none
 *
 * Return: 0, or -EPIPE (closed), -ENOMEM, -EMSGSIZE; @reply is not called then.
 */
int jsonrpc_call(struct jsonrpc_peer *peer, const char *method, json_t *params,
		 double timeout_s, jsonrpc_reply_fn reply, void *user);

/** jsonrpc_last_id - the id of the last call that was sent */
json_int_t jsonrpc_last_id(const struct jsonrpc_peer *peer);

/**
 * jsonrpc_expect - wait for the answer to a call that the peer before this one has sent (jsonrpc_resume())
 * Return: 0 or -ENOMEM; @reply is not called then.
 */
int jsonrpc_expect(struct jsonrpc_peer *peer, json_int_t id, double timeout_s,
		   jsonrpc_reply_fn reply, void *user);

/* Each consumes its JSON argument. Errors of writing end in @closed. */
void jsonrpc_notify(struct jsonrpc_peer *peer, const char *method, json_t *params);
void jsonrpc_result(struct jsonrpc_peer *peer, json_t *id, json_t *result);
/** jsonrpc_error - @data may be NULL, and is consumed; @id is borrowed, also above */
void jsonrpc_error(struct jsonrpc_peer *peer, json_t *id, int code,
		   const char *message, json_t *data);

#endif /* LIB_JSONRPC_H */
