// SPDX-License-Identifier: GPL-2.0-only
#include "center/fault/obtaining.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DIGITS "0123456789"
#define BOOT_CHARACTERS DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"
#define DEFAULT_GROUP "default"

int fault_id_parse(const char *text, struct fault_id *id)
{
	const char *dash = text ? strrchr(text, '-') : NULL;
	const char *number = dash ? dash + 1 : NULL;
	size_t len;

	if (!dash || dash == text || dash - text > FAULT_BOOT_MAX)
		return -EINVAL;
	len = strlen(number);
	if (!len || number[strspn(number, DIGITS)] || (len > 1 && number[0] == '0'))
		return -EINVAL;
	if (strspn(text, BOOT_CHARACTERS) < (size_t)(dash - text))
		return -EINVAL;
	errno = 0;
	id->number = strtoll(number, NULL, 10);
	if (errno)
		return -EINVAL;
	snprintf(id->boot, sizeof(id->boot), "%.*s", (int)(dash - text), text);
	return 0;
}

bool obtaining_time_valid(const char *text)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd";
	struct tm tm = {};
	size_t i;

	if (!text)
		return false;
	for (i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? !strchr(DIGITS, text[i]) || !text[i] :
		    text[i] != shape[i])
			return false;
	if (!strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
		return false;
	if (text[i] == '.') {
		size_t digits = strspn(text + i + 1, DIGITS);

		if (!digits || digits > 9)
			return false;
		i += 1 + digits;
	}
	return !strcmp(text + i, "Z");
}

/**
 * struct text_field - a field that is a string
 * @required: it must be there and not be null
 * @allowed: in words, for the error
 */
struct text_field {
	const char *name;
	bool required;
	bool (*valid)(const char *value);
	const char *allowed;
};

static json_t *body_parse(const char *body, size_t size, struct error *err)
{
	json_error_t why;
	json_t *json;

	if (!size) {
		error_set(err, -EINVAL, "the body is empty");
		return NULL;
	}
	json = json_loadb(body, size, JSON_REJECT_DUPLICATES, &why);
	if (!json) {
		error_at(err, -EINVAL, why.line, why.column,
			 "the body is not JSON: line %d, column %d: %s", why.line,
			 why.column, why.text);
		return NULL;
	}
	if (!json_is_object(json)) {
		error_set(err, -EINVAL, "the body is not an object");
		json_decref(json);
		return NULL;
	}
	return json;
}

/* A misspelt field must not pass for one that is not there. */
static int fields_known(json_t *body, const char *const *names, struct error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value) {
		const char *const *name = names;

		while (*name && strcmp(*name, key))
			name++;
		if (!*name)
			return error_set(err, -EINVAL, "%.64s: no such field; what is more goes into \"data\"",
					 key);
	}
	return 0;
}

/* An optional one that is null or empty is not there. */
static int text_field(json_t *body, const struct text_field *field, const char **text,
		      struct error *err)
{
	json_t *value = json_object_get(body, field->name);
	bool given = value && !json_is_null(value);

	*text = NULL;
	if (!field->required && (!given || (json_is_string(value) && !json_string_length(value))))
		return 0;
	if (!given)
		return error_set(err, -EINVAL, "%s is missing; %s", field->name,
				 field->allowed);
	*text = json_string_value(value);
	if (!*text || !field->valid(*text))
		return error_set(err, -EINVAL, "%s: \"%.128s\" is not valid; %s", field->name,
				 *text ? *text : "(no string)", field->allowed);
	return 0;
}

/* SQLite's JSON functions, which list faults, have a limit of their own. */
static bool depth_within(json_t *value, int depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (!depth)
		return false;
	json_object_foreach(value, key, item)
		if (!depth_within(item, depth - 1))
			return false;
	json_array_foreach(value, i, item)
		if (!depth_within(item, depth - 1))
			return false;
	return true;
}

static bool action_valid(const char *text)
{
	enum action action;

	return action_parse(text, &action);
}

static bool result_valid(const char *text)
{
	return !strcmp(text, "restored") || !strcmp(text, "failed") || !strcmp(text, "none");
}

static bool detail_valid(const char *text)
{
	return strlen(text) <= OUTCOME_DETAIL_MAX;
}

/* What not every outcome has. */
static int outcome_more(struct outcome *outcome, struct error *err)
{
	json_t *loop = json_object_get(outcome->body, "loop");
	json_t *data = json_object_get(outcome->body, "data");

	if (loop && !json_is_boolean(loop))
		return error_set(err, -EINVAL, "loop: true or false is needed");
	outcome->loop = json_is_true(loop);
	if (!data)
		return 0;
	if (!json_is_object(data) || !depth_within(data, FAULT_DATA_DEPTH_MAX))
		return error_set(err, -EINVAL, "data: not an object, or nested deeper than %d",
				 FAULT_DATA_DEPTH_MAX);
	outcome->data = json_dumps(data, JSON_COMPACT);
	return outcome->data ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int outcome_fields(struct outcome *outcome, struct error *err)
{
	static const struct text_field fields[] = {
		{ "action", true, action_valid, "the name of an action" },
		{ "result", true, result_valid, "restored, failed or none" },
		{ "detail", false, detail_valid, "at most 4096 bytes" },
	};
	json_t *duration = json_object_get(outcome->body, "duration_ms");
	const char *action;

	if (text_field(outcome->body, &fields[0], &action, err) ||
	    text_field(outcome->body, &fields[1], &outcome->result, err) ||
	    text_field(outcome->body, &fields[2], &outcome->detail, err))
		return err->code;
	action_parse(action, &outcome->action);
	outcome->duration_ms = json_number_value(duration);
	if (!json_is_number(duration) || outcome->duration_ms < 0)
		return error_set(err, -EINVAL, "duration_ms: a number of milliseconds is needed");
	return outcome_more(outcome, err);
}

/* Checks an outcome; @body is consumed. */
static struct outcome *outcome_read(json_t *body, struct error *err)
{
	static const char *const names[] = { "action", "result", "duration_ms", "detail",
					     "loop", "data", NULL };
	__cleanup_outcome struct outcome *outcome = calloc(1, sizeof(*outcome));

	if (!outcome) {
		error_set(err, -ENOMEM, "out of memory");
		json_decref(body);
		return NULL;
	}
	outcome->body = body;
	if (fields_known(body, names, err) || outcome_fields(outcome, err))
		return NULL;
	return steal_pointer(&outcome);
}

struct outcome *obtaining_outcome(const char *body, size_t size, struct error *err)
{
	json_t *json = body_parse(body, size, err);

	return json ? outcome_read(json, err) : NULL;
}

void outcome_free(struct outcome *outcome)
{
	json_decref(outcome->body);
	free(outcome->data);
	free(outcome);
}

static bool id_valid(const char *text)
{
	struct fault_id id;

	return !fault_id_parse(text, &id);
}

static int fault_texts(struct fault *fault, struct error *err)
{
	static const char name[] = "lower-case letters, digits and dashes, 63 at most";
	static const struct text_field fields[] = {
		{ "id", true, id_valid, "a boot id, a dash and a number" },
		{ "kind", true, kind_valid, "names joined by dots, 127 bytes at most" },
		{ "time", true, obtaining_time_valid, "RFC 3339 in UTC, as 2026-01-31T23:59:59.123Z" },
		{ "application", false, name_valid, name },
		{ "version", false, version_valid, "letters, digits and .+~-, 32 at most" },
		{ "group", false, name_valid, name },
	};
	const char *id;
	const char **texts[] = { &id, &fault->kind, &fault->time, &fault->application,
				 &fault->version, &fault->group };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (text_field(fault->body, &fields[i], texts[i], err))
			return err->code;
	if (!fault->group)
		fault->group = DEFAULT_GROUP;
	return fault_id_parse(id, &fault->id);
}

static int fault_data(struct fault *fault, struct error *err)
{
	json_t *data = json_object_get(fault->body, "data");

	if (!depth_within(data, FAULT_DATA_DEPTH_MAX))
		return error_set(err, -EINVAL, "data: nested deeper than %d",
				 FAULT_DATA_DEPTH_MAX);
	if (data && !json_is_null(data) && !json_is_object(data))
		return error_set(err, -EINVAL, "data: not an object");
	fault->data = json_is_object(data) ? json_dumps(data, JSON_COMPACT) : strdup("{}");
	return fault->data ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static bool why_valid(const char *text)
{
	return !strcmp(text, "list") || !strcmp(text, "overdue") || !strcmp(text, "refused");
}

/* What the gateway has done by itself: {why, policy_version, countermeasure}, and its outcome. */
static int fault_decided(struct fault *fault, struct error *err)
{
	static const struct text_field why = { "why", true, why_valid, "list, overdue or refused" };
	static const char *const names[] = { "why", "policy_version", "countermeasure", NULL };
	json_t *decided = json_object_get(fault->body, "decided");
	json_t *outcome = json_object_get(fault->body, "outcome");
	json_t *version = json_object_get(decided, "policy_version");
	json_t *countermeasure = json_object_get(decided, "countermeasure");
	struct action_terms terms;

	if (!decided)
		return outcome ? error_set(err, -EINVAL, "outcome: it needs \"decided\"") : 0;
	if (!json_is_object(decided))
		return error_set(err, -EINVAL, "decided: not an object");
	if (fields_known(decided, names, err) ||
	    text_field(decided, &why, &fault->decided_why, err) ||
	    action_terms_read(countermeasure, &terms, err))
		return err->code;
	if (!json_is_integer(version) || json_integer_value(version) < 0)
		return error_set(err, -EINVAL, "policy_version: a whole number is needed");
	fault->policy_version = json_integer_value(version);
	fault->countermeasure = json_dumps(countermeasure, JSON_COMPACT);
	if (!fault->countermeasure)
		return error_set(err, -ENOMEM, "out of memory");
	if (!outcome)
		return 0;
	if (!json_is_object(outcome))
		return error_set(err, -EINVAL, "outcome: not an object");
	fault->outcome = outcome_read(json_incref(outcome), err);
	return fault->outcome ? 0 : err->code;
}

struct fault *obtaining_fault(const char *body, size_t size, struct error *err)
{
	static const char *const names[] = { "id", "kind", "application", "version",
					     "time", "group", "data", "decided", "outcome", NULL };
	__cleanup_fault struct fault *fault = calloc(1, sizeof(*fault));

	if (!fault) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	fault->body = body_parse(body, size, err);
	if (!fault->body || fields_known(fault->body, names, err) ||
	    fault_texts(fault, err) || fault_data(fault, err) || fault_decided(fault, err))
		return NULL;
	return steal_pointer(&fault);
}

void fault_free(struct fault *fault)
{
	json_decref(fault->body);
	free(fault->data);
	free(fault->countermeasure);
	if (fault->outcome)
		outcome_free(fault->outcome);
	free(fault);
}
