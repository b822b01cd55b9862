// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives supervisord/remote/link.c for the tests: reads commands on standard
 * input, one JSON object a line, and writes what happens on standard output.
 *
 *	{"do": "request", "tag": T, "method": …, "url": …, "headers": {…}, "body": …,
 *	 "timeout_ms": …, "max_bytes": …, "offset": …, "sink": "PATH"}
 *		→ {"tag": T, "id": N} or {"tag": T, "refused": errno, "error": …},
 *		then {"tag": T, "progress": bytes}, {"tag": T, "status": …, …}
 *	{"do": "cancel", "id": N}
 *	{"do": "pid"}	→ {"pid": of faultline-link}
 *	{"do": "bench", "url": …, "count": N}	→ {"us": [microseconds of each]}
 *
 * The sink is opened for writing: a named pipe or a file.
 */
#include <ev.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "supervisord/remote/link.h"

#define HEADERS_MAX 32

static struct link *driven;
static json_t *tags;
static struct {
	const char *url;
	long left;
	double began;
	json_t *us;
	json_t *command;
} bench;

static void say(json_t *message)
{
	json_dumpf(message, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(message);
}

static void on_done(void *user, const struct link_answer *answer)
{
	json_t *message = json_pack("{s:s, s:i, s:b, s:I, s:i, s:b}", "tag", user,
				    "status", answer->status, "transient", answer->transient,
				    "received", (json_int_t)answer->received,
				    "retry_after_s", answer->retry_after_s,
				    "sink_lost", answer->sink_lost);

	if (answer->body)
		json_object_set_new(message, "body", json_stringn(answer->body, answer->size));
	if (answer->etag)
		json_object_set_new(message, "etag", json_string(answer->etag));
	if (answer->error)
		json_object_set_new(message, "error", json_string(answer->error));
	say(message);
}

static void on_progress(void *user, uint64_t received)
{
	say(json_pack("{s:s, s:I}", "tag", user, "progress", (json_int_t)received));
}

static void headers_fill(struct link_header headers[HEADERS_MAX + 1], json_t *wanted)
{
	size_t n = 0;
	const char *name;
	json_t *value;

	json_object_foreach(wanted, name, value)
		if (n < HEADERS_MAX)
			headers[n++] = (struct link_header){ name, json_string_value(value) };
	headers[n] = (struct link_header){ };
}

static void do_request(json_t *command)
{
	struct link_header headers[HEADERS_MAX + 1];
	const char *body = json_string_value(json_object_get(command, "body"));
	const char *sink = json_string_value(json_object_get(command, "sink"));
	struct link_request request = {
		.method = json_string_value(json_object_get(command, "method")) ?: "GET",
		.url = json_string_value(json_object_get(command, "url")),
		.headers = headers,
		.timeout_ms = json_integer_value(json_object_get(command, "timeout_ms")),
		.max_bytes = json_integer_value(json_object_get(command, "max_bytes")),
		.offset = json_integer_value(json_object_get(command, "offset")),
		.body = body,
		.body_size = body ? strlen(body) : 0,
		.sink = sink ? open(sink, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1,
	};
	json_t *tag = json_object_get(command, "tag");
	struct error err = { };
	int id;

	/* A tag lives as long as this program, since a request may end without a word. */
	json_array_append(tags, tag);
	headers_fill(headers, json_object_get(command, "headers"));
	id = link_request(driven, &request, on_done, on_progress,
			  (char *)json_string_value(tag), &err);
	if (id > 0)
		say(json_pack("{s:O, s:i}", "tag", tag, "id", id));
	else
		say(json_pack("{s:O, s:i, s:s}", "tag", tag, "refused", -id, "error", err.text));
}

static void bench_next(void);

static void on_bench(void *user, const struct link_answer *answer)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	json_array_append_new(bench.us, json_real((ts.tv_sec + ts.tv_nsec / 1e9 - bench.began) * 1e6));
	if (answer->status == 200 && --bench.left) {
		bench_next();
		return;
	}
	say(json_pack("{s:o, s:i}", "us", bench.us, "status", answer->status));
	json_decref(bench.command);
}

static void bench_next(void)
{
	struct link_request request = { .method = "GET", .url = bench.url, .sink = -1 };
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	bench.began = ts.tv_sec + ts.tv_nsec / 1e9;
	link_request(driven, &request, on_bench, NULL, NULL, NULL);
}

static void do_bench(json_t *command)
{
	bench.command = json_incref(command);
	bench.url = json_string_value(json_object_get(command, "url"));
	bench.left = json_integer_value(json_object_get(command, "count"));
	bench.us = json_array();
	bench_next();
}

/* The only child that this program has. */
static void do_pid(void)
{
	char path[64];
	FILE *file __cleanup_fclose = NULL;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "r");
	if (file && fscanf(file, "%d", &pid) != 1)
		pid = 0;
	say(json_pack("{s:i}", "pid", pid));
}

static void obey(struct ev_loop *loop, const char *line)
{
	json_auto_t *command = json_loads(line, 0, NULL);
	const char *verb = json_string_value(json_object_get(command, "do"));

	if (!verb)
		ev_break(loop, EVBREAK_ALL);
	else if (!strcmp(verb, "request"))
		do_request(command);
	else if (!strcmp(verb, "cancel"))
		link_cancel(driven, json_integer_value(json_object_get(command, "id")));
	else if (!strcmp(verb, "bench"))
		do_bench(command);
	else if (!strcmp(verb, "pid"))
		do_pid();
}

static void on_input(struct ev_loop *loop, ev_io *w, int revents)
{
	static char data[1 << 22];
	static size_t size;
	ssize_t n = read(0, data + size, sizeof(data) - size - 1);
	char *end;

	if (n <= 0) {
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	size += n;
	data[size] = '\0';
	while ((end = strchr(data, '\n'))) {
		*end = '\0';
		obey(loop, data);
		size -= end + 1 - data;
		memmove(data, end + 1, size + 1);
	}
}

int main(int argc, char **argv)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct link_options options = {
		.program = argc > 1 && *argv[1] ? argv[1] : NULL,
		.ca = argc > 2 && *argv[2] ? argv[2] : NULL,
		.user = argc > 3 && *argv[3] ? argv[3] : NULL,
		.stall_s = argc > 4 ? atoi(argv[4]) : 0,
		.verbose = getenv("LINK_VERBOSE"),
	};
	struct error err = { };
	ev_io input;

	log_open("link-driver", LOG_DEBUG);
	tags = json_array();
	driven = link_start(loop, &options, &err);
	if (!driven) {
		log_error("%s", err.text);
		return 1;
	}
	ev_io_init(&input, on_input, 0, EV_READ);
	ev_io_start(loop, &input);
	ev_run(loop, 0);
	link_stop(driven);
	json_decref(tags);
	ev_loop_destroy(loop);
	return 0;
}
