// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/refusal.h"

#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/notifier.h"
#include "supervisord/reliability/policy.h"
#include "supervisord/reliability/store.h"

/* Who asks again and again does not fill the fault data: one a while, of each kind and reason. */
#define AGAIN_S 60
#define REMEMBERED 16

static bool is_repeated(const struct refusal *refusal)
{
	static struct {
		uint64_t time_ns;
		char text[256];
	} last[REMEMBERED];
	static unsigned int next;
	char text[256];

	snprintf(text, sizeof(text), "%s %s", refusal->kind, refusal->reason);
	for (int i = 0; i < REMEMBERED; i++)
		if (last[i].time_ns && !strcmp(last[i].text, text) &&
		    clock_now() - last[i].time_ns < AGAIN_S * 1000000000ULL)
			return true;
	last[next].time_ns = clock_now();
	strcpy(last[next++ % REMEMBERED].text, text);
	next %= REMEMBERED;
	return false;
}

static void refusal_settle(struct gateway *gateway, const char *id)
{
	json_auto_t *none = json_pack("{s:s, s:i, s:i, s:i, s:s}", "action", "none", "attempts", 0,
				      "window_s", 0, "backoff_ms", 0, "then", "none");
	json_auto_t *judge = json_pack("{s:s, s:I}", "why", "refused", "policy_version",
				       (json_int_t)policy_version(gateway));
	json_auto_t *outcome = json_pack("{s:s, s:s, s:f, s:s}", "action", "none", "result", "none",
					 "duration_ms", 0., "detail",
					 "it was refused before it could run");

	store_fault_decided(gateway->store, id, none, judge);
	store_fault_outcome(gateway->store, id, "restored", outcome);
}

void refusal_note(struct gateway *gateway, const struct refusal *refusal)
{
	struct store_fault row = {
		.time_ms = clock_to_unix_ms(clock_now()),
		.kind = refusal->kind,
		.application = refusal->application ? refusal->application : "",
		.version = refusal->version ? refusal->version : "",
	};

	log_error("%s: %s", refusal->kind, refusal->reason);
	if (is_repeated(refusal))
		return;
	row.data = json_pack("{s:s, s:s*, s:s*, s:s*}", "reason", refusal->reason, "service",
			     refusal->service, "processing", refusal->processing, "asked_by",
			     refusal->asked_by);
	if (!store_fault_add(gateway->store, &row)) {
		refusal_settle(gateway, row.id);
		collection_add(gateway, &(struct event){
			.part = "fault", .name = "request.refused",
			.application = refusal->application,
			.data = json_pack("{s:s, s:s}", "fault", row.id, "kind", refusal->kind) },
			"%s", refusal->reason);
		notifier_kick(gateway);
	}
	json_decref(row.data);
}
