/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An application's side of its channel (docs/protocol.md): a table of
 * processings, and events of its own. One pair of files to copy into an
 * application; it needs jansson alone.
 *
 * The channel is the standard output, so faultline_app_run() moves it away: what
 * the application prints goes to the standard error, its log.
 */
#ifndef FAULTLINE_APP_H
#define FAULTLINE_APP_H

#include <jansson.h>

#define FAULTLINE_LINE_MAX 65536

/* Codes of docs/protocol.md that an application uses. */
enum faultline_code {
	FAULTLINE_INVALID_PARAMS = -32602,
	FAULTLINE_REFUSED = 1,
	FAULTLINE_ABSENT = 2,
	FAULTLINE_UNREACHABLE = 3,
	FAULTLINE_FAILED = 4,
	FAULTLINE_BUSY = 5,
};

enum faultline_severity {
	FAULTLINE_INFO,
	FAULTLINE_WARNING,
	FAULTLINE_FAULT,
};

struct faultline_app;

/**
 * typedef faultline_processing_fn - carry out one processing
 * @params: the arguments by name, borrowed; an object
 *
 * Return: the result, which is consumed; or NULL after faultline_app_fail().
 */
typedef json_t *(*faultline_processing_fn)(struct faultline_app *app, json_t *params);

struct faultline_processing {
	const char *name;
	faultline_processing_fn run;
};

/**
 * struct faultline_app - an application
 * @processings: what it can do, ended by an entry without name
 * @idle: called when @idle_ms have gone by without a request; may be NULL
 * @activate: called in a process that stood by, once the work is its own; may be
 *	NULL. faultline_app_standby() tells whether this is one.
 * @user: the application's own
 *
 * The rest is the SDK's; zero at first.
 */
struct faultline_app {
	const struct faultline_processing *processings;
	void (*idle)(struct faultline_app *app);
	void (*activate)(struct faultline_app *app);
	int idle_ms;
	void *user;

	int in, out;
	int code;
	char message[512];
	size_t filled;
	char line[FAULTLINE_LINE_MAX + 1];
};

/**
 * faultline_app_run - answer requests until the gateway ends the input
 *
 * Return: the exit status: 0 at the end of input, 1 when the channel broke.
 */
int faultline_app_run(struct faultline_app *app);

/** faultline_app_standby - 1 in a process that stands by: it initialises itself and leaves equipment alone */
int faultline_app_standby(void);

/**
 * faultline_app_fail - say why a processing failed
 * @code: enum faultline_code
 * @format: one line: what, where, what to do next
 *
 * Return: NULL, so that a processing can fail in one statement.
 */
json_t *faultline_app_fail(struct faultline_app *app, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * faultline_app_event - report an event
 * @name: names of lower-case letters, digits and dashes, joined by dots
 * @severity: FAULTLINE_FAULT is a fault of the kind "application.NAME"
 * @data: an object with further members; consumed; may be NULL
 *
 * Return: 0, or a negative errno.
 */
int faultline_app_event(struct faultline_app *app, const char *name,
			enum faultline_severity severity, json_t *data);

#endif /* FAULTLINE_APP_H */
