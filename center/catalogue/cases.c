// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/cases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define VALUES_MAX 64
#define TEXT_MAX 4096

/* What an argument is tried with; NULL among them: it is left out. */
struct values {
	const struct definition_attribute *attribute;
	json_t *list[VALUES_MAX];
	unsigned int n;
};

static json_t *value_json(const struct argument_rule *rule, const char *text)
{
	union argument_number number;

	if (argument_parse(rule, text, &number))
		return NULL;
	switch (rule->type) {
	case ARGUMENT_INTEGER:
		return json_integer(number.integer);
	case ARGUMENT_DECIMAL:
		return json_real(number.decimal);
	default:
		return json_string(text);
	}
}

/* Once, and only what is in range. */
static void value_add(struct values *values, const char *text)
{
	json_t *value = text ? value_json(&values->attribute->rule, text) : NULL;

	for (unsigned int i = 0; value && i < values->n; i++)
		if (json_equal(values->list[i], value)) {
			json_decref(value);
			return;
		}
	if (value && values->n < VALUES_MAX)
		values->list[values->n++] = value;
	else
		json_decref(value);
}

static void text_add(struct values *values, int64_t size)
{
	__cleanup_free char *text = NULL;

	if (size < 0 || size > TEXT_MAX)
		size = TEXT_MAX;
	text = alloc_zero(size + 1, 1);
	memset(text, 'a', size);
	value_add(values, text);
}

static void values_collect(struct values *values, const struct definition_attribute *attribute)
{
	const struct argument_rule *rule = &attribute->rule;
	bool listed = attribute->syntax == DEFINITION_ENUMERATION;

	values->attribute = attribute;
	values->n = 0;
	if (attribute->fixed) {
		value_add(values, attribute->value);
		return;
	}
	for (const char **one = attribute->allowed; listed && *one; one++)
		value_add(values, *one);
	if (!listed) {
		value_add(values, rule->minimum);
		value_add(values, rule->maximum);
		value_add(values, attribute->value);
	}
	if (!listed && rule->type != ARGUMENT_INTEGER && rule->type != ARGUMENT_DECIMAL) {
		text_add(values, rule->minimum ? rule->low.integer : 1);
		text_add(values, rule->maximum ? rule->high.integer : 64);
	} else if (!listed && !(rule->minimum && rule->maximum)) {
		value_add(values, "0");
		value_add(values, "1");
		value_add(values, "-1");
	}
	if (!attribute->required && !attribute->value && values->n < VALUES_MAX)
		values->list[values->n++] = NULL;
}

static void case_add(json_t *cases, const char *processing, const char *event, json_t *arguments)
{
	json_t *one = json_pack("{s:s, s:o, s:s}", "processing", processing, "arguments", arguments,
				"event", event);
	json_t *other;
	size_t i;

	/* Several elements may give the same event. */
	json_array_foreach(cases, i, other)
		if (json_equal(one, other)) {
			json_decref(one);
			return;
		}
	if (json_array_size(cases) < CASES_MAX)
		json_array_append_new(cases, one);
	else
		json_decref(one);
}

static json_t *arguments_pick(const struct values *values, unsigned int n, unsigned int number,
			      bool combined)
{
	json_t *arguments = json_object();

	for (unsigned int i = 0; i < n; i++) {
		unsigned int which = combined ? number % values[i].n :
				     number < values[i].n ? number : values[i].n - 1;

		if (combined)
			number /= values[i].n;
		if (values[i].list[which])
			json_object_set(arguments, values[i].attribute->name, values[i].list[which]);
	}
	return arguments;
}

static void start_cases(json_t *cases, const char *processing,
			const struct definition_element *element)
{
	struct values *values = alloc_zero(element->n_arguments + 1, sizeof(*values));
	unsigned int product = 1, most = 1, n = element->n_arguments;
	bool combined, possible = true;

	for (unsigned int i = 0; i < n; i++) {
		values_collect(&values[i], &element->attributes[i]);
		possible &= values[i].n > 0;
		product = product > CASES_COMBINED_MAX ? product : product * values[i].n;
		most = values[i].n > most ? values[i].n : most;
	}
	combined = product <= CASES_COMBINED_MAX;
	for (unsigned int k = 0; possible && k < (combined ? product : most); k++)
		case_add(cases, processing, element->event,
			 arguments_pick(values, n, k, combined));
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int k = 0; k < values[i].n; k++)
			json_decref(values[i].list[k]);
	free(values);
}

/* Does the event drive this processing of the application? */
static bool is_driven(const struct event_list *events, const char *event,
		      const struct application *application, const char *processing)
{
	const struct event_list_entry *entry = event && events ? event_list_find(events, event) : NULL;

	return entry && entry->application && !strcmp(entry->application, application->name) &&
	       (!processing || !strcmp(entry->processing, processing));
}

static void processing_cases(json_t *cases, const struct application *application,
			     const char *processing, const struct definition *definition,
			     const struct event_list *events)
{
	const struct definition_element *elements;
	size_t n;

	elements = definition_elements(definition, &n);
	for (size_t i = 0; i < n; i++) {
		if (is_driven(events, elements[i].event, application, processing))
			start_cases(cases, processing, &elements[i]);
		if (is_driven(events, elements[i].end_event, application, processing))
			case_add(cases, processing, elements[i].end_event, json_object());
	}
}

static int processings_check(const struct application *application,
			     const struct definition *definition, const struct event_list *events,
			     struct error *err)
{
	const char *const *names;
	size_t n = definition_events(definition, &names);

	for (size_t i = 0; i < n; i++) {
		const struct event_list_entry *entry;

		if (!is_driven(events, names[i], application, NULL))
			continue;
		entry = event_list_find(events, names[i]);
		if (!application_processing(application, entry->processing))
			return error_set(err, -ENOENT,
					 "event %s of service %s drives processing %s by the list of events, and %s %s has none of that name",
					 names[i], definition_service(definition), entry->processing,
					 application->name, application->version);
	}
	return 0;
}

json_t *cases_make(const struct application *application, struct definition *const *definitions,
		   const struct event_list *events, json_t **unknown, struct error *err)
{
	json_auto_t *cases = json_array();

	for (struct definition *const *d = definitions; *d; d++)
		if (processings_check(application, *d, events, err))
			return NULL;
	*unknown = json_array();
	for (int i = 0; i < application->n_processings; i++) {
		const char *processing = application->processings[i].name;
		size_t before = json_array_size(cases);

		for (struct definition *const *d = definitions; *d; d++)
			processing_cases(cases, application, processing, *d, events);
		if (json_array_size(cases) == before)
			json_array_append_new(*unknown, json_string(processing));
	}
	return steal_pointer(&cases);
}
