// SPDX-License-Identifier: GPL-2.0-only
/* lib/jsonrpc.c over a socket pair, against a hostile other side. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/jsonrpc.h"

struct side {
	struct ev_loop *loop;
	struct jsonrpc_peer *peer;
	int other;		/* the hostile end */
	int requests;
	int notifications;
	int closed;
	int closed_code;
	int replies;
	int reply_code;
	json_t *reply;
	char error[128];
};

static void on_request(struct jsonrpc_peer *peer, const char *method, json_t *params,
		       json_t *id, void *user)
{
	struct side *side = user;

	if (!id)
		side->notifications++;
	else
		side->requests++;
	if (!strcmp(method, "free")) {
		jsonrpc_free(side->peer);
		side->peer = NULL;
	} else if (id) {
		jsonrpc_result(peer, id, params ? json_incref(params) : json_null());
	}
}

static void on_closed(struct jsonrpc_peer *peer, int code, void *user)
{
	struct side *side = user;

	side->closed++;
	side->closed_code = code;
	jsonrpc_free(side->peer);
	side->peer = NULL;
}

static void on_reply(void *user, int code, json_t *result, json_t *error)
{
	struct side *side = user;

	side->replies++;
	side->reply_code = code;
	side->reply = json_incref(result);
	if (error)
		snprintf(side->error, sizeof(side->error), "%s",
			 json_string_value(json_object_get(error, "message")));
}

static const struct jsonrpc_handler handler = { .request = on_request, .closed = on_closed };

static int setup(void **state)
{
	struct side *side = calloc(1, sizeof(*side));
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	side->loop = ev_loop_new(0);
	side->other = fds[1];
	side->peer = jsonrpc_new(side->loop, fds[0], fds[0], &handler, side);
	*state = side;
	return 0;
}

static int teardown(void **state)
{
	struct side *side = *state;

	jsonrpc_free(side->peer);
	ev_loop_destroy(side->loop);
	if (side->other >= 0)
		close(side->other);
	json_decref(side->reply);
	free(side);
	return 0;
}

/* Runs the loop until nothing is ready. */
static void turn(struct side *side)
{
	for (int i = 0; i < 200; i++)
		ev_run(side->loop, EVRUN_NOWAIT);
}

static void say(struct side *side, const char *text)
{
	assert_int_equal(write(side->other, text, strlen(text)), strlen(text));
	turn(side);
}

static const char *hear(struct side *side)
{
	static char text[4096];
	ssize_t n = recv(side->other, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void request_is_answered(void **state)
{
	struct side *side = *state;

	say(side, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"m\",\"params\":{\"x\":1}}\n");
	assert_int_equal(side->requests, 1);
	assert_string_equal(hear(side), "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"x\":1}}\n");
}

static void messages_in_pieces_and_together(void **state)
{
	struct side *side = *state;

	say(side, "{\"jsonrpc\":\"2.0\",\"meth");
	assert_int_equal(side->notifications, 0);
	say(side, "od\":\"m\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"m\"}\n{\"jsonrpc\"");
	assert_int_equal(side->notifications, 2);
	say(side, ":\"2.0\",\"method\":\"m\"}\n");
	assert_int_equal(side->notifications, 3);
	assert_int_equal(side->closed, 0);
}

static void garbage_closes(void **state)
{
	struct side *side = *state;

	say(side, "garbage\n");
	assert_int_equal(side->closed, 1);
	assert_int_equal(side->closed_code, -EPROTO);
}

static void other_version_closes(void **state)
{
	struct side *side = *state;

	say(side, "{\"jsonrpc\":\"1.0\",\"method\":\"m\"}\n");
	assert_int_equal(side->closed_code, -EPROTO);
}

static void invalid_requests_are_refused(void **state)
{
	static const char *const lines[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"m\"}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":7}\n",
	};
	struct side *side = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		say(side, lines[i]);
		assert_non_null(strstr(hear(side), "-32600"));
	}
	assert_int_equal(side->requests, 0);
	assert_int_equal(side->closed, 0);
}

static void line_too_long_closes(void **state)
{
	struct side *side = *state;
	char *line = malloc(JSONRPC_LINE_MAX + 1);

	memset(line, ' ', JSONRPC_LINE_MAX);
	line[JSONRPC_LINE_MAX] = '\0';
	say(side, line);
	free(line);
	assert_int_equal(side->closed_code, -EMSGSIZE);
}

static void call_gets_its_answer(void **state)
{
	struct side *side = *state;

	assert_int_equal(jsonrpc_call(side->peer, "ask", NULL, 5, on_reply, side), 0);
	turn(side);
	assert_string_equal(hear(side), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ask\"}\n");
	say(side, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":1}\n");
	assert_int_equal(side->replies, 0);
	say(side, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":42}\n");
	assert_int_equal(side->replies, 1);
	assert_int_equal(json_integer_value(side->reply), 42);
	say(side, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":43}\n");
	assert_int_equal(side->replies, 1);
}

static void call_gets_its_error(void **state)
{
	struct side *side = *state;

	jsonrpc_call(side->peer, "ask", NULL, 5, on_reply, side);
	say(side, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"no\"}}\n");
	assert_int_equal(side->replies, 1);
	assert_int_equal(side->reply_code, 0);
	assert_string_equal(side->error, "no");
}

static void answer_without_sense_is_none(void **state)
{
	struct side *side = *state;

	jsonrpc_call(side->peer, "ask", NULL, 5, on_reply, side);
	say(side, "{\"jsonrpc\":\"2.0\",\"id\":1}\n");
	say(side, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"error\":{\"message\":\"no\"}}\n");
	say(side, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}\n");
	assert_int_equal(side->replies, 0);
	assert_int_equal(side->closed, 0);
}

static void call_times_out(void **state)
{
	struct side *side = *state;

	jsonrpc_call(side->peer, "ask", NULL, 0.01, on_reply, side);
	while (!side->replies)
		ev_run(side->loop, EVRUN_ONCE);
	assert_int_equal(side->reply_code, -ETIMEDOUT);
	say(side, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":42}\n");
	assert_int_equal(side->replies, 1);
}

static void calls_end_with_the_connection(void **state)
{
	struct side *side = *state;

	jsonrpc_call(side->peer, "ask", NULL, 0, on_reply, side);
	jsonrpc_call(side->peer, "ask", NULL, 0, on_reply, side);
	turn(side);
	hear(side);
	close(side->other);
	side->other = -1;
	turn(side);
	assert_int_equal(side->replies, 2);
	assert_int_equal(side->reply_code, -EPIPE);
	assert_int_equal(side->closed, 1);
	assert_int_equal(side->closed_code, 0);
}

static void owner_frees_in_the_middle(void **state)
{
	struct side *side = *state;

	jsonrpc_call(side->peer, "ask", NULL, 0, on_reply, side);
	say(side, "{\"jsonrpc\":\"2.0\",\"method\":\"free\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"m\"}\n");
	assert_int_equal(side->notifications, 1);
	assert_int_equal(side->replies, 1);
	assert_null(side->peer);
}

static void side_that_does_not_read_is_bounded(void **state)
{
	struct side *side = *state;
	char *text = calloc(1, 60000);
	int ret = 0, sent = 0;

	memset(text, 'x', 59999);
	while (!ret && sent++ < 1000)
		ret = jsonrpc_call(side->peer, "ask", json_pack("[s]", text), 0, on_reply, side);
	free(text);
	assert_int_equal(ret, -EMSGSIZE);
}

static void answer_too_long_is_an_error(void **state)
{
	struct side *side = *state;
	char *text = calloc(1, JSONRPC_LINE_MAX);
	json_t *id = json_integer(3);

	memset(text, 'x', JSONRPC_LINE_MAX - 1);
	jsonrpc_result(side->peer, id, json_string(text));
	turn(side);
	assert_non_null(strstr(hear(side), "too long"));
	json_decref(id);
	free(text);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(request_is_answered), T(messages_in_pieces_and_together), T(garbage_closes),
		T(other_version_closes), T(invalid_requests_are_refused), T(line_too_long_closes),
		T(call_gets_its_answer), T(call_gets_its_error), T(answer_without_sense_is_none),
		T(call_times_out), T(calls_end_with_the_connection), T(owner_frees_in_the_middle),
		T(side_that_does_not_read_is_bounded), T(answer_too_long_is_an_error),
	};

	return cmocka_run_group_tests_name("jsonrpc", tests, NULL, NULL);
}
