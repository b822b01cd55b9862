// SPDX-License-Identifier: GPL-2.0-only
#include "faultline_app.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const severities[] = {
	[FAULTLINE_INFO] = "info",
	[FAULTLINE_WARNING] = "warning",
	[FAULTLINE_FAULT] = "fault",
};

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= n;
		}
	}
	return 0;
}

/* Consumes the message. */
static int message_send(struct faultline_app *app, json_t *message)
{
	/* 15 digits hold what was measured; all 17 would turn 27.6 into 27.600000000000001. */
	char *text = message ? json_dumps(message, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	size_t len = text ? strlen(text) : 0;
	int code;

	json_decref(message);
	if (!text)
		return -ENOMEM;
	text[len] = '\n';
	code = len < FAULTLINE_LINE_MAX ? write_all(app->out, text, len + 1) : -EMSGSIZE;
	free(text);
	return code;
}

static int error_send(struct faultline_app *app, json_t *id, int code, const char *message)
{
	return message_send(app, json_pack("{s:s, s:{s:i, s:s}, s:O}", "jsonrpc", "2.0",
					   "error", "code", code, "message", message,
					   "id", id));
}

json_t *faultline_app_fail(struct faultline_app *app, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(app->message, sizeof(app->message), format, ap);
	va_end(ap);
	app->code = code;
	return NULL;
}

int faultline_app_event(struct faultline_app *app, const char *name,
			enum faultline_severity severity, json_t *data)
{
	json_t *params = json_pack("{s:s, s:s}", "name", name, "severity",
				   severities[severity]);

	if (params && data)
		json_object_update_missing(params, data);
	json_decref(data);
	return message_send(app, json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method",
					   "event", "params", params));
}

static int request_answer(struct faultline_app *app, const char *method, json_t *params,
			  json_t *id)
{
	const struct faultline_processing *processing = app->processings;
	json_t *result, *message;

	while (processing->name && strcmp(processing->name, method))
		processing++;
	if (!processing->name)
		return error_send(app, id, -32601, "no such processing");
	app->code = FAULTLINE_FAILED;
	strcpy(app->message, "failed without saying why");
	result = processing->run(app, params);
	if (!result)
		return error_send(app, id, app->code, app->message);
	message = json_pack("{s:s, s:o, s:O}", "jsonrpc", "2.0", "result", result, "id", id);
	return message_send(app, message);
}

int faultline_app_standby(void)
{
	return getenv("FAULTLINE_STANDBY") != NULL;
}

/* Notifications that are not known are passed over. */
static int notification_take(struct faultline_app *app, const char *method)
{
	if (!strcmp(method, "activate") && app->activate)
		app->activate(app);
	return 0;
}

static int line_handle(struct faultline_app *app, const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, 0, NULL), *params = NULL, *id = NULL;
	json_t *none = json_object();
	const char *method = NULL;
	int code;

	if (json_unpack(request, "{s:s, s?o, s?o}", "method", &method, "params", &params,
			"id", &id))
		code = -EPROTO;
	else if (!id)
		code = notification_take(app, method);
	else if (params && !json_is_object(params))
		code = error_send(app, id, FAULTLINE_INVALID_PARAMS, "params must be an object");
	else
		code = request_answer(app, method, params ? params : none, id);
	json_decref(none);
	json_decref(request);
	return code;
}

/* Reads what there is, and handles each line that is whole. 1: end of input. */
static int input_handle(struct faultline_app *app)
{
	ssize_t n = read(app->in, app->line + app->filled, sizeof(app->line) - app->filled);
	char *line = app->line, *end;
	int code = 0;

	if (n <= 0)
		return !n ? 1 : errno == EINTR ? 0 : -errno;
	app->filled += n;
	while (!code && (end = memchr(line, '\n', app->line + app->filled - line))) {
		code = line_handle(app, line, end - line);
		line = end + 1;
	}
	app->filled -= line - app->line;
	memmove(app->line, line, app->filled);
	return !code && app->filled == sizeof(app->line) ? -EMSGSIZE : code;
}

static int channel_open(struct faultline_app *app)
{
	app->in = STDIN_FILENO;
	app->out = dup(STDOUT_FILENO);
	if (app->out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -errno;
	return 0;
}

int faultline_app_run(struct faultline_app *app)
{
	int code = channel_open(app);

	while (!code) {
		struct pollfd input = { .fd = app->in, .events = POLLIN };
		int n = poll(&input, 1, app->idle ? app->idle_ms : -1);

		if (n > 0)
			code = input_handle(app);
		else if (!n)
			app->idle(app);
		else if (errno != EINTR)
			code = -errno;
	}
	if (code < 0)
		fprintf(stderr, "channel: %s\n", strerror(-code));
	close(app->out);
	return code < 0 ? 1 : 0;
}
