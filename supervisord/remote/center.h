/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests to the center that the center server data (321) name. */
#ifndef SUPERVISORD_CENTER_H
#define SUPERVISORD_CENTER_H

#include <jansson.h>

#include "lib/error.h"
#include "supervisord/gateway.h"
#include "supervisord/remote/link.h"

/** center_send - send a JSON @body (borrowed) with @method to @path; else like link_request() */
int center_send(struct gateway *gateway, const char *method, const char *path,
		json_t *body, link_done_fn done, void *user, struct error *err);

/**
 * center_get - fetch @path
 * @max_bytes: a longer answer fails
 * @sink: as in struct link_request, -1: into memory
 */
int center_get(struct gateway *gateway, const char *path, uint64_t max_bytes, int sink,
	       link_done_fn done, link_progress_fn progress, void *user, struct error *err);

/**
 * center_check - is this the answer that was asked for?
 * @what: names it in the error
 *
 * Tells the notifier whether the center answered.
 *
 * Return: 0; -EHOSTUNREACH, -ENOENT or -EBADMSG with @err set.
 */
int center_check(struct gateway *gateway, const struct link_answer *answer,
		 const char *what, struct error *err);

#endif /* SUPERVISORD_CENTER_H */
