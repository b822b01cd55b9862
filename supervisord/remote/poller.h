/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A request that waits at the center until there is something new, again and again, so
 * that it is here within a second and costs nothing while there is nothing.
 */
#ifndef SUPERVISORD_POLLER_H
#define SUPERVISORD_POLLER_H

#include "lib/error.h"
#include "supervisord/gateway.h"
#include "supervisord/remote/link.h"

struct poller;

/* What the center is asked to wait, in seconds. */
#define POLLER_WAIT_S 20

/**
 * struct poller_ops - what its owner does
 * @ask: the path; and an entity tag that is known, @etag, NULL as it is found otherwise
 * @answered: takes what came; 0, 1 when there was nothing new, or a negative errno with
 *	@err set, which is logged where it says something: then the center is left alone a while
 */
struct poller_ops {
	void (*ask)(void *user, char path[256], const char **etag);
	int (*answered)(void *user, const struct link_answer *answer, struct error *err);
};

/** poller_new - ask from the next round of the loop on */
struct poller *poller_new(struct gateway *gateway, const struct poller_ops *ops,
			  uint64_t max_bytes, void *user);
/** poller_free - the link is gone by then; NULL-safe */
void poller_free(struct poller *poller);

#endif /* SUPERVISORD_POLLER_H */
