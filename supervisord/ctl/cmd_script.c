// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <libxml/xmlerror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/application.h"
#include "lib/file.h"
#include "lib/name.h"
#include "lib/script/interpretation.h"
#include "supervisord/ctl/ctl.h"
#include "supervisord/script/plan.h"

#define CONFIGURATION "/etc/faultline"
#define APPLICATIONS_MAX 16

/**
 * struct check - what a script is checked against
 * @folder: with definitions/SERVICE.dtd and @list
 * @list: the list of events that is in force there
 * @given: application data that the command names
 * @known: what the gateway told of an application: {processing: seconds}, null when
 *	it has none of that name
 */
struct check {
	struct ctl_options quiet;
	char *folder;
	char *list;
	struct application *given[APPLICATIONS_MAX];
	int n_given;
	json_t *known;
};

static void check_end(struct check *check)
{
	for (int i = 0; i < check->n_given; i++)
		application_free(check->given[i]);
	json_decref(check->known);
	free(check->folder);
	free(check->list);
}

/* What is not named on the command line is asked of the gateway, once for each application. */
static json_t *processings_ask(struct check *check, const char *application)
{
	json_t *known = json_object_get(check->known, application);

	if (known)
		return known;
	if (ctl_ask(&check->quiet, "processings", json_pack("{s:s}", "application", application),
		    NULL, NULL, &known))
		known = json_null();
	json_object_set_new(check->known, application, known);
	return known;
}

static int processing_timeout(void *user, const char *application, const char *processing)
{
	const struct application_processing *found;
	struct check *check = user;
	json_t *known;

	for (int i = 0; i < check->n_given; i++) {
		if (strcmp(check->given[i]->name, application))
			continue;
		found = application_processing(check->given[i], processing);
		return found ? found->timeout_s : -ENOENT;
	}
	known = processings_ask(check, application);
	if (json_is_null(known))
		return 0;
	known = json_object_get(known, processing);
	return known ? (int)json_integer_value(known) : -ENOENT;
}

/* The service of a script is the name of its file, as it is at the center. */
static char *service_of(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;
	size_t len = strlen(file);
	char *service = len > 4 && !strcmp(file + len - 4, ".xml") ?
				alloc_format("%.*s", (int)len - 4, file) : alloc_copy(file);

	if (name_valid(service))
		return service;
	error_set(err, -EINVAL,
		  "%s:1:1: name the file SERVICE.xml, by the service that the script is for, or tell the service with --service",
		  path);
	free(service);
	return NULL;
}

static void line_print(void *user, json_t *line)
{
	ctl_plan_line(line);
}

static void line_append(void *user, json_t *line)
{
	json_array_append(user, line);
}

static void plan_print(const struct ctl_options *options, const struct plan *plan)
{
	json_t *summary = plan_summary(plan), *lines;

	if (options->json) {
		lines = json_array();
		plan_show(plan, SIZE_MAX, line_append, lines);
		json_object_set_new(summary, "plan", lines);
		json_object_set_new(summary, "valid", json_true());
		ctl_print_json(summary);
	} else {
		plan_show(plan, SIZE_MAX, line_print, NULL);
		ctl_plan(summary);
	}
	json_decref(summary);
}

static void script_check(const struct ctl_options *options, struct check *check,
			 const char *service, const char *path, struct error *err)
{
	__cleanup_free char *dtd = alloc_format("%s/definitions/%s.dtd", check->folder, service);
	__cleanup_free char *list = alloc_format("%s/%s", check->folder, check->list);
	__cleanup_definition struct definition *definition = NULL;
	__cleanup_program struct program *program = NULL;
	__cleanup_free char *text = NULL;
	struct plan plan = { .name = path, .timeout = processing_timeout, .user = check };
	struct event_list *events;
	size_t size;

	if (access(dtd, F_OK))
		error_at(err, -ENOENT, 1, 1,
			 "%s:1:1: there is no definition of the service \"%s\" in %s/definitions; put %s.dtd there, or name another service with --service",
			 path, service, check->folder, service);
	else
		definition = definition_load(dtd, err);
	if (definition)
		text = file_read(path, SCRIPT_SIZE_MAX, &size, err);
	if (text)
		program = interpretation_compile(definition, path, text, size, err);
	if (!program)
		return;
	events = event_list_open(list, err);
	if (!events)
		return;
	plan.events = events;
	plan.program = program;
	if (!plan_check(&plan, err))
		plan_print(options, &plan);
	event_list_put(events);
}

static void error_print(const struct ctl_options *options, const char *path,
			const struct error *err)
{
	json_t *json;

	if (!options->json) {
		fprintf(stderr, "%s\n", err->text);
		return;
	}
	json = json_pack("{s:b, s:{s:s, s:i, s:i, s:s}}", "valid", 0, "error", "file", path,
			 "line", err->line, "column", err->column, "text", err->text);
	ctl_print_json(json);
	json_decref(json);
}

/* Where the gateway has its definitions, and which list is in force; the usual place and list when it does not answer. */
static void folder_ask(struct check *check)
{
	json_t *status = NULL;
	const char *list;

	if (ctl_ask(&check->quiet, "status", NULL, NULL, NULL, &status)) {
		check->folder = alloc_copy(CONFIGURATION);
		return;
	}
	check->folder = alloc_copy(ctl_text(status, "configuration"));
	list = ctl_text(status, "events");
	if (name_valid(list) && strcmp(list, "default"))
		check->list = alloc_format("events-%s.xml", list);
	json_decref(status);
}

static void xml_quiet(void *user, xmlErrorPtr error)
{
}

static int application_give(struct check *check, const char *path, struct error *err)
{
	if (check->n_given == APPLICATIONS_MAX)
		return error_set(err, -E2BIG, "%s: at most %d applications can be given", path,
				 APPLICATIONS_MAX);
	check->given[check->n_given] = application_read(path, err);
	return check->given[check->n_given] ? check->n_given++, 0 : err->code;
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "application", required_argument, NULL, 'a' },
		{ "configuration", required_argument, NULL, 'c' },
		{ "service", required_argument, NULL, 's' },
		{ NULL },
	};
	struct check check = { .quiet = *options, .known = json_object() };
	__cleanup_free char *service = NULL;
	struct error err = { 0 };
	int c;

	xmlSetStructuredErrorFunc(NULL, xml_quiet);
	check.quiet.quiet = true;
	if (argc < 3 || strcmp(argv[1], "check"))
		goto usage;
	argc--;
	argv++;
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "a:c:s:", longs, NULL)) >= 0)
		if (c == 'a' && !err.code) {
			application_give(&check, optarg, &err);
		} else if (c == 'c') {
			free(check.folder);
			check.folder = alloc_copy(optarg);
		} else if (c == 's') {
			free(service);
			service = alloc_copy(optarg);
		} else if (c == '?') {
			goto usage;
		}
	if (optind + 1 != argc)
		goto usage;
	if (!err.code && !service)
		service = service_of(argv[optind], &err);
	else if (!err.code && !name_valid(service))
		error_set(&err, -EINVAL, "\"%s\" is not the name of a service", service);
	if (!check.folder)
		folder_ask(&check);
	if (!check.list)
		check.list = alloc_copy("events.xml");
	if (!err.code)
		script_check(options, &check, service, argv[optind], &err);
	if (err.code)
		error_print(options, argv[optind], &err);
	check_end(&check);
	return err.code ? CTL_FAILED : CTL_OK;
usage:
	check_end(&check);
	return ctl_usage(&ctl_script_command);
}

const struct ctl_command ctl_script_command = {
	"script", "check [OPTION]... FILE", "Check a script and show what it would do",
	"What is wrong is told as FILE:LINE:COLUMN: TEXT, for editors. When nothing is, each\n"
	"step is shown with its line, event, arguments with their ranges, and the application\n"
	"and processing that the list of events gives it; then the worst case.\n\n"
	"  -a, --application=FILE      an application.xml that the gateway does not have; may be repeated\n"
	"  -c, --configuration=FOLDER  with definitions/ and events.xml; the gateway's by default,\n"
	"                              with the list in force; " CONFIGURATION " when it does not answer\n"
	"  -s, --service=SERVICE       the script's service; the name of its file by default\n",
	run,
};
