// SPDX-License-Identifier: GPL-2.0-only
#include "center/fault/notifier.h"

#include <inttypes.h>
#include <stdio.h>

/* All names in here are of the action table or were checked: nothing needs escaping; parameters are JSON. */

char *notifier_countermeasure(const struct countermeasure *countermeasure)
{
	char *text = NULL;

	char healthy[32] = "";

	if (countermeasure->healthy_s)
		snprintf(healthy, sizeof(healthy), ",\"healthy_s\":%d",
			 countermeasure->healthy_s);
	if (asprintf(&text, "{\"action\":\"%s\",\"attempts\":%d,\"window_s\":%d,"
		     "\"backoff_ms\":%d,\"then\":\"%s\"%s%s%s}",
		     action_name(countermeasure->action), countermeasure->attempts,
		     countermeasure->window_s, countermeasure->backoff_ms,
		     action_name(countermeasure->then), healthy,
		     countermeasure->parameters[0] ? ",\"parameters\":" : "",
		     countermeasure->parameters) < 0)
		return NULL;
	return text;
}

char *notifier_answer(const struct fault_id *id, const char *countermeasure,
		      int64_t policy_version)
{
	char *text = NULL;

	if (asprintf(&text, "{\"id\":\"%s-%" PRId64 "\",\"countermeasure\":%s,"
		     "\"policy_version\":%" PRId64 "}\n",
		     id->boot, id->number, countermeasure, policy_version) < 0)
		return NULL;
	return text;
}
