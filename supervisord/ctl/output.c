// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/text.h"
#include "supervisord/ctl/ctl.h"

#define COLUMNS_MAX 8

void ctl_print_json(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	putchar('\n');
}

static json_t *text_cleaned(const char *text)
{
	__cleanup_free char *copy = alloc_copy(text);

	text_clean(copy);
	return json_string(copy);
}

json_t *ctl_clean(json_t *json)
{
	json_t *clean, *value;
	const char *key;
	size_t i;

	if (json_is_string(json))
		return text_cleaned(json_string_value(json));
	if (json_is_array(json)) {
		clean = json_array();
		json_array_foreach(json, i, value)
			json_array_append_new(clean, ctl_clean(value));
		return clean;
	}
	if (!json_is_object(json))
		return json_incref(json);
	clean = json_object();
	json_object_foreach(json, key, value) {
		json_auto_t *name = text_cleaned(key);

		json_object_set_new(clean, json_string_value(name), ctl_clean(value));
	}
	return clean;
}

static json_t *member(json_t *object, const char *path)
{
	char name[64];

	while (object && *path) {
		size_t len = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		object = json_object_get(object, name);
		path += len + (path[len] == '.');
	}
	return object;
}

const char *ctl_text(json_t *object, const char *path)
{
	/* One buffer for each column of a row. */
	static char buffers[COLUMNS_MAX][32];
	static unsigned int next;
	json_t *value = member(object, path);
	char *buffer = buffers[next++ % COLUMNS_MAX];

	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		snprintf(buffer, sizeof(buffers[0]), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(value));
	else if (json_is_real(value))
		snprintf(buffer, sizeof(buffers[0]), "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		strcpy(buffer, json_is_true(value) ? "yes" : "no");
	else
		strcpy(buffer, "-");
	return buffer;
}

double ctl_number(json_t *object, const char *path)
{
	return json_number_value(member(object, path));
}

void ctl_table(json_t *array, const struct ctl_column *columns, const char *empty)
{
	int width[COLUMNS_MAX] = { 0 };
	size_t i;
	json_t *row;

	if (!json_array_size(array)) {
		puts(empty);
		return;
	}
	for (int c = 0; columns[c].title; c++) {
		width[c] = strlen(columns[c].title);
		json_array_foreach(array, i, row) {
			int len = strlen(ctl_text(row, columns[c].path));

			if (len > width[c])
				width[c] = len;
		}
	}
	for (int c = 0; columns[c].title; c++)
		printf("%-*s%s", columns[c + 1].title ? width[c] : 0, columns[c].title,
		       columns[c + 1].title ? "  " : "\n");
	json_array_foreach(array, i, row)
		for (int c = 0; columns[c].title; c++)
			printf("%-*s%s", columns[c + 1].title ? width[c] : 0,
			       ctl_text(row, columns[c].path),
			       columns[c + 1].title ? "  " : "\n");
}
