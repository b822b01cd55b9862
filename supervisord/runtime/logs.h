/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The logs of all applications on disk: what each writes to its standard error,
 * line by line, with time and process. A log outlives the application's
 * processes, the application and the supervisor, and is bounded: two files of
 * LOGS_FILE_MAX bytes each, of at most LOGS_MAX applications.
 */
#ifndef SUPERVISORD_LOGS_H
#define SUPERVISORD_LOGS_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/error.h"

#define LOGS_MAX 64
#define LOGS_FILE_MAX (256 * 1024)
#define LOGS_LINE_MAX 512

struct logs;
struct logs_follower;

/** typedef logs_line_fn - a line: {application, time, pid, text}, borrowed */
typedef void (*logs_line_fn)(void *user, json_t *line);

/** logs_open - the logs below @folder, which is made; NULL with @err set */
struct logs *logs_open(const char *folder, struct error *err);
void logs_close(struct logs *logs);

/** logs_add - a line without its end; what is no text is replaced, what is too long is cut */
void logs_add(struct logs *logs, const char *application, pid_t pid, const char *text,
	      size_t size);

/**
 * logs_read - the last lines of an application, oldest first
 * @limit: how many; fewer when together they are larger than a connection takes at once
 *
 * Return: the number of lines; -ENOENT when it has no log.
 */
int logs_read(struct logs *logs, const char *application, int limit, logs_line_fn line,
	      void *user);

/** logs_follow - have each new line of an application told, until logs_unfollow() */
struct logs_follower *logs_follow(struct logs *logs, const char *application,
				  logs_line_fn line, void *user);
void logs_unfollow(struct logs *logs, struct logs_follower *follower);

#endif /* SUPERVISORD_LOGS_H */
