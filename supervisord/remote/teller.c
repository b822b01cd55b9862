// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/teller.h"

#include <stdlib.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "supervisord/remote/center.h"

/* Full-jitter back-off: a random time up to a bound that doubles. */
#define BACKOFF_FIRST_S 0.2
#define BACKOFF_MAX_S 60.0

/**
 * struct teller
 * @busy: something is on its way; @again: kicked meanwhile
 */
struct teller {
	struct gateway *gateway;
	const struct teller_ops *ops;
	void *user;
	ev_timer retry;
	double bound_s;
	bool busy;
	bool again;
};

static void teller_pump(struct teller *teller);

static void teller_wait(struct teller *teller, int retry_after_s)
{
	double wait = center_jitter(teller->bound_s);

	if (retry_after_s > 0)
		wait += retry_after_s;
	teller->bound_s *= 2;
	if (teller->bound_s > BACKOFF_MAX_S)
		teller->bound_s = BACKOFF_MAX_S;
	teller->retry.repeat = wait > 0.001 ? wait : 0.001;
	ev_timer_again(teller->gateway->loop, &teller->retry);
}

/* A token that is wrong now may be right tomorrow: nothing is lost for that. */
static bool worth_repeating(const struct link_answer *answer)
{
	return !answer->status || answer->status >= 500 || answer->status == 401 ||
	       answer->status == 403 || answer->status == 408 || answer->status == 429;
}

static void told(void *user, const struct link_answer *answer)
{
	struct teller *teller = user;

	teller->busy = false;
	if (worth_repeating(answer)) {
		teller_wait(teller, answer->retry_after_s);
		if (teller->again)
			teller_pump(teller);
		return;
	}
	teller->bound_s = BACKOFF_FIRST_S;
	teller->ops->told(teller->user, answer);
	/* What follows from the answer may be on its way by now. */
	if (!teller->busy)
		teller_pump(teller);
}

static void teller_pump(struct teller *teller)
{
	struct tell tell = { .method = "PUT" };
	struct error err = { 0 };

	teller->again = false;
	ev_timer_stop(teller->gateway->loop, &teller->retry);
	if (!teller->ops->next(teller->user, &tell))
		return;
	teller->busy = true;
	if (center_send(teller->gateway, tell.method, tell.path, tell.body, told, teller, &err)) {
		teller->busy = false;
		log_error("%s is not told: %s", tell.what, err.text);
		teller_wait(teller, 0);
	}
	json_decref(tell.body);
}

static void retry_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	teller_pump(timer->data);
}

struct teller *teller_new(struct gateway *gateway, const struct teller_ops *ops, void *user)
{
	struct teller *teller = alloc_zero(1, sizeof(*teller));

	teller->gateway = gateway;
	teller->ops = ops;
	teller->user = user;
	teller->bound_s = BACKOFF_FIRST_S;
	ev_init(&teller->retry, retry_due);
	teller->retry.data = teller;
	return teller;
}

void teller_free(struct teller *teller)
{
	if (!teller)
		return;
	ev_timer_stop(teller->gateway->loop, &teller->retry);
	free(teller);
}

void teller_kick(struct teller *teller)
{
	if (teller->busy) {
		teller->again = true;
		return;
	}
	teller->bound_s = BACKOFF_FIRST_S;
	teller_pump(teller);
}
