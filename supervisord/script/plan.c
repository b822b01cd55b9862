// SPDX-License-Identifier: GPL-2.0-only
#include "lib/text.h"
#include "supervisord/script/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct event_list_entry *entry_of(const struct plan *plan,
					       const struct program_step *step)
{
	return event_list_find(plan->events, step->event);
}

/* What a step's processing takes: 0 when that is not known, or it has none. */
static int timeout_of(const struct plan *plan, const struct program_step *step)
{
	const struct event_list_entry *entry = step->event ? entry_of(plan, step) : NULL;
	int timeout_s = entry && entry->application ?
		plan->timeout(plan->user, entry->application, entry->processing) : 0;

	return timeout_s > 0 ? timeout_s : 0;
}

/* struct costing - the applications of a plan, as they were met: numbers for program_measure() */
struct costing {
	const struct plan *plan;
	const char *applications[PROGRAM_APPLICATIONS_MAX];
	unsigned int n;
};

/* More of them than there are numbers count as one, which can only make branches longer. */
static unsigned int application_number(struct costing *costing, const char *application)
{
	for (unsigned int i = 0; i < costing->n; i++)
		if (!strcmp(costing->applications[i], application))
			return i;
	if (costing->n == PROGRAM_APPLICATIONS_MAX)
		return PROGRAM_APPLICATIONS_MAX - 1;
	costing->applications[costing->n] = application;
	return costing->n++;
}

static struct program_cost step_cost(void *user, const struct program_step *step)
{
	struct costing *costing = user;
	struct program_cost cost = { timeout_of(costing->plan, step) * 1000ULL };

	if (cost.ms)
		cost.application = application_number(costing, entry_of(costing->plan, step)->application);
	return cost;
}

static int plan_measure(const struct plan *plan, struct program_length *length, unsigned int *line)
{
	struct costing costing = { .plan = plan };

	return program_measure(plan->program, step_cost, &costing, length, line);
}

static int step_check(const struct plan *plan, const struct program_step *step,
		      struct error *err)
{
	const struct event_list_entry *entry = entry_of(plan, step);

	if (!entry)
		return error_at(err, -ENOENT, step->line, 1,
				"%s:%u:1: event %s is not in this gateway's list of events; add it to events.xml",
				plan->name, step->line, step->event);
	if (!entry->application && step->kind != PROGRAM_EVENT)
		return error_at(err, -ENOENT, step->line, 1,
				"%s:%u:1: event %s has no processing in this gateway's list of events that could answer with the reading %s",
				plan->name, step->line, step->event,
				step->control->reading->name);
	if (entry->application &&
	    plan->timeout(plan->user, entry->application, entry->processing) < 0) {
		if (plan->refused)
			*plan->refused = entry;
		return error_at(err, -ENOENT, step->line, 1,
				"%s:%u:1: event %s needs processing %s, which %s does not have",
				plan->name, step->line, step->event, entry->processing,
				entry->application);
	}
	return 0;
}

int plan_check(const struct plan *plan, struct error *err)
{
	const struct program *program = plan->program;
	struct program_length length;
	unsigned int line;
	int ret = 0;

	for (size_t i = 0; i < program->n && !ret; i++)
		if (program->steps[i].event)
			ret = step_check(plan, &program->steps[i], err);
	if (!ret && plan_measure(plan, &length, &line))
		ret = error_at(err, -E2BIG, line, 1,
			       "%s:%u:1: too long in the worst case, with the time that processings may take; at most %llu days are allowed",
			       plan->name, line, PROGRAM_MS_MAX / 86400000);
	return ret;
}

static json_t *step_ranges(const struct program_step *step)
{
	json_t *ranges = json_object();

	for (unsigned int i = 0; i < step->n_arguments; i++) {
		const struct definition_attribute *attribute = step->arguments[i].attribute;
		char text[256];

		argument_describe(&attribute->rule, text, sizeof(text));
		json_object_set_new(ranges, attribute->name, json_string(text));
	}
	return ranges;
}

static json_t *event_line(const struct program_step *step)
{
	json_t *json = json_pack("{s:s}", "event", step->event);

	if (step->once)
		json_object_set_new(json, "once", json_true());
	if (step->n_arguments) {
		json_object_set_new(json, "arguments", program_step_params(step));
		json_object_set_new(json, "ranges", step_ranges(step));
	}
	return json;
}

static json_t *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

static json_t *text_format(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return json_string(text);
}

/* Of a wait until a condition holds, and of a choice. */
static json_t *condition_line(const struct program_step *step)
{
	const struct program_control *control = step->control;
	const char *is = control_is_name(control->is), *unit = control->reading->rule.unit;
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:f}", "control",
				 step->kind == PROGRAM_CHOOSE ? "choose" : "wait-until",
				 "event", step->event, "reading", control->reading->name,
				 "is", is, "value", control->value);
	char condition[256];

	snprintf(condition, sizeof(condition), "%s %s %g%s%.60s", control->reading->name, is,
		 control->value, unit ? " " : "", unit ? unit : "");
	if (step->kind == PROGRAM_CHOOSE) {
		json_object_set_new(json, "text", text_format("if %s", condition));
		return json;
	}
	json_object_set_new(json, "within_s", json_real(control->wait_ms / 1e3));
	json_object_set_new(json, "every_s", json_real(control->every_ms / 1e3));
	json_object_set_new(json, "late",
			    json_string(control->late_goes_on ? "go-on" : "fail"));
	json_object_set_new(json, "text",
			    text_format("wait until %s, asking every %g s, %g s at most, else %s",
					condition, control->every_ms / 1e3,
					control->wait_ms / 1e3,
					control->late_goes_on ? "go on" : "fail"));
	return json;
}

static json_t *on_fault_line(const struct program_control *control)
{
	const char *policy = control_policy_name(control->policy);
	bool bounded = control->policy != CONTROL_GIVE_UP;
	json_t *text = bounded ? text_format("on fault %s, %u time%s at most", policy,
					     control->count, text_s(control->count)) :
				 text_format("on fault %s", policy);

	return json_pack("{s:s, s:s, s:i, s:o}", "control", "on-fault", "do", policy,
			 "attempts", bounded ? (int)control->count : 0, "text", text);
}

/* Ends of blocks are seen by the depth of what follows: NULL. */
static json_t *step_line(const struct program_step *step)
{
	const struct program_control *control = step->control;

	switch (step->kind) {
	case PROGRAM_EVENT:
		return event_line(step);
	case PROGRAM_WAIT:
		return json_pack("{s:s, s:f, s:o}", "control", "wait", "seconds",
				 control->wait_ms / 1e3, "text",
				 text_format("wait %g s", control->wait_ms / 1e3));
	case PROGRAM_WAIT_UNTIL_TIME:
		return json_pack("{s:s, s:o, s:o}", "control", "wait-until-time", "time",
				 text_format("%02u:%02u:%02u", control->count / 3600,
					     control->count / 60 % 60, control->count % 60), "text",
				 text_format("wait until it is %02u:%02u:%02u", control->count / 3600,
					     control->count / 60 % 60, control->count % 60));
	case PROGRAM_WAIT_UNTIL:
	case PROGRAM_CHOOSE:
		return condition_line(step);
	case PROGRAM_REPEAT:
		return json_pack("{s:s, s:i, s:o}", "control", "repeat", "times",
				 (int)control->count, "text",
				 text_format("repeat %u time%s", control->count,
					     text_s(control->count)));
	case PROGRAM_ON_FAULT:
		return on_fault_line(control);
	case PROGRAM_PARALLEL:
		return json_pack("{s:s, s:i, s:o}", "control", "parallel", "branches",
				 (int)control->count, "text",
				 text_format("at the same time, %u branches", control->count));
	case PROGRAM_BRANCH:
		return json_pack("{s:s, s:i, s:o}", "control", "branch", "branch",
				 (int)control->count, "text", text_format("branch %u", control->count));
	case PROGRAM_OTHERWISE:
		return control->otherwise == control->end ? NULL :
			json_pack("{s:s, s:s}", "control", "otherwise", "text", "otherwise");
	default:
		return NULL;
	}
}

static void line_complete(const struct plan *plan, const struct program_step *step,
			  unsigned int depth, json_t *json)
{
	const struct event_list_entry *entry = step->event ? entry_of(plan, step) : NULL;
	int timeout_s = timeout_of(plan, step);

	json_object_set_new(json, "line", json_integer(step->line));
	if (depth)
		json_object_set_new(json, "depth", json_integer(depth));
	if (!entry || !entry->application)
		return;
	json_object_set_new(json, "application", json_string(entry->application));
	json_object_set_new(json, "processing", json_string(entry->processing));
	if (timeout_s)
		json_object_set_new(json, "timeout_s", json_integer(timeout_s));
}

size_t plan_show(const struct plan *plan, size_t max, plan_line_fn show, void *user)
{
	unsigned int depth = 0;
	size_t n = 0;

	for (size_t i = 0; i < plan->program->n; i++) {
		const struct program_step *step = &plan->program->steps[i];
		json_t *line = step_line(step);

		depth -= program_step_closes(step);
		if (line && n++ < max) {
			line_complete(plan, step, depth - (step->kind == PROGRAM_OTHERWISE),
				      line);
			show(user, line);
		}
		json_decref(line);
		depth += program_step_opens(step);
	}
	return n > max ? n - max : 0;
}

static void absent_add(json_t *absent, const char *application)
{
	size_t i;
	json_t *name;

	json_array_foreach(absent, i, name)
		if (!strcmp(json_string_value(name), application))
			return;
	json_array_append_new(absent, json_string(application));
}

json_t *plan_summary(const struct plan *plan)
{
	struct program_length length;
	json_t *absent = json_array();
	unsigned int line;

	for (size_t i = 0; i < plan->program->n; i++) {
		const struct program_step *step = &plan->program->steps[i];
		const struct event_list_entry *entry = step->event ? entry_of(plan, step) : NULL;

		if (entry && entry->application &&
		    !plan->timeout(plan->user, entry->application, entry->processing))
			absent_add(absent, entry->application);
	}
	plan_measure(plan, &length, &line);
	return json_pack("{s:s, s:I, s:o, s:o}", "service", plan->program->service,
			 "steps", (json_int_t)length.requests, "duration_s",
			 json_array_size(absent) ? json_null() : json_real(length.ms / 1e3),
			 "absent", absent);
}
