/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types and ranges of the arguments of events (docs/formats.md, "Script
 * definition"). With the content models they are the range of operation.
 */
#ifndef LIB_SCRIPT_ARGUMENT_H
#define LIB_SCRIPT_ARGUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum argument_type {
	ARGUMENT_INTEGER, /* optional sign, digits; 64 bits */
	ARGUMENT_DECIMAL, /* optional sign, digits, optional fraction; no exponent */
	ARGUMENT_STRING,  /* any text */
	ARGUMENT_TOKEN,	  /* one word: an XML Nmtoken */
};

/** union argument_number - which member holds is told by the type; 0 for text */
union argument_number {
	int64_t integer;
	double decimal;
};

/**
 * struct argument_rule - what an argument may be
 * @minimum: inclusive, as the definition writes it; NULL: no bound
 * @maximum: likewise
 * @low: value of @minimum; of text, the least length in bytes, in @low.integer
 * @high: likewise
 * @unit: for people; NULL: none
 *
 * Strings are borrowed from the definition.
 */
struct argument_rule {
	enum argument_type type;
	const char *minimum;
	const char *maximum;
	union argument_number low;
	union argument_number high;
	const char *unit;
};

/** argument_type_parse - the type called @name; false when there is none */
bool argument_type_parse(const char *name, enum argument_type *type);

/**
 * argument_rule_compile - fill in @low and @high from @minimum and @maximum
 *
 * Return: 0, or -EINVAL when a bound is no number of the type or the range is empty.
 */
int argument_rule_compile(struct argument_rule *rule);

/**
 * argument_parse - check a value against a rule
 * @number: the value of a number, 0 for text
 *
 * Return: 0, -EINVAL when it is not of the type, -ERANGE when out of range.
 */
int argument_parse(const struct argument_rule *rule, const char *value,
		   union argument_number *number);

/** argument_describe - what is allowed, in words: "an integer from 16 to 30 (celsius)" */
void argument_describe(const struct argument_rule *rule, char *text, size_t size);

#endif /* LIB_SCRIPT_ARGUMENT_H */
