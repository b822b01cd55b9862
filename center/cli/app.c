// SPDX-License-Identifier: GPL-2.0-only
/* faultline-center app: applications (11). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "center/catalogue/applications.h"
#include "center/cli/command.h"

#define PROGRESS_EVERY_S 10

/* Begins with struct arguments, as command_operand() needs it. */
struct app_arguments {
	struct arguments common;
	struct verification_options options;
	const char *key;
	time_t told;
};

#define VERIFY_OPTIONS \
	{ "equipment", 'E', "COMMAND", 0,						\
	  "Start this simulated equipment beside it; what it then answers with an error is a fault", 0 },	\
	{ "events", 'e', "FILE", 0, "List of events to verify by; that in the bundle by default", 0 },	\
	{ "runtimes", 'r', "FILE", 0, "How to start each runtime; /etc/faultline/runtimes.xml by default", 0 }

static const struct argp_option verify_options[] = {
	VERIFY_OPTIONS,
	{},
};

static const struct argp_option add_options[] = {
	VERIFY_OPTIONS,
	{ "key", 'k', "FILE", 0, "Sign it with this key; by default with the center's, where it has one", 0 },
	{ "skip-run", 's', "REASON", 0, "Do not run it; this is kept and shown with it", 0 },
	{},
};

static error_t verify_parse(int key, char *text, struct argp_state *state)
{
	struct app_arguments *arguments = state->input;

	switch (key) {
	case 'E':
		arguments->options.equipment = text;
		return 0;
	case 'e':
		arguments->options.events = text;
		return 0;
	case 'r':
		arguments->options.runtimes = text;
		return 0;
	case 'k':
		arguments->key = text;
		return 0;
	case 's':
		if (!*text)
			argp_error(state, "--skip-run needs a reason");
		arguments->options.skip = text;
		return 0;
	default:
		return command_operand(key, text, state);
	}
}

/* A line that is written over on a terminal; elsewhere one in a while. */
static void progress_show(void *user, size_t done, size_t of, const char *what)
{
	struct app_arguments *arguments = user;
	time_t now = time(NULL);

	if (isatty(STDERR_FILENO)) {
		fprintf(stderr, done < of ? "\r\033[Kverifying %zu/%zu: %s" : "\r\033[K", done + 1, of, what);
		fflush(stderr);
	} else if (arguments->told && now - arguments->told >= PROGRESS_EVERY_S && done < of) {
		fprintf(stderr, "verifying %zu/%zu: %s\n", done + 1, of, what);
		arguments->told = now;
	}
	if (!arguments->told)
		arguments->told = now;
}

/* What it wrote before its fault, as a log has it. */
static void log_print(const json_t *report)
{
	json_t *log = json_object_get(json_object_get(report, "fault"), "log"), *line;
	size_t i;

	json_array_foreach(log, i, line)
		fprintf(stderr, "  | %s\n", json_string_value(line));
}

static int verify_fail(const struct cli *cli, json_t *report, const struct error *err)
{
	int status;

	if (report && isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	status = command_fail(err);
	if (cli->json && report)
		command_print_json(report);
	else
		log_print(report);
	return status;
}

static size_t answers_count(const json_t *report, const char *key)
{
	json_t *one;
	size_t i, n = 0;

	json_array_foreach(json_object_get(report, "cases"), i, one)
		n += json_object_get(one, key) != NULL;
	return n;
}

/* "1 script", "2 scripts" */
static void count_print(size_t n, const char *what)
{
	printf("%zu %s%s", n, what, n == 1 ? "" : "s");
}

static void verified_print(const json_t *report)
{
	const char *result = json_string_value(json_object_get(report, "result"));
	size_t errors = answers_count(report, "error");
	size_t unknown = json_array_size(json_object_get(report, "unknown"));

	if (!strcmp(result, "skipped")) {
		printf("  not run: %s\n", json_string_value(json_object_get(report, "reason")));
		return;
	}
	if (!strcmp(result, "unasked")) {
		printf("  it starts and ends without a fault, but none of its ");
		count_print(unknown, "processing");
		puts(" was run: by the definitions here and its list of events\n"
		     "  no script can ask for one. \"app verify\" does it once they are here (\"definition add\", --events)");
		return;
	}
	printf("  verified: ");
	count_print(json_array_size(json_object_get(report, "cases")), "request");
	printf(" without a fault, ");
	count_print(json_array_size(json_object_get(report, "scripts")), "script");
	putchar('\n');
	if (errors)
		printf("  %zu %s answered with an error%s\n", errors, errors == 1 ? "was" : "were",
		       json_object_get(report, "equipment") ? "" :
		       "; there was no equipment (--equipment puts some in)");
	if (unknown) {
		printf("  ");
		count_print(unknown, "processing");
		puts(" not run: by the definitions here and the list of events no script can ask for that");
	}
}

static int app_add(struct cli *cli, int argc, char **argv)
{
	static const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };
	static const struct argp argp = {
		.options = add_options,
		.parser = verify_parse,
		.args_doc = "BUNDLE",
		.doc = "Verify a bundle and give it to the gateways that ask for its application: the "
		       "scripts that use it must fit it, and each of its processings is run within its "
		       "range, in a sandbox on the spot. One that faults is refused. "
		       "The version added last is the one that they run.",
		.children = children,
	};
	struct app_arguments arguments = {
		.common = { .cli = cli, .operands_min = 1, .operands_max = 1 },
		.options = { .progress = progress_show },
	};
	__cleanup_store struct store *store = NULL;
	__cleanup_key struct key *key = NULL;
	json_auto_t *row = NULL, *report = NULL;
	struct error err = {};
	bool known = false;

	arguments.options.user = &arguments;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (key_find(arguments.key, cli->place.data, &key, &err))
		return command_fail(&err);
	store = store_open(&cli->place, STORE_WRITE, &err);
	if (!store || applications_add(store, arguments.common.operands[0], &arguments.options, key,
				       &row, &known, &report, &err))
		return verify_fail(cli, report, &err);
	if (cli->json) {
		if (report)
			json_object_set(row, "verification", report);
		command_print_json(row);
		return 0;
	}
	printf("%s %s %s\n", json_string_value(json_object_get(row, "name")),
	       json_string_value(json_object_get(row, "version")),
	       known ? "was there already, with the same content" : "added");
	if (report)
		verified_print(report);
	return 0;
}

static int app_verify(struct cli *cli, int argc, char **argv)
{
	static const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };
	static const struct argp argp = {
		.options = verify_options,
		.parser = verify_parse,
		.args_doc = "NAME [VERSION]",
		.doc = "Verify an application once more, by the definitions and scripts of now. What comes "
		       "of it is kept with it; it is not withdrawn.",
		.children = children,
	};
	struct app_arguments arguments = {
		.common = { .cli = cli, .operands_min = 1, .operands_max = 2 },
		.options = { .progress = progress_show },
	};
	__cleanup_store struct store *store = NULL;
	json_auto_t *report = NULL;
	struct error err = {};

	arguments.options.user = &arguments;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	store = store_open(&cli->place, STORE_WRITE, &err);
	if (!store || applications_verify(store, arguments.common.operands[0],
					  arguments.common.operands[1], &arguments.options, &report, &err))
		return verify_fail(cli, report, &err);
	if (cli->json) {
		command_print_json(report);
		return 0;
	}
	printf("%s\n", arguments.common.operands[0]);
	verified_print(report);
	return 0;
}

static void case_print(json_t *one)
{
	char *arguments = json_dumps(json_object_get(one, "arguments"), JSON_COMPACT | JSON_REAL_PRECISION(15));
	const char *error = json_string_value(json_object_get(one, "error"));
	bool answered = json_object_get(one, "answered");

	printf("    %-8s %7.1f ms  %s %s%s%s\n", answered ? "good" : error ? "error" : "-",
	       json_number_value(json_object_get(one, "ms")),
	       json_string_value(json_object_get(one, "processing")), arguments ? arguments : "",
	       error ? ": " : "", error ? error : "");
	free(arguments);
}

static void verification_print(json_t *row)
{
	json_t *report = json_object_get(row, "report"), *one;
	json_t *equipment = json_object_get(report, "equipment");
	json_t *events = json_object_get(report, "events");
	json_t *fault = json_object_get(report, "fault");
	size_t i;

	printf("  verified %s: %s\n", json_string_value(json_object_get(row, "time")),
	       json_string_value(json_object_get(row, "result")));
	if (json_object_get(report, "reason"))
		printf("    not run: %s\n", json_string_value(json_object_get(report, "reason")));
	printf("    equipment: %s; list of events: %s\n",
	       equipment ? json_string_value(equipment) : "none",
	       events ? json_string_value(events) : "none");
	json_array_foreach(json_object_get(report, "scripts"), i, one)
		printf("    script   %s\n", json_string_value(json_object_get(one, "service")));
	json_array_foreach(json_object_get(report, "cases"), i, one)
		case_print(one);
	json_array_foreach(json_object_get(report, "unknown"), i, one)
		printf("    not run  %s: no script can ask for it\n", json_string_value(one));
	if (fault)
		printf("    fault    %s, %s\n", json_string_value(json_object_get(fault, "kind")),
		       json_string_value(json_object_get(fault, "text")));
	if (json_is_string(json_object_get(row, "range")))
		printf("    its range was learnt: --range shows it\n");
	else if (json_object_get(report, "unlearnt"))
		printf("    its range was not learnt: %s\n",
		       json_string_value(json_object_get(report, "unlearnt")));
}

/* What the last verification that learnt something has learnt. */
static int range_show(json_t *application)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(application, "verifications"), i, one) {
		if (!json_is_string(json_object_get(one, "range")))
			continue;
		fputs(json_string_value(json_object_get(one, "range")), stdout);
		return 0;
	}
	fprintf(stderr, "faultline-center: %s %s: no range was learnt; \"app show\" says why, and \"app verify\" tries it again\n",
		json_string_value(json_object_get(application, "name")),
		json_string_value(json_object_get(application, "version")));
	return 1;
}

/* Begins with struct arguments, as command_operand() needs it. */
struct show_arguments {
	struct arguments common;
	bool range;
};

static error_t show_parse(int key, char *text, struct argp_state *state)
{
	struct show_arguments *arguments = state->input;

	if (key != 'R')
		return command_operand(key, text, state);
	arguments->range = true;
	return 0;
}

static int app_show(struct cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "range", 'R', NULL, 0, "Print its learnt range alone, as the XML document that a gateway takes", 0 },
		{},
	};
	static const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };
	static const struct argp argp = {
		.options = options,
		.parser = show_parse,
		.args_doc = "NAME [VERSION]",
		.doc = "Show an application and what was verified of it.",
		.children = children,
	};
	struct show_arguments show = {
		.common = { .cli = cli, .operands_min = 1, .operands_max = 2 },
	};
	struct arguments *arguments = &show.common;
	__cleanup_store struct store *store = NULL;
	json_auto_t *row = NULL;
	struct error err = {};
	json_t *one;
	size_t i;

	argp_parse(&argp, argc, argv, 0, NULL, &show);
	store = store_open(&cli->place, STORE_READ, &err);
	if (!store || applications_show(store, arguments->operands[0], arguments->operands[1], &row, &err))
		return command_fail(&err);
	if (show.range)
		return range_show(row);
	if (cli->json) {
		command_print_json(row);
		return 0;
	}
	printf("%s %s, %s, runtime %s, added %s\n  sha256 %s, %lld bytes\n",
	       json_string_value(json_object_get(row, "name")),
	       json_string_value(json_object_get(row, "version")),
	       json_string_value(json_object_get(row, "residence")),
	       json_string_value(json_object_get(row, "runtime")),
	       json_string_value(json_object_get(row, "added")),
	       json_string_value(json_object_get(row, "sha256")),
	       json_integer_value(json_object_get(row, "size")));
	if (json_is_string(json_object_get(row, "signature")))
		printf("  signed, serial %lld\n", json_integer_value(json_object_get(row, "serial")));
	json_array_foreach(json_object_get(row, "verifications"), i, one)
		verification_print(one);
	if (!i)
		printf("  it was added before applications were verified\n");
	return 0;
}

static int app_list(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "NAME" },
		{ "version", "VERSION" },
		{ "current", "CURRENT" },
		{ "verified", "VERIFIED" },
		{ "signed", "SIGNED" },
		{ "runtime", "RUNTIME" },
		{ "residence", "RESIDENCE" },
		{ "size", "BYTES" },
		{ "added", "ADDED" },
		{},
	};
	struct arguments arguments = { .cli = cli };
	__cleanup_store struct store *store = NULL;
	struct error err = {};

	command_arguments(&arguments, "", "List the applications that gateways can download.",
			  argc, argv);
	store = store_open(&cli->place, STORE_READ, &err);
	return command_print_rows(cli, store ? applications_list(store, &err) : NULL, columns,
				  &err);
}

const struct command app_commands[] = {
	{ "app", "add", "verify a bundle and give it to gateways", app_add },
	{ "app", "verify", "verify an application once more", app_verify },
	{ "app", "show", "show an application and what was verified", app_show },
	{ "app", "list", "list the applications", app_list },
	{},
};
