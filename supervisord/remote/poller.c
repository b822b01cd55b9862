// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/poller.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "supervisord/remote/center.h"

/* How long an answer may take in all. */
#define TIMEOUT_MS 30000
/* A center that does not wait is asked so often. */
#define POLL_S 5.0
#define BACKOFF_FIRST_S 0.5
#define BACKOFF_MAX_S 30.0

struct poller {
	struct gateway *gateway;
	const struct poller_ops *ops;
	void *user;
	uint64_t max_bytes;
	double bound_s;
	uint64_t asked_ns;
	ev_timer again;
};

static void poller_later(struct poller *poller, double seconds)
{
	ev_timer_stop(poller->gateway->loop, &poller->again);
	ev_timer_set(&poller->again, seconds, 0.);
	ev_timer_start(poller->gateway->loop, &poller->again);
}

static void answered(void *user, const struct link_answer *answer)
{
	struct poller *poller = user;
	double took_s = (clock_now() - poller->asked_ns) / 1e9;
	struct error err = { 0 };
	int ret = -EHOSTUNREACH;

	if (answer->status == 200 || answer->status == 304)
		ret = poller->ops->answered(poller->user, answer, &err);
	if (ret >= 0) {
		poller->bound_s = BACKOFF_FIRST_S;
		poller_later(poller, ret && took_s < 1 ? POLL_S : 0.);
		return;
	}
	if (err.code)
		log_error("center %s: %s", center_url(poller->gateway), err.text);
	poller_later(poller, 0.05 + center_jitter(poller->bound_s) +
		     (answer->retry_after_s > 0 ? answer->retry_after_s : 0));
	poller->bound_s = poller->bound_s * 2 < BACKOFF_MAX_S ? poller->bound_s * 2 : BACKOFF_MAX_S;
}

static void ask(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct poller *poller = timer->data;
	struct error err = { 0 };
	const char *etag = NULL;
	char path[256];

	poller->ops->ask(poller->user, path, &etag);
	poller->asked_ns = clock_now();
	if (center_poll(poller->gateway, path, etag, poller->max_bytes, TIMEOUT_MS, answered, poller,
			&err))
		poller_later(poller, BACKOFF_FIRST_S);
}

struct poller *poller_new(struct gateway *gateway, const struct poller_ops *ops,
			  uint64_t max_bytes, void *user)
{
	struct poller *poller = alloc_zero(1, sizeof(*poller));

	poller->gateway = gateway;
	poller->ops = ops;
	poller->user = user;
	poller->max_bytes = max_bytes;
	poller->bound_s = BACKOFF_FIRST_S;
	ev_init(&poller->again, ask);
	poller->again.data = poller;
	poller_later(poller, 0.);
	return poller;
}

void poller_free(struct poller *poller)
{
	if (!poller)
		return;
	ev_timer_stop(poller->gateway->loop, &poller->again);
	free(poller);
}
