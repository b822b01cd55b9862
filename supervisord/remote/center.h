/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests to the centers that the center server data (321) name. One of them is
 * asked for everything, until it does not answer: then the next one is, after a
 * short random wait, so that many gateways do not come at once.
 */
#ifndef SUPERVISORD_CENTER_H
#define SUPERVISORD_CENTER_H

#include <jansson.h>

#include "lib/error.h"
#include "supervisord/gateway.h"
#include "supervisord/remote/link.h"

void center_open(struct gateway *gateway);
/** center_close - what is still asked ends without a word; the link is gone by then */
void center_close(struct gateway *gateway);

/** center_url - the center that is asked now */
const char *center_url(const struct gateway *gateway);
/** center_describe - {url, reachable, error, centers: [{url, current}, …]}; new reference */
json_t *center_describe(const struct gateway *gateway);

/** center_jitter - a random number from 0 to @bound, for waits */
double center_jitter(double bound);

/** center_send - send a JSON @body (borrowed) with @method to @path; else like link_request() */
int center_send(struct gateway *gateway, const char *method, const char *path,
		json_t *body, link_done_fn done, void *user, struct error *err);

/**
 * center_get - fetch @path
 * @max_bytes: a longer answer fails
 * @sink: as in struct link_request, -1: into memory. What a sink was given for is
 *	asked of one center alone.
 */
int center_get(struct gateway *gateway, const char *path, uint64_t max_bytes, int sink,
	       link_done_fn done, link_progress_fn progress, void *user, struct error *err);

/** center_resume - likewise, from byte @offset on; @progress counts from there */
int center_resume(struct gateway *gateway, const char *path, uint64_t offset, uint64_t max_bytes,
		  int sink, link_done_fn done, link_progress_fn progress, void *user, struct error *err);

/**
 * center_doubt - an answer of the present center was none of a center's
 *
 * The next one is asked from now on, where there is one.
 */
void center_doubt(struct gateway *gateway, int status);
/** center_trust - it answers as a center does, again */
void center_trust(struct gateway *gateway);

/** center_forget - what was asked for @user is not told to it any more */
void center_forget(struct gateway *gateway, const void *user);

/**
 * center_poll - fetch @path if it is not as it was, of the present center alone
 * @etag: as it was, or NULL
 * @timeout_ms: for all of it
 */
int center_poll(struct gateway *gateway, const char *path, const char *etag,
		uint64_t max_bytes, unsigned int timeout_ms, link_done_fn done, void *user,
		struct error *err);

/**
 * center_check - is this the answer that was asked for?
 * @what: names it in the error
 *
 * Return: 0; -EHOSTUNREACH, -ENOENT or -EBADMSG with @err set.
 */
int center_check(struct gateway *gateway, const struct link_answer *answer,
		 const char *what, struct error *err);

#endif /* SUPERVISORD_CENTER_H */
