// SPDX-License-Identifier: GPL-2.0-only
#include "lib/jsonrpc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What may wait to be written to a side that does not read. */
#define OUT_MAX (16 * JSONRPC_LINE_MAX)

struct call {
	struct call *next;
	struct jsonrpc_peer *peer;
	json_int_t id;
	ev_timer timeout;
	jsonrpc_reply_fn reply;
	void *user;
};

struct jsonrpc_peer {
	struct ev_loop *loop;
	const struct jsonrpc_handler *handler;
	void *user;
	ev_io read;
	ev_io write;
	struct call *calls;
	json_int_t last_id;
	bool resumed;	/* the first line may be half a line */
	bool finish;	/* close the write end once all is written */
	bool *freed;	/* set by jsonrpc_free() below a callback */
	char *out;
	size_t out_size;
	size_t in_size;
	size_t in_max;
	size_t line_max;	/* of a line that is sent */
	char *in;
};

static void call_free(struct call *call)
{
	ev_timer_stop(call->peer->loop, &call->timeout);
	free(call);
}

static void call_end(struct call *call, int code, json_t *result, json_t *error)
{
	jsonrpc_reply_fn reply = call->reply;
	void *user = call->user;

	call_free(call);
	reply(user, code, result, error);
}

/* Takes a call off the peer's list by its id; NULL when there is none. */
static struct call *call_take(struct jsonrpc_peer *peer, json_int_t id)
{
	for (struct call **p = &peer->calls; *p; p = &(*p)->next) {
		struct call *call = *p;

		if (call->id == id) {
			*p = call->next;
			return call;
		}
	}
	return NULL;
}

static void call_timed_out(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct call *call = timer->data;

	call_take(call->peer, call->id);
	call_end(call, -ETIMEDOUT, NULL, NULL);
}

/*
 * The end of a connection: open calls are given up, then the owner is told.
 * Nothing of the peer is touched after the owner was told.
 */
static void peer_close(struct jsonrpc_peer *peer, int code)
{
	bool freed = false;

	ev_io_stop(peer->loop, &peer->read);
	ev_io_stop(peer->loop, &peer->write);
	peer->freed = &freed;
	while (!freed && peer->calls) {
		struct call *call = peer->calls;

		peer->calls = call->next;
		call_end(call, -EPIPE, NULL, NULL);
	}
	if (freed)
		return;
	peer->freed = NULL;
	if (peer->handler->closed)
		peer->handler->closed(peer, code, peer->user);
}

static void peer_reply(struct jsonrpc_peer *peer, json_t *message)
{
	json_t *id = json_object_get(message, "id");
	json_t *result = json_object_get(message, "result");
	json_t *error = json_object_get(message, "error");
	struct call *call;

	if (!json_is_integer(id) || !result == !error ||
	    (error && !json_is_string(json_object_get(error, "message"))))
		return;
	/* An answer that came after its time-out finds no call. */
	call = call_take(peer, json_integer_value(id));
	if (call)
		call_end(call, 0, result, error);
}

static void peer_request(struct jsonrpc_peer *peer, json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));
	json_t *params = json_object_get(message, "params");
	json_t *id = json_object_get(message, "id");

	if (!method || (params && !json_is_object(params) && !json_is_array(params)) ||
	    (id && !json_is_integer(id) && !json_is_string(id) && !json_is_null(id)))
		jsonrpc_error(peer, id, JSONRPC_INVALID_REQUEST,
			      "not a JSON-RPC 2.0 request", NULL);
	else if (peer->handler->request)
		peer->handler->request(peer, method, params, id, peer->user);
	else if (id)
		jsonrpc_error(peer, id, JSONRPC_METHOD_NOT_FOUND,
			      "method not found", NULL);
}

/* Return: false when what came is not JSON-RPC; the peer is to be closed. */
static bool peer_line(struct jsonrpc_peer *peer, const char *line, size_t size)
{
	json_t *message = json_loadb(line, size, 0, NULL);
	const char *version = json_string_value(json_object_get(message, "jsonrpc"));
	bool valid = version && !strcmp(version, "2.0");
	bool half = !valid && peer->resumed;

	peer->resumed = false;
	if (half)
		valid = true;
	else if (!valid)
		jsonrpc_error(peer, NULL, JSONRPC_PARSE_ERROR,
			      "not JSON-RPC 2.0", NULL);
	else if (json_object_get(message, "method"))
		peer_request(peer, message);
	else
		peer_reply(peer, message);
	json_decref(message);
	return valid;
}

/* Return: false when the peer was freed or must be closed, @code then says why. */
static bool peer_lines(struct jsonrpc_peer *peer, int *code)
{
	bool freed = false;
	size_t from = 0;

	peer->freed = &freed;
	for (;;) {
		char *end = memchr(peer->in + from, '\n', peer->in_size - from);
		bool valid;

		if (!end)
			break;
		valid = peer_line(peer, peer->in + from, end - peer->in - from);
		if (freed)
			return false;
		if (!valid) {
			peer->freed = NULL;
			*code = -EPROTO;
			return false;
		}
		from = end - peer->in + 1;
	}
	peer->freed = NULL;
	peer->in_size -= from;
	memmove(peer->in, peer->in + from, peer->in_size);
	if (peer->in_size == peer->in_max)
		*code = -EMSGSIZE;
	return !*code;
}

static void peer_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct jsonrpc_peer *peer = io->data;
	ssize_t n = read(io->fd, peer->in + peer->in_size,
			 peer->in_max - peer->in_size);
	int code = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		peer_close(peer, n < 0 ? -errno : 0);
		return;
	}
	peer->in_size += n;
	if (!peer_lines(peer, &code) && code)
		peer_close(peer, code);
}

static void peer_close_write(struct jsonrpc_peer *peer)
{
	if (peer->write.fd != peer->read.fd)
		close(peer->write.fd);
	peer->write.fd = -1;
}

static void peer_written(struct jsonrpc_peer *peer, size_t n)
{
	peer->out_size -= n;
	memmove(peer->out, peer->out + n, peer->out_size);
}

static void peer_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct jsonrpc_peer *peer = io->data;
	ssize_t n = peer->out_size ? write(io->fd, peer->out, peer->out_size) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		/* What can still be read is read: the read end says when it is over. */
		peer->out_size = 0;
		peer->finish = true;
	} else {
		peer_written(peer, n);
	}
	if (peer->out_size)
		return;
	ev_io_stop(loop, io);
	if (peer->finish)
		peer_close_write(peer);
}

/*
 * At once, where nothing waits before it: what else the loop has to do may take as long as
 * a disk does. What does not go now, or fails, is the loop's.
 */
static void peer_write(struct jsonrpc_peer *peer)
{
	ssize_t n = ev_is_active(&peer->write) ? 0 :
		    write(peer->write.fd, peer->out, peer->out_size);

	if (n > 0)
		peer_written(peer, n);
	if (peer->out_size)
		ev_io_start(peer->loop, &peer->write);
}

/* Consumes @message. */
static int peer_send(struct jsonrpc_peer *peer, json_t *message)
{
	size_t size;
	char *text;
	char *out;
	int ret = 0;

	if (!message)
		return -ENOMEM;
	text = json_dumps(message, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(message);
	if (!text)
		return -ENOMEM;
	size = strlen(text);
	if (peer->write.fd < 0 || peer->finish)
		ret = -EPIPE;
	else if (size >= peer->line_max || peer->out_size + size >= OUT_MAX)
		ret = -EMSGSIZE;
	out = ret ? NULL : realloc(peer->out, peer->out_size + size + 1);
	if (out) {
		memcpy(out + peer->out_size, text, size);
		out[peer->out_size + size] = '\n';
		peer->out = out;
		peer->out_size += size + 1;
		peer_write(peer);
	} else if (!ret) {
		ret = -ENOMEM;
	}
	free(text);
	return ret;
}

struct jsonrpc_peer *jsonrpc_new(struct ev_loop *loop, int in, int out,
				 const struct jsonrpc_handler *handler, void *user)
{
	struct jsonrpc_peer *peer = calloc(1, sizeof(*peer));

	if (peer)
		peer->in = malloc(JSONRPC_LINE_MAX);
	if (!peer || !peer->in) {
		free(peer);
		return NULL;
	}
	peer->in_max = JSONRPC_LINE_MAX;
	peer->line_max = JSONRPC_LINE_MAX;
	peer->loop = loop;
	peer->handler = handler;
	peer->user = user;
	fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
	fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
	ev_io_init(&peer->read, peer_readable, in, EV_READ);
	ev_io_init(&peer->write, peer_writable, out, EV_WRITE);
	peer->read.data = peer;
	peer->write.data = peer;
	ev_io_start(loop, &peer->read);
	return peer;
}

void jsonrpc_resume(struct jsonrpc_peer *peer, json_int_t last_id)
{
	peer->resumed = true;
	peer->last_id = last_id;
}

int jsonrpc_take_long(struct jsonrpc_peer *peer)
{
	char *in = realloc(peer->in, JSONRPC_LONG_MAX);

	if (!in)
		return -ENOMEM;
	peer->in = in;
	peer->in_max = JSONRPC_LONG_MAX;
	return 0;
}

void jsonrpc_send_long(struct jsonrpc_peer *peer)
{
	peer->line_max = JSONRPC_LONG_MAX;
}

void jsonrpc_free(struct jsonrpc_peer *peer)
{
	if (!peer)
		return;
	if (peer->freed)
		*peer->freed = true;
	ev_io_stop(peer->loop, &peer->read);
	ev_io_stop(peer->loop, &peer->write);
	while (peer->calls) {
		struct call *call = peer->calls;

		peer->calls = call->next;
		call_end(call, -EPIPE, NULL, NULL);
	}
	if (peer->write.fd >= 0)
		peer_close_write(peer);
	close(peer->read.fd);
	free(peer->out);
	free(peer->in);
	free(peer);
}

void jsonrpc_finish(struct jsonrpc_peer *peer)
{
	peer->finish = true;
	if (!peer->out_size && peer->write.fd >= 0) {
		ev_io_stop(peer->loop, &peer->write);
		peer_close_write(peer);
	}
}

static struct call *call_new(struct jsonrpc_peer *peer, json_int_t id, double timeout_s,
			     jsonrpc_reply_fn reply, void *user)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->peer = peer;
	call->id = id;
	call->reply = reply;
	call->user = user;
	ev_timer_init(&call->timeout, call_timed_out, timeout_s, 0.);
	call->timeout.data = call;
	return call;
}

static void call_begin(struct call *call)
{
	struct jsonrpc_peer *peer = call->peer;

	if (call->timeout.at > 0)
		ev_timer_start(peer->loop, &call->timeout);
	call->next = peer->calls;
	peer->calls = call;
}

json_int_t jsonrpc_last_id(const struct jsonrpc_peer *peer)
{
	return peer->last_id;
}

int jsonrpc_expect(struct jsonrpc_peer *peer, json_int_t id, double timeout_s,
		   jsonrpc_reply_fn reply, void *user)
{
	struct call *call = call_new(peer, id, timeout_s, reply, user);

	if (!call)
		return -ENOMEM;
	call_begin(call);
	return 0;
}

int jsonrpc_call(struct jsonrpc_peer *peer, const char *method, json_t *params,
		 double timeout_s, jsonrpc_reply_fn reply, void *user)
{
	struct call *call = call_new(peer, ++peer->last_id, timeout_s, reply, user);
	int ret;

	if (!call) {
		json_decref(params);
		return -ENOMEM;
	}
	ret = peer_send(peer, json_pack("{s:s, s:I, s:s, s:o*}", "jsonrpc", "2.0",
					"id", call->id, "method", method,
					"params", params));
	if (ret) {
		free(call);
		return ret;
	}
	call_begin(call);
	return 0;
}

void jsonrpc_notify(struct jsonrpc_peer *peer, const char *method, json_t *params)
{
	peer_send(peer, json_pack("{s:s, s:s, s:o*}", "jsonrpc", "2.0",
				  "method", method, "params", params));
}

/* An answer that cannot be sent as it is must not leave the caller waiting. */
void jsonrpc_result(struct jsonrpc_peer *peer, json_t *id, json_t *result)
{
	int ret = peer_send(peer, json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0",
					    "id", id, "result", result));

	if (ret == -EMSGSIZE)
		jsonrpc_error(peer, id, JSONRPC_FAILED,
			      "the answer is too long; ask for fewer with \"limit\"",
			      NULL);
}

void jsonrpc_error(struct jsonrpc_peer *peer, json_t *id, int code,
		   const char *message, json_t *data)
{
	json_t *error = json_pack("{s:i, s:s, s:o*}", "code", code,
				  "message", message, "data", data);

	peer_send(peer, json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0",
				  "id", id ? json_incref(id) : json_null(),
				  "error", error));
}
