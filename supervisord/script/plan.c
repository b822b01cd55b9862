// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/plan.h"

#include <errno.h>
#include <string.h>

static const struct event_list_entry *step_entry(const struct plan *plan, size_t step)
{
	return event_list_find(plan->events, plan->program->steps[step].event);
}

int plan_check(const struct plan *plan, struct error *err)
{
	for (size_t i = 0; i < plan->program->n; i++) {
		const struct program_step *step = &plan->program->steps[i];
		const struct event_list_entry *entry = step_entry(plan, i);

		if (!entry)
			return error_at(err, -ENOENT, step->line, 1,
					"%s:%u:1: event %s is not in this gateway's list of events; add it to events.xml",
					plan->name, step->line, step->event);
		if (entry->application &&
		    plan->timeout(plan->user, entry->application, entry->processing) < 0)
			return error_at(err, -ENOENT, step->line, 1,
					"%s:%u:1: event %s needs processing %s, which %s does not have",
					plan->name, step->line, step->event,
					entry->processing, entry->application);
	}
	return 0;
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

json_t *plan_step(const struct plan *plan, size_t i)
{
	const struct program_step *step = &plan->program->steps[i];
	const struct event_list_entry *entry = step_entry(plan, i);
	json_t *json = json_pack("{s:i, s:s}", "line", (int)step->line, "event", step->event);
	int timeout_s;

	if (step->n_arguments) {
		json_object_set_new(json, "arguments", program_step_params(step));
		json_object_set_new(json, "ranges", step_ranges(step));
	}
	if (!entry || !entry->application)
		return json;
	json_object_set_new(json, "application", json_string(entry->application));
	json_object_set_new(json, "processing", json_string(entry->processing));
	timeout_s = plan->timeout(plan->user, entry->application, entry->processing);
	if (timeout_s > 0)
		json_object_set_new(json, "timeout_s", json_integer(timeout_s));
	return json;
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
	json_t *absent = json_array();
	json_int_t duration_s = 0;

	for (size_t i = 0; i < plan->program->n; i++) {
		const struct event_list_entry *entry = step_entry(plan, i);
		int timeout_s = entry && entry->application ?
			plan->timeout(plan->user, entry->application, entry->processing) : -1;

		if (!timeout_s)
			absent_add(absent, entry->application);
		else if (timeout_s > 0)
			duration_s += timeout_s;
	}
	return json_pack("{s:s, s:I, s:o, s:o}", "service", plan->program->service,
			 "steps", (json_int_t)plan->program->n, "duration_s",
			 json_array_size(absent) ? json_null() : json_integer(duration_s),
			 "absent", absent);
}
