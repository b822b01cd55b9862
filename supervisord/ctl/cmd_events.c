// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisord/ctl/ctl.h"

/* How often --follow looks. */
#define FOLLOW_US 300000
#define FOLLOW_LIMIT 1000

static const struct ctl_column columns[] = {
	{ "TIME", "time" }, { "PART", "part" }, { "EVENT", "name" }, { "TEXT", "text" },
	{ NULL },
};

/* The newest come first from the gateway; a person reads downwards. */
static json_t *reversed(json_t *array)
{
	json_t *other = json_array();

	for (size_t i = json_array_size(array); i--;)
		json_array_append(other, json_array_get(array, i));
	json_decref(array);
	return other;
}

/* "90", "90s", "15m", "12h", "7d" ago, or a time of RFC 3339 in UTC, as ms since 1970; -1: neither. */
static int64_t since_parse(const char *text)
{
	static const struct { char unit; int64_t seconds; } units[] = {
		{ '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	struct tm tm = { 0 };
	char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t number;

	if (end)
		return strcmp(end, "Z") && *end ? -1 : timegm(&tm) * 1000LL;
	number = strtoll(text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (end != text && *end == units[i].unit && (!*end || !end[1]) && number > 0 &&
		    number < 1000000)
			return (time(NULL) - number * units[i].seconds) * 1000LL;
	return -1;
}

/* Params from the words; NULL when they are off, which was told. */
static json_t *params_parse(int argc, char **argv, bool *follow)
{
	static const struct option longs[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "since", required_argument, NULL, 's' },
		{ "application", required_argument, NULL, 'a' },
		{ "kind", required_argument, NULL, 'k' },
		{ "number", required_argument, NULL, 'n' },
		{ NULL },
	};
	json_t *params = json_object();
	const char *off = NULL, *why = NULL;
	int64_t since;
	int c, limit;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "fs:a:k:n:", longs, NULL)) >= 0)
		switch (c) {
		case 'f':
			*follow = true;
			break;
		case 's':
			since = since_parse(optarg);
			if (since < 0 && !off) {
				off = optarg;
				why = "a time is needed: 90s, 15m, 12h, 7d ago, or 2026-01-31T23:59:59Z";
			}
			json_object_set_new(params, "since_ms", json_integer(since));
			break;
		case 'a':
			json_object_set_new(params, "application", json_string(optarg));
			break;
		case 'k':
			json_object_set_new(params, "name", json_string(optarg));
			break;
		case 'n':
			if (ctl_count(optarg, &limit)) {
				json_object_set_new(params, "limit", json_integer(limit));
			} else if (!off) {
				off = optarg;
				why = CTL_COUNT_WHY;
			}
			break;
		default:
			off = "";
		}
	if (!off && optind == argc) {
		if (!json_object_get(params, "limit") && json_object_get(params, "since_ms"))
			json_object_set_new(params, "limit", json_integer(FOLLOW_LIMIT));
		return params;
	}
	if (why && *off)
		ctl_wrong(&ctl_events_command, off, why);
	else
		ctl_usage(&ctl_events_command);
	json_decref(params);
	return NULL;
}

static void line_print(const struct ctl_options *options, json_t *event)
{
	if (options->json) {
		json_dumpf(event, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
		putchar('\n');
	} else {
		printf("%s  %-11s  %-24s  %s\n", ctl_text(event, "time"), ctl_text(event, "part"),
		       ctl_text(event, "name"), ctl_text(event, "text"));
	}
}

/* Prints each event as it comes, until it is interrupted or the gateway is gone. */
static int events_follow(const struct ctl_options *options, json_t *params, json_t *events)
{
	json_t *event, *last;
	int status = CTL_OK;
	size_t i;

	json_object_set_new(params, "limit", json_integer(FOLLOW_LIMIT));
	for (;;) {
		json_array_foreach(events, i, event)
			line_print(options, event);
		last = json_array_get(events, json_array_size(events) - 1);
		if (last)
			json_object_set(params, "after", json_object_get(last, "id"));
		json_decref(events);
		if (fflush(stdout) || ferror(stdout))
			return CTL_OK;
		usleep(FOLLOW_US);
		events = NULL;
		status = ctl_ask(options, "events", json_incref(params), NULL, NULL, &events);
		if (status)
			return status;
		/* Before there was any event at all the newest come first. */
		if (!json_object_get(params, "after"))
			events = reversed(events);
	}
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	json_t *result = NULL, *params;
	bool follow = false;
	int status;

	params = params_parse(argc, argv, &follow);
	if (!params)
		return CTL_USAGE;
	status = ctl_ask(options, "events", json_incref(params), NULL, NULL, &result);
	if (!status) {
		result = reversed(result);
		if (follow) {
			status = events_follow(options, params, result);
			json_decref(params);
			return status;
		}
		if (options->json)
			ctl_print_json(result);
		else
			ctl_table(result, columns, "No such event is recorded.");
		json_decref(result);
	}
	json_decref(params);
	return status;
}

const struct ctl_command ctl_events_command = {
	"events", "[-f] [-n NUMBER] [-s TIME] [-a NAME] [-k NAME]", "The last events, oldest first",
	"  -n, --number=NUMBER      how many, 50 by default, 1000 at most\n"
	"  -s, --since=TIME         not before: 90s, 15m, 12h, 7d ago, or 2026-01-31T23:59:59Z\n"
	"  -a, --application=NAME   of this application\n"
	"  -k, --kind=NAME          events of this name and below it: fault, process.ended\n"
	"  -f, --follow             go on with each new one until interrupted\n",
	run,
};
