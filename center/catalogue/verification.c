// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/verification.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "center/catalogue/cases.h"
#include "center/catalogue/definitions.h"
#include "center/catalogue/scripts.h"
#include "center/catalogue/tryout.h"
#include "lib/alloc.h"
#include "lib/script/interpretation.h"
#include "supervisord/script/plan.h"

#define DEFINITIONS_MAX 256

/**
 * struct verification - one under way
 * @definitions: of the center, ended by NULL
 * @cases: with what came of each
 * @answered: how many were
 */
struct verification {
	struct store *store;
	const struct application *application;
	const struct verification_options *options;
	struct definition *definitions[DEFINITIONS_MAX + 1];
	struct event_list *events;
	json_t *cases;
	size_t answered;
	json_t *report;
	struct error *err;
};

/* Where runtimes.xml is: this center's, the machine's gateway's, or as delivered. */
static const char *runtimes_find(const struct verification *v, char *path)
{
	const char *given = v->options->runtimes ? v->options->runtimes : getenv("FAULTLINE_RUNTIMES");

	if (given)
		return given;
	snprintf(path, PATH_MAX, "%s/runtimes.xml", v->store->data);
	if (!access(path, F_OK))
		return path;
	if (!access("/etc/faultline/runtimes.xml", F_OK))
		return "/etc/faultline/runtimes.xml";
	return "/usr/share/faultline/runtimes.xml";
}

static int definitions_take(struct verification *v)
{
	json_auto_t *rows = definitions_list(v->store, v->err);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (i == DEFINITIONS_MAX)
			return error_set(v->err, -E2BIG, "over %d definitions", DEFINITIONS_MAX);
		v->definitions[i] = definitions_load(
			v->store, json_string_value(json_object_get(row, "service")), v->err);
		if (!v->definitions[i])
			return v->err->code;
	}
	return rows ? 0 : v->err->code;
}

static int events_take(struct verification *v, const struct tryout *tryout)
{
	__cleanup_free char *inside = alloc_format("%s/events.xml", tryout->bundle);
	const char *path = v->options->events ? v->options->events : inside;

	if (!v->options->events && access(inside, F_OK))
		return 0;
	v->events = event_list_open(path, v->err);
	if (!v->events)
		return v->err->code;
	json_object_set_new(v->report, "events",
			    json_string(v->options->events ? path : "events.xml of the bundle"));
	return 0;
}

/* Also of an event that no definition here has: it would fail at the first gateway that uses the list. */
static int events_check(const struct verification *v)
{
	const struct application *application = v->application;
	const struct event_list_entry *entry;

	for (size_t i = 0; v->events && (entry = event_list_entry(v->events, i)); i++)
		if (entry->application && !strcmp(entry->application, application->name) &&
		    !application_processing(application, entry->processing))
			return error_set(v->err, -EINVAL,
					 "%s:%ld: event %s drives processing %s, and %s %s has none of that name",
					 json_string_value(json_object_get(v->report, "events")), entry->line,
					 entry->event, entry->processing, application->name,
					 application->version);
	return 0;
}

static int processing_timeout(void *user, const char *application, const char *processing)
{
	const struct verification *v = user;
	const struct application_processing *found;

	if (strcmp(application, v->application->name))
		return 0;
	found = application_processing(v->application, processing);
	return found ? found->timeout_s : -ENOENT;
}

/* Has any event of the service a processing of the application? */
static bool is_used(const struct verification *v, const struct definition *definition)
{
	const char *const *names;
	size_t n = definition_events(definition, &names);

	for (size_t i = 0; v->events && i < n; i++) {
		const struct event_list_entry *entry = event_list_find(v->events, names[i]);

		if (entry && entry->application && !strcmp(entry->application, v->application->name))
			return true;
	}
	return false;
}

static int script_check(struct verification *v, const struct definition *definition)
{
	const char *service = definition_service(definition);
	__cleanup_free char *name = alloc_format("%s.xml", service), *text = NULL;
	__cleanup_program struct program *program = NULL;
	struct plan plan = { .name = name, .events = v->events, .timeout = processing_timeout, .user = v };
	char sha256[65];
	size_t size;
	int ret = is_used(v, definition) ?
		  scripts_get(v->store, service, &text, &size, sha256, v->err) : 0;

	if (ret <= 0)
		return ret;
	program = interpretation_compile(definition, name, text, size, v->err);
	if (!program)
		return v->err->code;
	plan.program = program;
	ret = plan_check(&plan, v->err);
	if (!ret)
		json_array_append_new(json_object_get(v->report, "scripts"),
				      json_pack("{s:s, s:s, s:I}", "service", service, "sha256", sha256,
						"requests", (json_int_t)program->length.requests));
	return ret;
}

/* Of a case, for people: 0.05 is not 0.050000000000000003. NULL where there are none. */
static char *arguments_text(const json_t *one)
{
	return json_dumps(json_object_get(one, "arguments"), JSON_COMPACT | JSON_REAL_PRECISION(15));
}

static void progress_tell(const struct verification *v)
{
	size_t of = json_array_size(v->cases);
	json_t *next = json_array_get(v->cases, v->answered);
	char *arguments = arguments_text(next);
	__cleanup_free char *what = alloc_format("%s %.60s", next ? json_string_value(
		json_object_get(next, "processing")) : "the end", arguments ? arguments : "");

	free(arguments);
	if (v->options->progress)
		v->options->progress(v->options->user, v->answered, of, what);
}

static void fault_take(struct verification *v, json_t *line)
{
	json_t *fault = json_pack("{s:O, s:O, s:O, s:O}", "kind", json_object_get(line, "fault"),
				  "case", json_object_get(line, "case"), "text",
				  json_object_get(line, "text"), "log", json_object_get(line, "log"));

	json_object_set_new(v->report, "fault", fault);
}

static void line_take(void *user, json_t *line)
{
	struct verification *v = user;
	json_t *one = json_array_get(v->cases, json_integer_value(json_object_get(line, "case")));

	if (json_object_get(line, "fault")) {
		fault_take(v, line);
	} else if (json_object_get(line, "case")) {
		json_object_update_missing(one, line);
		json_object_del(one, "case");
		v->answered++;
		progress_tell(v);
	} else if (json_object_get(line, "report")) {
		json_array_append(json_object_get(v->report, "reports"), json_object_get(line, "report"));
	} else {
		json_object_update(v->report, line);	/* isolation, ended */
	}
}

static int case_refuse(struct verification *v, const json_t *one, const char *kind, const char *text,
		       const char *wrote)
{
	char *arguments = arguments_text(one);

	error_set(v->err, -ECANCELED, "%s %s is refused: %s%s%s: %s%s%s%s%s%s", v->application->name,
		  v->application->version,
		  one ? json_string_value(json_object_get(one, "processing")) : "its start",
		  arguments ? " " : "", arguments ? arguments : "", kind, *text ? ", " : "", text,
		  wrote ? "; it wrote \"" : "", wrote ? wrote : "", wrote ? "\"" : "");
	free(arguments);
	return -ECANCELED;
}

static int fault_check(struct verification *v)
{
	json_t *fault = json_object_get(v->report, "fault");
	json_t *place = json_object_get(fault, "case");
	json_t *log = json_object_get(fault, "log");
	size_t n = json_array_size(log);

	if (!fault)
		return 0;
	return case_refuse(v, json_is_integer(place) ?
			   json_array_get(v->cases, json_integer_value(place)) : NULL,
			   json_string_value(json_object_get(fault, "kind")),
			   json_string_value(json_object_get(fault, "text")),
			   n ? json_string_value(json_array_get(log, n - 1)) : NULL);
}

/* With equipment there is no reason for an error, nor for a fault that it reports. */
static int answers_check(struct verification *v)
{
	json_t *reports = json_object_get(v->report, "reports"), *one;
	size_t i;

	if (!v->options->equipment)
		return 0;
	json_array_foreach(v->cases, i, one)
		if (json_object_get(one, "error"))
			return case_refuse(v, one, "it answered with an error",
					   json_string_value(json_object_get(one, "error")), NULL);
	if (!json_array_size(reports))
		return 0;
	return error_set(v->err, -ECANCELED, "%s %s is refused: it reports the fault %s",
			 v->application->name, v->application->version,
			 json_string_value(json_object_get(json_array_get(reports, 0), "name")));
}

static int application_run(struct verification *v, struct tryout *tryout)
{
	char path[PATH_MAX];
	int ret;

	progress_tell(v);
	ret = tryout_run(tryout, runtimes_find(v, path), v->options->equipment, v->cases, line_take, v,
			 v->err);
	if (!ret)
		ret = fault_check(v);
	if (!ret)
		ret = answers_check(v);
	if (!ret && !json_object_get(v->report, "ended"))
		ret = error_set(v->err, -EIO, "%s %s: its run did not come to an end",
				v->application->name, v->application->version);
	return ret;
}

static int all_verify(struct verification *v, struct tryout *tryout)
{
	json_t *unknown = NULL;
	int ret = definitions_take(v);

	if (!ret)
		ret = events_take(v, tryout);
	if (!ret) {
		v->cases = cases_make(v->application, v->definitions, v->events, &unknown, v->err);
		ret = v->cases ? events_check(v) : v->err->code;
	}
	if (unknown)
		json_object_set_new(v->report, "unknown", unknown);
	for (struct definition **d = v->definitions; *d && !ret; d++)
		ret = script_check(v, *d);
	if (!ret && !v->options->skip) {
		json_object_set(v->report, "cases", v->cases);
		ret = application_run(v, tryout);
	}
	return ret;
}

static void report_begin(struct verification *v)
{
	struct utsname machine;

	uname(&machine);
	v->report = json_pack("{s:s, s:s*, s:s*, s:[], s:[], s:[], s:{s:s, s:s}, s:n}", "result", "refused",
			      "reason", v->options->skip, "equipment", v->options->equipment, "scripts",
			      "cases", "reports", "machine", "kernel", machine.release, "architecture",
			      machine.machine, "range");
}

int verification_make(struct store *store, int fd, const char *sha256, int64_t size,
		      const struct application *application,
		      const struct verification_options *options, json_t **report,
		      struct error *err)
{
	__cleanup_tryout struct tryout *tryout = NULL;
	struct verification v = {
		.store = store, .application = application, .options = options, .err = err,
	};
	const char *result;
	int ret;

	report_begin(&v);
	tryout = tryout_open(fd, sha256, size, err);
	ret = tryout ? all_verify(&v, tryout) : err->code;
	/* One that was asked nothing has shown no more than that it starts. */
	result = options->skip ? "skipped" : json_array_size(v.cases) ? "passed" : "unasked";
	if (!ret)
		json_object_set_new(v.report, "result", json_string(result));
	for (struct definition **d = v.definitions; *d; d++)
		definition_free(*d);
	event_list_put(v.events);
	json_decref(v.cases);
	*report = v.report;
	return ret;
}
