// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/argument.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/script/token.h"

#define DIGIT "0123456789"

static const char *const type_names[] = {
	[ARGUMENT_INTEGER] = "integer",
	[ARGUMENT_DECIMAL] = "decimal",
	[ARGUMENT_STRING] = "string",
	[ARGUMENT_TOKEN] = "token",
};

bool argument_type_parse(const char *name, enum argument_type *type)
{
	for (size_t i = 0; i < sizeof(type_names) / sizeof(*type_names); i++) {
		if (strcmp(name, type_names[i]))
			continue;
		*type = i;
		return true;
	}
	return false;
}

static bool argument_is_number(enum argument_type type)
{
	return type == ARGUMENT_INTEGER || type == ARGUMENT_DECIMAL;
}

static int integer_parse(const char *text, int64_t *value)
{
	size_t sign = *text == '-' || *text == '+';
	size_t digits = strspn(text + sign, DIGIT);

	if (!digits || text[sign + digits])
		return -EINVAL;
	errno = 0;
	*value = strtoll(text, NULL, 10);
	return errno ? -ERANGE : 0;
}

/*
 * strtod() alone would take exponents, hexadecimal, "inf" and "nan" as well, and it
 * is slow. Up to 15 digits and 10^15 are exact in a double, so that one division
 * gives the same value.
 */
static int decimal_parse(const char *text, double *value)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
					 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	const char *p = text + (*text == '-' || *text == '+');
	unsigned int digits = 0, places = 0;
	bool fraction = false;
	uint64_t all = 0;

	for (; *p; p++) {
		if (*p == '.' && !fraction) {
			fraction = true;
			continue;
		}
		if (*p < '0' || *p > '9')
			return -EINVAL;
		digits++;
		places += fraction;
		if (digits <= 15)
			all = 10 * all + (*p - '0');
	}
	if (!digits)
		return -EINVAL;
	if (digits <= 15) {
		*value = (*text == '-' ? -1 : 1) * (double)all / powers[places];
		return 0;
	}
	errno = 0;
	*value = strtod(text, NULL);
	return errno ? -ERANGE : 0;
}

static int number_parse(enum argument_type type, const char *text,
			union argument_number *number)
{
	if (type == ARGUMENT_DECIMAL)
		return decimal_parse(text, &number->decimal);
	return integer_parse(text, &number->integer);
}

static bool number_less(enum argument_type type, union argument_number a,
			union argument_number b)
{
	return type == ARGUMENT_DECIMAL ? a.decimal < b.decimal : a.integer < b.integer;
}

int argument_rule_compile(struct argument_rule *rule)
{
	const union argument_number none = { .integer = 0 };

	rule->low = none;
	rule->high = none;
	if (rule->minimum && number_parse(rule->type, rule->minimum, &rule->low))
		return -EINVAL;
	if (rule->maximum && number_parse(rule->type, rule->maximum, &rule->high))
		return -EINVAL;
	if (rule->minimum && rule->maximum &&
	    number_less(rule->type, rule->high, rule->low))
		return -EINVAL;
	/* A length has no sign. */
	if (!argument_is_number(rule->type) &&
	    (rule->low.integer < 0 || rule->high.integer < 0))
		return -EINVAL;
	return 0;
}

int argument_parse(const struct argument_rule *rule, const char *value,
		   union argument_number *number)
{
	union argument_number measure = { .integer = 0 };
	int code = 0;

	number->integer = 0;
	if (argument_is_number(rule->type)) {
		code = number_parse(rule->type, value, &measure);
		*number = measure;
	} else {
		measure.integer = strlen(value);
		if (rule->type == ARGUMENT_TOKEN && !token_is_nmtoken(value))
			code = -EINVAL;
	}
	if (code)
		return code;
	if (rule->minimum && number_less(rule->type, measure, rule->low))
		return -ERANGE;
	if (rule->maximum && number_less(rule->type, rule->high, measure))
		return -ERANGE;
	return 0;
}

void argument_describe(const struct argument_rule *rule, char *text, size_t size)
{
	const char *bytes = argument_is_number(rule->type) ? "" : " bytes";
	char range[128] = "";

	/* A bound may be written with any number of zeros. */
	if (rule->minimum && rule->maximum)
		snprintf(range, sizeof(range), " from %.40s to %.40s%s", rule->minimum,
			 rule->maximum, bytes);
	else if (rule->minimum)
		snprintf(range, sizeof(range), " of at least %.40s%s", rule->minimum, bytes);
	else if (rule->maximum)
		snprintf(range, sizeof(range), " of at most %.40s%s", rule->maximum, bytes);
	snprintf(text, size, "%s %s%s%s%.60s%s", rule->type == ARGUMENT_INTEGER ? "an" : "a",
		 type_names[rule->type], range, rule->unit ? " (" : "",
		 rule->unit ? rule->unit : "", rule->unit ? ")" : "");
}
