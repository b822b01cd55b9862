// SPDX-License-Identifier: GPL-2.0-only
#include "center/cli/command.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CELL_SIZE 160
#define COLUMNS_MAX 12

enum { OPTION_DATA = 0x100, OPTION_STORE, OPTION_JSON };

static const struct argp_option common_options[] = {
	{ "data", OPTION_DATA, "DIR", 0, "Data folder (" COMMAND_DATA_DEFAULT ")", -1 },
	{ "store", OPTION_STORE, "URL", 0,
	  "postgresql://… instead of SQLite in the data folder ($" COMMAND_STORE_VARIABLE ")", -1 },
	{ "json", OPTION_JSON, NULL, 0, "Print JSON", -1 },
	{},
};

static error_t common_parse(int key, char *text, struct argp_state *state)
{
	struct cli *cli = state->input;

	switch (key) {
	case OPTION_DATA:
		cli->place.data = text;
		return 0;
	case OPTION_STORE:
		if (!store_url_valid(text))
			argp_error(state, "--store %s: postgresql://… is needed", text);
		cli->place.url = text;
		return 0;
	case OPTION_JSON:
		cli->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp command_argp = {
	.options = common_options,
	.parser = common_parse,
};

error_t command_operand(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = arguments->cli;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->n_operands == arguments->operands_max)
			argp_error(state, "\"%s\" is one argument too many", text);
		arguments->operands[arguments->n_operands++] = text;
		return 0;
	case ARGP_KEY_END:
		if (arguments->n_operands < arguments->operands_min)
			argp_error(state, "an argument is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void command_arguments(struct arguments *arguments, const char *operands,
		       const char *help, int argc, char **argv)
{
	const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, {} };
	const struct argp argp = {
		.parser = command_operand,
		.args_doc = operands,
		.doc = help,
		.children = children,
	};

	argp_parse(&argp, argc, argv, 0, NULL, arguments);
}

void command_user(char *name, size_t size)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *user = sudo && *sudo ? NULL : getpwuid(getuid());

	snprintf(name, size, "%s", sudo && *sudo ? sudo : user ? user->pw_name : "unknown");
}

const char *command_line(struct argp_state *state, const char *option, const char *text,
			 size_t maximum)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			argp_error(state, "--%s: one line of text is needed", option);
	if (strlen(text) >= maximum)
		argp_error(state, "--%s: at most %zu bytes", option, maximum - 1);
	return text;
}

long command_number(struct argp_state *state, const char *option, const char *text, long minimum,
		    long maximum)
{
	long number;

	errno = 0;
	number = strtol(text, NULL, 10);
	if (errno || !*text || text[strspn(text, "0123456789")] || number < minimum || number > maximum)
		argp_error(state, "--%s %s: a whole number from %ld to %ld is needed", option, text,
			   minimum, maximum);
	return number;
}

long command_duration(struct argp_state *state, const char *option, const char *text)
{
	static const struct { char unit; long seconds; } units[] = {
		{ '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char *end;
	long number = strtol(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (end != text && *end == units[i].unit && (!*end || !end[1]) && number > 0 &&
		    number <= 100000)
			return number * units[i].seconds;
	argp_error(state, "--%s %s: a time as 90s, 15m, 12h or 7d is needed", option, text);
	return 0;
}

int command_fail(const struct error *err)
{
	/* What begins with file and line is left as editors read it. */
	fprintf(stderr, "%s%s\n", err->line ? "" : COMMAND_PROGRAM ": ", err->text);
	return COMMAND_FAILED;
}

static json_t *row_value(json_t *row, const char *key)
{
	while (row) {
		size_t len = strcspn(key, ".");

		row = json_object_getn(row, key, len);
		if (!key[len])
			break;
		key += len + 1;
	}
	return row;
}

static void cell_text(json_t *row, const char *key, char text[CELL_SIZE])
{
	json_t *value = row_value(row, key);

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		snprintf(text, CELL_SIZE, "%s", json_string_value(value));
		break;
	case JSON_INTEGER:
		snprintf(text, CELL_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		snprintf(text, CELL_SIZE, "%.1f", json_real_value(value));
		break;
	case JSON_TRUE:
		snprintf(text, CELL_SIZE, "yes");
		break;
	case JSON_ARRAY:
		snprintf(text, CELL_SIZE, "%zu", json_array_size(value));
		break;
	default:
		snprintf(text, CELL_SIZE, "-");
	}
	if (!text[0])
		snprintf(text, CELL_SIZE, "-");
}

static void line_print(json_t *row, const struct column *columns, const int *widths)
{
	char text[CELL_SIZE];

	for (int i = 0; columns[i].key; i++) {
		if (row)
			cell_text(row, columns[i].key, text);
		else
			snprintf(text, sizeof(text), "%s", columns[i].title);
		/* No spaces behind the last column. */
		if (columns[i + 1].key)
			printf("%-*s  ", widths[i], text);
		else
			printf("%s\n", text);
	}
}

static void table_print(json_t *rows, const struct column *columns)
{
	int widths[COLUMNS_MAX] = {};
	char text[CELL_SIZE];
	json_t *row;
	size_t n;

	for (int i = 0; columns[i].key; i++) {
		widths[i] = strlen(columns[i].title);
		json_array_foreach(rows, n, row) {
			cell_text(row, columns[i].key, text);
			if ((int)strlen(text) > widths[i])
				widths[i] = strlen(text);
		}
	}
	line_print(NULL, columns, widths);
	json_array_foreach(rows, n, row)
		line_print(row, columns, widths);
}

int command_print_rows(const struct cli *cli, json_t *rows, const struct column *columns,
		       const struct error *err)
{
	if (!rows)
		return command_fail(err);
	if (cli->json)
		command_print_json(rows);
	else if (json_array_size(rows))
		table_print(rows, columns);
	else
		fprintf(stderr, "none\n");
	json_decref(rows);
	return 0;
}

void command_print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	putchar('\n');
}
