// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/module_statistics.h"

#include <netlink/attr.h>

static void values_read(struct source_statistics *statistics, struct nlattr *nest)
{
	static struct nla_policy policy[FAULTLINE_STATS_A_MAX + 1];
	struct nlattr *attrs[FAULTLINE_STATS_A_MAX + 1];

	for (int i = 1; i < FAULTLINE_STATS_A_PAD; i++)
		policy[i].type = NLA_U64;
	if (nla_parse_nested(attrs, FAULTLINE_STATS_A_MAX, nest, policy))
		return;
	for (int i = 1; i < FAULTLINE_STATS_A_PAD; i++)
		if (attrs[i])
			statistics->value[i] = nla_get_u64(attrs[i]);
}

static void count_read(struct source_statistics *statistics, struct nlattr *nest)
{
	static struct nla_policy policy[FAULTLINE_COUNT_A_MAX + 1] = {
		[FAULTLINE_COUNT_A_TYPE] = { .type = NLA_U32 },
		[FAULTLINE_COUNT_A_KIND] = { .type = NLA_U32 },
		[FAULTLINE_COUNT_A_RECORDS] = { .type = NLA_U64 },
	};
	struct nlattr *attrs[FAULTLINE_COUNT_A_MAX + 1];

	if (statistics->n_counts == SOURCE_COUNTS_MAX ||
	    nla_parse_nested(attrs, FAULTLINE_COUNT_A_MAX, nest, policy) ||
	    !attrs[FAULTLINE_COUNT_A_TYPE] || !attrs[FAULTLINE_COUNT_A_KIND] ||
	    !attrs[FAULTLINE_COUNT_A_RECORDS])
		return;
	statistics->counts[statistics->n_counts++] = (struct source_count){
		.type = nla_get_u32(attrs[FAULTLINE_COUNT_A_TYPE]),
		.kind = nla_get_u32(attrs[FAULTLINE_COUNT_A_KIND]),
		.records = nla_get_u64(attrs[FAULTLINE_COUNT_A_RECORDS]),
	};
}

static void cost_read(struct source_statistics *statistics, struct nlattr *nest)
{
	static struct nla_policy policy[FAULTLINE_COST_A_MAX + 1] = {
		[FAULTLINE_COST_A_PLACE] = { .type = NLA_NUL_STRING },
		[FAULTLINE_COST_A_CALLS] = { .type = NLA_U64 },
		[FAULTLINE_COST_A_NS] = { .type = NLA_U64 },
		[FAULTLINE_COST_A_WORST_NS] = { .type = NLA_U64 },
	};
	struct nlattr *attrs[FAULTLINE_COST_A_MAX + 1];
	struct source_cost *cost;

	if (statistics->n_costs == SOURCE_COSTS_MAX ||
	    nla_parse_nested(attrs, FAULTLINE_COST_A_MAX, nest, policy) ||
	    !attrs[FAULTLINE_COST_A_PLACE] || !attrs[FAULTLINE_COST_A_CALLS] ||
	    !attrs[FAULTLINE_COST_A_NS] || !attrs[FAULTLINE_COST_A_WORST_NS])
		return;
	cost = &statistics->costs[statistics->n_costs++];
	nla_strlcpy(cost->place, attrs[FAULTLINE_COST_A_PLACE], sizeof(cost->place));
	cost->calls = nla_get_u64(attrs[FAULTLINE_COST_A_CALLS]);
	cost->ns = nla_get_u64(attrs[FAULTLINE_COST_A_NS]);
	cost->worst_ns = nla_get_u64(attrs[FAULTLINE_COST_A_WORST_NS]);
}

void module_statistics_read(struct source_statistics *statistics, struct genlmsghdr *genl)
{
	struct nlattr *attr;
	int rest;

	nla_for_each_attr(attr, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rest) {
		if (nla_type(attr) == FAULTLINE_A_STATS)
			values_read(statistics, attr);
		else if (nla_type(attr) == FAULTLINE_A_COUNT)
			count_read(statistics, attr);
		else if (nla_type(attr) == FAULTLINE_A_COST)
			cost_read(statistics, attr);
	}
}
