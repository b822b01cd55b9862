// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/notifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/fault.h"
#include "supervisord/reliability/policy.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/teller.h"
#include "supervisord/settings.h"

struct notifier {
	struct gateway *gateway;
	struct teller *teller;
	char id[64];		/* of the fault that is being told */
	bool known;		/* the center has it already */
	bool outcome;		/* its outcome is told */
};

/* The center's answer to a fault: {id, countermeasure: {action, …}}. */
static void answer_take(struct notifier *notifier, const struct link_answer *answer)
{
	struct fault *fault = fault_find(notifier->gateway, notifier->id);
	json_t *body = json_loadb(answer->body, answer->size, 0, NULL);
	json_auto_t *countermeasure = NULL;

	store_fault_reported(notifier->gateway->store, notifier->id);
	if (notifier->outcome)
		store_fault_outcome_sent(notifier->gateway->store, notifier->id);
	else if (fault && !fault->decided)
		countermeasure = policy_confirm(notifier->gateway, fault,
						json_object_get(body, "countermeasure"));
	if (countermeasure)
		fault_decide(fault, countermeasure, FAULT_BY_CENTER);
	json_decref(body);
}

/* What the center refuses for good is not told again; that it does not have it is an event. */
static void refused(struct notifier *notifier, const struct link_answer *answer)
{
	json_auto_t *problem = json_loadb(answer->body, answer->size, 0, NULL);
	const char *why = json_string_value(json_object_get(problem, "detail"));

	if (!why)
		why = "it does not say why";
	log_error("center: it refuses fault %s with status %d: %s", notifier->id, answer->status, why);
	collection_add(notifier->gateway, &(struct event){
		.part = "center", .name = "fault.refused",
		.data = json_pack("{s:s, s:i}", "fault", notifier->id, "status", answer->status) },
		"the center refuses %s %s for good, with status %d: %s", notifier->known ? "the outcome of fault" : "fault",
		notifier->id, answer->status, why);
	store_fault_reported(notifier->gateway->store, notifier->id);
	if (notifier->outcome)
		store_fault_outcome_sent(notifier->gateway->store, notifier->id);
}

static void told(void *user, const struct link_answer *answer)
{
	struct notifier *notifier = user;

	if (answer->status >= 400)
		refused(notifier, answer);
	else if (notifier->known)
		store_fault_outcome_sent(notifier->gateway->store, notifier->id);
	else
		answer_take(notifier, answer);
	collection_flush_soon(notifier->gateway);
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

/* The oldest thing that the center does not know. */
static bool next(void *user, struct tell *tell)
{
	struct notifier *notifier = user;
	struct gateway *gateway = notifier->gateway;
	json_auto_t *row = store_fault_unreported(gateway->store);

	if (!row)
		return false;
	snprintf(notifier->id, sizeof(notifier->id), "%s",
		 json_string_value(json_object_get(row, "id")));
	/* By a clock of the gateway's own, for its attempts. */
	json_object_del(json_object_get(row, "outcome"), "uptime_ms");
	/* What the gateway decided goes out whole, also when the center has the fault by now. */
	notifier->known = json_is_true(json_object_get(row, "reported")) &&
			  !json_object_get(row, "decided");
	notifier->outcome = json_object_get(row, "outcome") &&
			    (notifier->known || json_object_get(row, "decided"));
	tell->method = notifier->known ? "PUT" : "POST";
	snprintf(tell->path, sizeof(tell->path), "/v1/gateways/%s/faults%s%s%s",
		 gateway->settings->name, notifier->known ? "/" : "",
		 notifier->known ? notifier->id : "", notifier->known ? "/outcome" : "");
	snprintf(tell->id, sizeof(tell->id), "%s", notifier->id);
	snprintf(tell->what, sizeof(tell->what), "fault %s", notifier->id);
	tell->body = notifier->known ? json_incref(json_object_get(row, "outcome")) :
				       fault_body(gateway, row);
	return true;
}

void notifier_open(struct gateway *gateway)
{
	static const struct teller_ops ops = { .next = next, .told = told };
	struct notifier *notifier = alloc_zero(1, sizeof(*notifier));

	notifier->gateway = gateway;
	notifier->teller = teller_new(gateway, "faults", &ops, notifier);
	gateway->notifier = notifier;
}

void notifier_close(struct gateway *gateway)
{
	if (!gateway->notifier)
		return;
	teller_free(gateway->notifier->teller);
	free(steal_pointer(&gateway->notifier));
}

void notifier_kick(struct gateway *gateway)
{
	if (gateway->notifier)
		teller_kick(gateway->notifier->teller);
}
