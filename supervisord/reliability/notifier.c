// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/notifier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/fault.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/center.h"
#include "supervisord/settings.h"

/* Full-jitter back-off: a random time up to a bound that doubles. */
#define BACKOFF_FIRST_S 0.2
#define BACKOFF_MAX_S 60.0

struct notifier {
	struct gateway *gateway;
	ev_timer retry;
	double bound_s;
	bool busy;
	bool again;		/* kicked while busy */
	char id[64];		/* of the fault that is being told */
	bool known;		/* the center has it already */
	bool outcome;		/* its outcome is told */
};

static void notifier_pump(struct notifier *notifier);

static void notifier_wait(struct notifier *notifier, int retry_after_s)
{
	double wait = center_jitter(notifier->bound_s);

	if (retry_after_s > 0)
		wait += retry_after_s;
	notifier->bound_s *= 2;
	if (notifier->bound_s > BACKOFF_MAX_S)
		notifier->bound_s = BACKOFF_MAX_S;
	notifier->retry.repeat = wait > 0.001 ? wait : 0.001;
	ev_timer_again(notifier->gateway->loop, &notifier->retry);
}

/* The center's answer to a fault: {id, countermeasure: {action, …}}. */
static void answer_take(struct notifier *notifier, const struct link_answer *answer)
{
	struct fault *fault = fault_find(notifier->gateway, notifier->id);
	json_t *body = json_loadb(answer->body, answer->size, 0, NULL);
	json_t *countermeasure = json_object_get(body, "countermeasure");

	store_fault_reported(notifier->gateway->store, notifier->id);
	if (notifier->outcome)
		store_fault_outcome_sent(notifier->gateway->store, notifier->id);
	else if (fault && !fault->decided)
		fault_decide(fault, countermeasure, FAULT_BY_CENTER);
	json_decref(body);
}

/* What the center refuses for good is not told again. */
static void refused(struct notifier *notifier, const struct link_answer *answer)
{
	log_error("center: it refuses fault %s with status %d: %.*s", notifier->id,
		  answer->status, (int)(answer->size < 200 ? answer->size : 200),
		  answer->body ? answer->body : "");
	store_fault_reported(notifier->gateway->store, notifier->id);
	if (notifier->outcome)
		store_fault_outcome_sent(notifier->gateway->store, notifier->id);
}

/* A token that is wrong now may be right tomorrow: a fault is not lost for that. */
static bool worth_repeating(const struct link_answer *answer)
{
	return !answer->status || answer->status >= 500 || answer->status == 401 ||
	       answer->status == 403 || answer->status == 408 || answer->status == 429;
}

static void told(void *user, const struct link_answer *answer)
{
	struct notifier *notifier = user;

	notifier->busy = false;
	if (worth_repeating(answer)) {
		notifier_wait(notifier, answer->retry_after_s);
		if (notifier->again)
			notifier_pump(notifier);
		return;
	}
	notifier->bound_s = BACKOFF_FIRST_S;
	if (answer->status >= 300)
		refused(notifier, answer);
	else if (notifier->known)
		store_fault_outcome_sent(notifier->gateway->store, notifier->id);
	else
		answer_take(notifier, answer);
	collection_flush_soon(notifier->gateway);
	/* What was decided may have its outcome by now, and be on its way. */
	if (!notifier->busy)
		notifier_pump(notifier);
}

/* A fault; what the gateway has decided comes with it, and what became of that (figure 16). */
static json_t *fault_body(const struct gateway *gateway, json_t *row)
{
	json_t *decided = json_object_get(row, "decided");
	json_t *body = json_pack("{s:O, s:O, s:O, s:O, s:O, s:s, s:O?}",
				 "id", json_object_get(row, "id"),
				 "kind", json_object_get(row, "kind"),
				 "application", json_object_get(row, "application"),
				 "version", json_object_get(row, "version"),
				 "time", json_object_get(row, "time"),
				 "group", gateway->settings->group,
				 "data", json_object_get(row, "data"));

	if (!decided)
		return body;
	json_object_set(decided, "countermeasure", json_object_get(row, "countermeasure"));
	json_object_set(body, "decided", decided);
	if (json_object_get(row, "outcome"))
		json_object_set(body, "outcome", json_object_get(row, "outcome"));
	return body;
}

/* Tells the oldest thing that the center does not know. */
static void notifier_pump(struct notifier *notifier)
{
	struct gateway *gateway = notifier->gateway;
	json_t *row, *body;
	char path[256];
	struct error err = { 0 };

	notifier->again = false;
	ev_timer_stop(gateway->loop, &notifier->retry);
	row = store_fault_unreported(gateway->store);
	if (!row)
		return;
	snprintf(notifier->id, sizeof(notifier->id), "%s",
		 json_string_value(json_object_get(row, "id")));
	/* What the gateway decided goes out whole, also when the center has the fault by now. */
	notifier->known = json_is_true(json_object_get(row, "reported")) &&
			  !json_object_get(row, "decided");
	notifier->outcome = json_object_get(row, "outcome") &&
			    (notifier->known || json_object_get(row, "decided"));
	snprintf(path, sizeof(path), "/v1/gateways/%s/faults%s%s%s", gateway->settings->name,
		 notifier->known ? "/" : "", notifier->known ? notifier->id : "",
		 notifier->known ? "/outcome" : "");
	body = notifier->known ? json_incref(json_object_get(row, "outcome")) :
				 fault_body(gateway, row);
	json_decref(row);
	notifier->busy = true;
	if (center_send(gateway, notifier->known ? "PUT" : "POST", path, body, told,
			notifier, &err)) {
		notifier->busy = false;
		log_error("fault %s is not told: %s", notifier->id, err.text);
		notifier_wait(notifier, 0);
	}
	json_decref(body);
}

static void retry_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	notifier_pump(timer->data);
}

void notifier_open(struct gateway *gateway)
{
	struct notifier *notifier = alloc_zero(1, sizeof(*notifier));

	notifier->gateway = gateway;
	notifier->bound_s = BACKOFF_FIRST_S;
	ev_init(&notifier->retry, retry_due);
	notifier->retry.data = notifier;
	gateway->notifier = notifier;
	notifier_kick(gateway);
}

void notifier_close(struct gateway *gateway)
{
	if (!gateway->notifier)
		return;
	ev_timer_stop(gateway->loop, &gateway->notifier->retry);
	free(steal_pointer(&gateway->notifier));
}

void notifier_kick(struct gateway *gateway)
{
	struct notifier *notifier = gateway->notifier;

	if (!notifier)
		return;
	if (notifier->busy) {
		notifier->again = true;
		return;
	}
	notifier->bound_s = BACKOFF_FIRST_S;
	notifier_pump(notifier);
}
