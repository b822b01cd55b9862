// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/teller.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/center.h"

/* Full-jitter back-off: a random time up to a bound that doubles. */
#define BACKOFF_FIRST_S 0.2
#define BACKOFF_MAX_S 60.0

/**
 * struct teller
 * @name: of the setting that keeps the bound over a restart of the supervisor
 * @id: of what is on its way
 * @not_before_ns: the center has asked not to be told anything before
 * @busy: something is on its way; @again: kicked meanwhile
 */
struct teller {
	struct gateway *gateway;
	const struct teller_ops *ops;
	void *user;
	const char *name;
	char id[64];
	ev_timer retry;
	double bound_s;
	uint64_t not_before_ns;
	bool busy;
	bool again;
};

static void teller_pump(struct teller *teller);

static void bound_set(struct teller *teller, double bound_s)
{
	json_t *kept;

	if (bound_s == teller->bound_s)
		return;
	kept = json_real(bound_s);
	if (!store_setting_put(teller->gateway->store, "backoff", teller->name, kept))
		collection_flush_soon(teller->gateway);
	json_decref(kept);
	teller->bound_s = bound_s;
}

/* What a supervisor before has come to: one that dies often must not ask the more often for it. */
static void bound_find(struct teller *teller)
{
	json_t *kept = store_setting(teller->gateway->store, "backoff", teller->name);
	double bound_s = json_real_value(kept);

	teller->bound_s = bound_s > BACKOFF_FIRST_S && bound_s <= BACKOFF_MAX_S ? bound_s :
			  BACKOFF_FIRST_S;
	json_decref(kept);
}

static void teller_wait(struct teller *teller, double least_s)
{
	double wait_s = least_s + center_jitter(teller->bound_s);

	teller->retry.repeat = wait_s > 0.001 ? wait_s : 0.001;
	ev_timer_again(teller->gateway->loop, &teller->retry);
}

static void teller_failed(struct teller *teller, int retry_after_s)
{
	double least_s = retry_after_s > 0 ? retry_after_s : 0;
	double bound_s = teller->bound_s * 2;

	teller->not_before_ns = clock_now() + least_s * 1e9;
	teller_wait(teller, least_s);
	bound_set(teller, bound_s < BACKOFF_MAX_S ? bound_s : BACKOFF_MAX_S);
}

/* A token that is wrong now may be right tomorrow: nothing is lost for that. */
static bool worth_repeating(const struct link_answer *answer)
{
	return !answer->status || answer->status >= 500 || answer->status == 401 ||
	       answer->status == 403 || answer->status == 408 || answer->status == 429;
}

/*
 * Did the center say this? What stands between, such as a login page or a proxy, answers
 * with any status and text: what it was told is not told.
 */
static bool answer_own(const struct teller *teller, const struct link_answer *answer)
{
	json_auto_t *body = json_loadb(answer->body ? answer->body : "", answer->size, 0, NULL);
	const char *id = json_string_value(json_object_get(body, "id"));

	if (answer->status >= 400)
		return json_integer_value(json_object_get(body, "status")) == answer->status;
	return answer->status == 204 || (answer->status == 200 && id && !strcmp(id, teller->id));
}

static void told(void *user, const struct link_answer *answer)
{
	struct teller *teller = user;
	bool again = worth_repeating(answer);

	teller->busy = false;
	if (!again && !answer_own(teller, answer)) {
		again = true;
		center_doubt(teller->gateway, answer->status);
	}
	if (again) {
		teller_failed(teller, answer->retry_after_s);
		if (teller->again)
			teller_kick(teller);
		return;
	}
	center_trust(teller->gateway);
	bound_set(teller, BACKOFF_FIRST_S);
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
	memcpy(teller->id, tell.id, sizeof(teller->id));
	if (center_send(teller->gateway, tell.method, tell.path, tell.body, told, teller, &err)) {
		teller->busy = false;
		log_error("%s is not told: %s", tell.what, err.text);
		teller_failed(teller, 0);
	}
	json_decref(tell.body);
}

static void retry_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	teller_pump(timer->data);
}

struct teller *teller_new(struct gateway *gateway, const char *name,
			  const struct teller_ops *ops, void *user)
{
	struct teller *teller = alloc_zero(1, sizeof(*teller));

	teller->gateway = gateway;
	teller->ops = ops;
	teller->user = user;
	teller->name = name;
	ev_init(&teller->retry, retry_due);
	teller->retry.data = teller;
	bound_find(teller);
	teller_wait(teller, 0);
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
	if (teller->busy)
		teller->again = true;
	else if (clock_now() >= teller->not_before_ns)
		teller_pump(teller);
}
