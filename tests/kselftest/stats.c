// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "message.h"

static void stats_count(struct stats *stats, struct nlattr *nest)
{
	uint32_t type = 0, kind = 0;
	struct nlattr *attr;

	FOR_EACH_ATTR(attr, ATTR_DATA(nest), (char *)nest + nest->nla_len) {
		if (ATTR_TYPE(attr) == FAULTLINE_COUNT_A_TYPE)
			type = attr_u32(attr);
		else if (ATTR_TYPE(attr) == FAULTLINE_COUNT_A_KIND)
			kind = attr_u32(attr);
		else if (ATTR_TYPE(attr) == FAULTLINE_COUNT_A_RECORDS &&
			 type <= FAULTLINE_RECORD_RANGE && kind < 65)
			stats->records[type][kind] = attr_u64(attr);
	}
}

static void stats_cost(struct stats *stats, struct nlattr *nest)
{
	struct nlattr *attr;

	if (stats->cost_count == sizeof(stats->costs) / sizeof(stats->costs[0]))
		return;
	FOR_EACH_ATTR(attr, ATTR_DATA(nest), (char *)nest + nest->nla_len) {
		switch (ATTR_TYPE(attr)) {
		case FAULTLINE_COST_A_PLACE:
			snprintf(stats->costs[stats->cost_count].place,
				 sizeof(stats->costs[0].place), "%.*s", (int)ATTR_LEN(attr),
				 (char *)ATTR_DATA(attr));
			break;
		case FAULTLINE_COST_A_CALLS:
			stats->costs[stats->cost_count].calls = attr_u64(attr);
			break;
		case FAULTLINE_COST_A_NS:
			stats->costs[stats->cost_count].ns = attr_u64(attr);
			break;
		case FAULTLINE_COST_A_WORST_NS:
			stats->costs[stats->cost_count].worst_ns = attr_u64(attr);
			break;
		}
	}
	stats->cost_count++;
}

uint64_t stats_calls(const struct stats *stats, const char *place)
{
	for (size_t i = 0; i < stats->cost_count; i++)
		if (!strcmp(stats->costs[i].place, place))
			return stats->costs[i].calls;
	return 0;
}

static int message_stats(struct client *client, struct nlmsghdr *msg, void *to)
{
	struct stats *stats = to;
	struct nlattr *nest, *attr;

	FOR_EACH_ATTR(nest, message_attrs(msg), message_end(msg)) {
		if (ATTR_TYPE(nest) == FAULTLINE_A_COUNT)
			stats_count(stats, nest);
		if (ATTR_TYPE(nest) == FAULTLINE_A_COST)
			stats_cost(stats, nest);
		if (ATTR_TYPE(nest) != FAULTLINE_A_STATS)
			continue;
		FOR_EACH_ATTR(attr, ATTR_DATA(nest), (char *)nest + nest->nla_len)
			if (ATTR_TYPE(attr) < FAULTLINE_STATS_A_PAD)
				stats->value[ATTR_TYPE(attr)] = attr_u64(attr);
	}
	return 0;
}

int client_stats(struct client *client, struct stats *stats)
{
	struct request request;

	memset(stats, 0, sizeof(*stats));
	memset(stats->value, 0xff, sizeof(stats->value));
	request_init(&request, FAULTLINE_CMD_STATS_GET);
	return client_call(client, &request, false, message_stats, stats);
}

bool stats_balance(const struct stats *stats)
{
	const uint64_t *v = stats->value;

	return v[FAULTLINE_STATS_A_EMITTED] ==
	       v[FAULTLINE_STATS_A_DELIVERED] + v[FAULTLINE_STATS_A_PENDING] +
	       v[FAULTLINE_STATS_A_LOST_NO_SLOT];
}
