// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/branch_show.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "supervisord/reliability/collection.h"

static void show(const struct branch *branch, struct event event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* With the line of the script, and the branch, which the text begins with. */
static void show(const struct branch *branch, struct event event, const char *format, ...)
{
	char name[BRANCH_NAME_SIZE], *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	branch_name(branch, name);
	if (*name)
		json_object_set_new(event.data, "branch", json_string(name));
	collection_add(branch->drive->setup.gateway, &event, "%s%s%s%s", *name ? "branch " : "", name,
		       *name ? ": " : "", text ? text : "");
	free(text);
}

/* What is no application's is recorded for the script's first one. */
static struct event script_event(const struct branch *branch, const char *name, json_t *data)
{
	return (struct event){ .part = "script", .name = name,
			       .application = branch->drive->setup.application, .data = data };
}

static json_t *step_data(const struct branch *branch, json_t *params)
{
	const struct program_step *step = branch_step(branch);
	json_t *data = json_pack("{s:s, s:s, s:i, s:I, s:O}", "service", branch->drive->setup.service,
				 "event", step->event, "line", (int)step->line, "step",
				 (json_int_t)branch->machine.step, "arguments", params);
	unsigned int round, of;

	if (machine_round(&branch->machine, &round, &of)) {
		json_object_set_new(data, "round", json_integer(round));
		json_object_set_new(data, "rounds", json_integer(of));
	}
	return data;
}

void branch_show_step(const struct branch *branch, const struct event_list_entry *entry)
{
	const struct program_step *step = branch_step(branch);
	json_t *params = branch_params(step);
	char *text = json_dumps(params, JSON_COMPACT | JSON_REAL_PRECISION(15));
	struct event event = script_event(branch, "script.event", step_data(branch, params));

	if (entry->application)
		event.application = entry->application;
	show(branch, event, "%s%s%s%s%s", step->event, json_object_size(params) ? " " : "",
	     json_object_size(params) ? text : "", entry->processing ? " -> " : "",
	     entry->processing ? entry->processing : "");
	json_decref(params);
	free(text);
}

void branch_show_answer(const struct branch *branch, const struct event_list_entry *entry,
			json_t *result, uint64_t begun_ns)
{
	char *text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	show(branch, (struct event){
		.part = "application", .name = "processing.answered",
		.application = entry->application,
		.data = json_pack("{s:s, s:O}", "processing", entry->processing,
				  "result", result) },
	     "%s answered %s in %.1f ms", entry->processing, text ? text : "",
	     (clock_now() - begun_ns) / 1e6);
	free(text);
}

void branch_show_wait(const struct branch *branch)
{
	double seconds = machine_pause_ms(&branch->machine) / 1e3;

	show(branch, script_event(branch, "script.wait",
		json_pack("{s:s, s:i, s:f}", "service", branch->drive->setup.service, "line",
			  (int)branch_step(branch)->line, "seconds", seconds)),
	     "waits %g s", seconds);
}

void branch_show_time(const struct branch *branch)
{
	time_t due = branch->machine.due;
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&due, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	show(branch, script_event(branch, "script.wait",
		json_pack("{s:s, s:i, s:s}", "service", branch->drive->setup.service, "line",
			  (int)branch_step(branch)->line, "until", text)),
	     "waits until %s", text);
}

void branch_show_condition(const struct branch *branch, const struct program_step *step,
			   double reading, bool met)
{
	const struct program_control *control = step->control;

	show(branch, script_event(branch, "script.condition",
		json_pack("{s:s, s:i, s:s, s:f, s:s, s:f, s:b}", "service",
			  branch->drive->setup.service, "line", (int)step->line, "reading",
			  control->reading->name, "found", reading, "is",
			  control_is_name(control->is), "value", control->value, "met", met)),
	     "%s is %g: %s%s %g", control->reading->name, reading, met ? "" : "not ",
	     control_is_name(control->is), control->value);
}

static void show_parallel(const struct branch *branch, const char *name, const char *what)
{
	const struct program_step *step = branch_step(branch);

	show(branch, script_event(branch, name,
		json_pack("{s:s, s:i, s:i}", "service", branch->drive->setup.service, "line",
			  (int)step->line, "branches", (int)step->control->count)),
	     "%u branches %s", step->control->count, what);
}

void branch_show_fork(const struct branch *branch)
{
	show_parallel(branch, "script.parallel", "begin");
}

void branch_show_join(const struct branch *branch)
{
	show_parallel(branch, "script.joined", "have ended");
}

void branch_show_fault(const struct branch *branch, const struct app *app,
		       const struct program_step *step, const struct program_step *block,
		       enum control_policy policy)
{
	struct event event = script_event(branch, "script.on-fault",
		json_pack("{s:s, s:s, s:i, s:i, s:s}", "service", branch->drive->setup.service,
			  "event", step->event, "line", (int)step->line, "block", (int)block->line,
			  "do", control_policy_name(policy)));

	event.application = app->name;
	show(branch, event, "%s was interrupted; on-fault of line %u: %s", step->event, block->line,
	     control_policy_name(policy));
}
