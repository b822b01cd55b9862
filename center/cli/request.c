// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center request: services that gateways run by request of the center. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center/cli/command.h"
#include "center/request/requests.h"

enum {
	OPTION_GATEWAY = 0x200, OPTION_GROUP, OPTION_ID, OPTION_WITHIN, OPTION_AUTHOR, OPTION_REASON,
	OPTION_LIMIT, OPTION_SERVICE, OPTION_DAYS,
};

/* Begins with struct arguments, as command_operand() needs it. */
struct request_arguments {
	struct arguments common;
	struct request request;
	const char *gateway;
	const char *service;
	int limit;
	long days;
};

static error_t name_option(int key, char *text, struct argp_state *state)
{
	struct request_arguments *arguments = state->input;
	struct request *request = &arguments->request;

	if (!name_valid(text))
		argp_error(state, "%s: not a name: lower-case letters, digits and dashes are allowed",
			   text);
	if (key == OPTION_GROUP) {
		snprintf(request->group, sizeof(request->group), "%s", text);
	} else if (key == OPTION_SERVICE) {
		arguments->service = text;
	} else {
		arguments->gateway = text;
		snprintf(request->gateway, sizeof(request->gateway), "%s", text);
	}
	return 0;
}

static error_t request_parse(int key, char *text, struct argp_state *state)
{
	struct request_arguments *arguments = state->input;
	struct request *request = &arguments->request;

	switch (key) {
	case OPTION_GATEWAY:
	case OPTION_GROUP:
	case OPTION_SERVICE:
		return name_option(key, text, state);
	case OPTION_ID:
		if (!request_id_valid(text))
			argp_error(state, "--id %s: letters, digits, dots, dashes and underscores are allowed, %d at most",
				   text, REQUEST_ID_MAX_LEN);
		snprintf(request->id, sizeof(request->id), "%s", text);
		return 0;
	case OPTION_WITHIN:
		request->within_s = command_duration(state, "within", text);
		if (request->within_s > REQUEST_WITHIN_MAX_S)
			argp_error(state, "--within %s: at most 30d", text);
		return 0;
	case OPTION_AUTHOR:
		snprintf(request->author, sizeof(request->author), "%s",
			 command_line(state, "author", text, sizeof(request->author)));
		return 0;
	case OPTION_REASON:
		snprintf(request->reason, sizeof(request->reason), "%s",
			 command_line(state, "reason", text, sizeof(request->reason)));
		return 0;
	case OPTION_LIMIT:
		arguments->limit = command_number(state, "limit", text, 1, REQUESTS_LIMIT_MAX);
		return 0;
	case OPTION_DAYS:
		arguments->days = command_number(state, "older-than", text, 0, COMMAND_DAYS_MAX);
		return 0;
	case ARGP_KEY_END:
		if (!request->author[0])
			command_user(request->author, sizeof(request->author));
		return command_operand(key, text, state);
	default:
		return command_operand(key, text, state);
	}
}

static const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };

#define AUTHOR_OPTIONS \
	{ "author", OPTION_AUTHOR, "NAME", 0, "Who asks (the user who calls this)", 2 }, \
	{ "reason", OPTION_REASON, "TEXT", 0, "Why", 2 }

static void warning_print(const json_t *request)
{
	const char *warning = json_string_value(json_object_get(request, "warning"));

	if (warning)
		fprintf(stderr, "warning: %s\n", warning);
}

/* What a request is for, for people. */
static void request_print(const json_t *request)
{
	size_t n = json_array_size(json_object_get(request, "gateways"));

	printf("%s\n", json_string_value(json_object_get(request, "id")));
	fprintf(stderr, "%s is asked of %zu %s, to begin before %s\n",
		json_string_value(json_object_get(request, "service")), n,
		n == 1 ? "gateway" : "gateways",
		json_string_value(json_object_get(request, "not_after")));
	warning_print(request);
}

/* In a transaction; 0 or a negative errno. */
static int change(struct store *store, int (*run)(struct store *, struct request_arguments *,
						  struct error *),
		  struct request_arguments *arguments, struct error *err)
{
	int ret = store_begin(store, err);

	if (ret)
		return ret;
	ret = run(store, arguments, err);
	if (ret < 0)
		store_rollback(store);
	else if (store_commit(store, err))
		ret = err->code;
	return ret;
}

static int add_run(struct store *store, struct request_arguments *arguments, struct error *err)
{
	return requests_add(store, &arguments->request, err);
}

static int request_add(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "gateway", OPTION_GATEWAY, "NAME", 0, "The gateway that is to run it", 0 },
		{ "group", OPTION_GROUP, "NAME", 0, "All gateways that have said to be of this group", 0 },
		{ "within", OPTION_WITHIN, "TIME", 0,
		  "90s, 15m, 12h or 7d (1h): one that has not begun by then does not begin", 1 },
		{ "id", OPTION_ID, "ID", 0, "An id of one's own: asking again with it asks once", 1 },
		AUTHOR_OPTIONS,
		{},
	};
	static const struct argp argp = {
		.options = options,
		.parser = request_parse,
		.args_doc = "SERVICE",
		.doc = "Have gateways run a service, once each, by the script that is kept here for it. "
		       "Prints the id of the request; \"faultline-center request show ID\" says what came of it.",
		.children = children,
	};
	struct request_arguments arguments = {
		.common = { .cli = cli, .operands_min = 1, .operands_max = 1 },
		.request = { .within_s = REQUEST_WITHIN_DEFAULT_S },
	};
	struct request *request = &arguments.request;
	__cleanup_store struct store *store = NULL;
	json_auto_t *row = NULL;
	struct error err = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (!request->gateway[0] == !request->group[0]) {
		fprintf(stderr, "%s: either --gateway or --group is needed\n", argv[0]);
		return COMMAND_USAGE;
	}
	if (!name_valid(arguments.common.operands[0])) {
		error_set(&err, -EINVAL, "%s: not the name of a service", arguments.common.operands[0]);
		return command_fail(&err);
	}
	snprintf(request->service, sizeof(request->service), "%s", arguments.common.operands[0]);
	store = store_open(&cli->place, STORE_WRITE, &err);
	if (!store || change(store, add_run, &arguments, &err) < 0)
		return command_fail(&err);
	row = requests_show(store, request->id, &err);
	if (!row)
		return command_fail(&err);
	if (cli->json)
		command_print_json(row);
	else
		request_print(row);
	return 0;
}

static int request_list(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "id", "ID" }, { "gateway", "GATEWAY" }, { "service", "SERVICE" }, { "author", "AUTHOR" },
		{ "asked", "ASKED" }, { "state", "STATE" }, { "detail", "DETAIL" }, {},
	};
	static const struct argp_option options[] = {
		{ "gateway", OPTION_GATEWAY, "NAME", 0, "Only those of this gateway", 0 },
		{ "service", OPTION_SERVICE, "NAME", 0, "Only those for this service", 0 },
		{ "limit", OPTION_LIMIT, "N", 0, "At most so many (100)", 0 },
		{},
	};
	static const struct argp argp = {
		.options = options,
		.parser = request_parse,
		.doc = "List what gateways were asked to run, the newest first, a line for each gateway.",
		.children = children,
	};
	struct request_arguments arguments = {
		.common = { .cli = cli },
		.limit = REQUESTS_LIMIT_DEFAULT,
	};
	__cleanup_store struct store *store = NULL;
	struct error err = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	store = store_open(&cli->place, STORE_READ, &err);
	return command_print_rows(cli, store ? requests_list(store, NULL, arguments.gateway,
							     arguments.service, arguments.limit, &err) :
				  NULL, columns, &err);
}

static json_t *request_find(struct store *store, const char *id, struct error *err)
{
	json_t *row = requests_show(store, id, err);

	if (!row || json_is_object(row))
		return row;
	json_decref(row);
	error_set(err, -ENOENT, "%s: no such request; \"faultline-center request list\" shows them", id);
	return NULL;
}

static int request_show(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "gateway", "GATEWAY" }, { "state", "STATE" }, { "taken", "TAKEN" }, { "started", "STARTED" },
		{ "ended", "ENDED" }, { "result.steps", "STEPS" }, { "detail", "DETAIL" }, {},
	};
	static const char *const names[] = { "service", "group", "author", "reason", "asked", "not_after" };
	struct arguments arguments = { .cli = cli, .operands_min = 1, .operands_max = 1 };
	__cleanup_store struct store *store = NULL;
	json_auto_t *row = NULL;
	struct error err = {};

	command_arguments(&arguments, "ID", "Show a request, and how far each of its gateways is.", argc,
			  argv);
	store = store_open(&cli->place, STORE_READ, &err);
	row = store ? request_find(store, arguments.operands[0], &err) : NULL;
	if (!row)
		return command_fail(&err);
	if (cli->json) {
		command_print_json(row);
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *text = json_string_value(json_object_get(row, names[i]));

		if (text && *text)
			printf("%-10s %s\n", names[i], text);
	}
	putchar('\n');
	warning_print(row);
	return command_print_rows(cli, json_incref(json_object_get(row, "gateways")), columns, &err);
}

static int cancel_run(struct store *store, struct request_arguments *arguments, struct error *err)
{
	const char *id = arguments->common.operands[0];
	int n = requests_cancel(store, id, arguments->gateway, &arguments->request, err);
	json_auto_t *row = NULL;

	if (n)
		return n;
	row = request_find(store, id, err);
	return !row ? err->code :
	       error_set(err, -ESTALE, "%s: no gateway waits with it any more: what was taken is not called back",
			 id);
}

static int request_cancel(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "gateway", OPTION_GATEWAY, "NAME", 0, "At this gateway alone", 0 },
		AUTHOR_OPTIONS,
		{},
	};
	static const struct argp argp = {
		.options = options,
		.parser = request_parse,
		.args_doc = "ID",
		.doc = "Take a request back: gateways that have not taken it do not run it.",
		.children = children,
	};
	struct request_arguments arguments = {
		.common = { .cli = cli, .operands_min = 1, .operands_max = 1 },
	};
	__cleanup_store struct store *store = NULL;
	struct error err = {};
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	store = store_open(&cli->place, STORE_WRITE, &err);
	ret = store ? change(store, cancel_run, &arguments, &err) : err.code;
	if (ret < 0)
		return command_fail(&err);
	if (cli->json)
		printf("{\"cancelled\": %d}\n", ret);
	else
		printf("cancelled at %d %s\n", ret, ret == 1 ? "gateway" : "gateways");
	return 0;
}

static int prune_run(struct store *store, struct request_arguments *arguments, struct error *err)
{
	return requests_prune(store, store_now() - arguments->days * 86400000L, err);
}

static int request_prune(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "older-than", OPTION_DAYS, "DAYS", 0, "Those that ended before so many days (needed)", 0 },
		{},
	};
	static const struct argp argp = {
		.options = options,
		.parser = request_parse,
		.doc = "Forget requests that have come to an end.",
		.children = children,
	};
	struct request_arguments arguments = { .common = { .cli = cli }, .days = -1 };
	__cleanup_store struct store *store = NULL;
	struct error err = {};
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.days < 0) {
		fprintf(stderr, "%s: --older-than is needed\n", argv[0]);
		return COMMAND_USAGE;
	}
	store = store_open(&cli->place, STORE_WRITE, &err);
	ret = store ? change(store, prune_run, &arguments, &err) : err.code;
	if (ret < 0)
		return command_fail(&err);
	if (cli->json)
		printf("{\"forgotten\": %d}\n", ret);
	else
		printf("%d forgotten\n", ret);
	return 0;
}

/* The last is what a service is asked for with, without a verb. */
const struct command request_commands[] = {
	{ "request", "list", "list the services that gateways were asked to run", request_list },
	{ "request", "show", "show how far one is at its gateways", request_show },
	{ "request", "cancel", "take one back where it was not taken yet", request_cancel },
	{ "request", "prune", "forget old ones", request_prune },
	{ "request", "add", "have gateways run a service; \"add\" may be left out", request_add },
	{ "request", NULL, NULL, request_add },
	{},
};
