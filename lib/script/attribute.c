// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/attribute.h"

#include <errno.h>
#include <string.h>

#include "lib/script/allowed.h"
#include "lib/script/token.h"

/* As the DTD asks, and as xmllint checks it; types and ranges come after. */
static bool syntax_valid(const struct definition_attribute *attribute, const char *value)
{
	if (attribute->fixed && strcmp(value, attribute->value))
		return false;
	switch (attribute->syntax) {
	case DEFINITION_NMTOKEN:
		return token_is_nmtoken(value);
	case DEFINITION_NMTOKENS:
		return token_are_nmtokens(value);
	case DEFINITION_ID:
	case DEFINITION_IDREF:
		return token_is_name(value);
	case DEFINITION_IDREFS:
		return token_are_names(value);
	case DEFINITION_ENUMERATION:
		for (const char **v = attribute->allowed; *v; v++)
			if (!strcmp(value, *v))
				return true;
		return false;
	default:
		return true;
	}
}

static const struct definition_attribute *
attribute_find(const struct definition_element *element, const xmlChar *name)
{
	for (unsigned int i = 0; i < element->n_attributes; i++)
		if (!strcmp(element->attributes[i].name, (const char *)name))
			return &element->attributes[i];
	return NULL;
}

/* The value of one attribute, as the parser hands it out (below). */
static void value_refuse(struct reading *reading, const struct definition_element *element,
			 const struct definition_attribute *attribute,
			 const xmlChar **raw, const char *value)
{
	char allowed[256];

	allowed_values(attribute, allowed, sizeof(allowed));
	reading_refuse(reading, -EINVAL, reading_place(reading, (const char *)raw[3]),
	       "\"%.80s\": %s is \"%.60s\"; allowed: %s", element->name, attribute->name,
	       value, allowed);
}

static void attribute_refuse(struct reading *reading,
			     const struct definition_element *element, const xmlChar **raw)
{
	char allowed[256];

	allowed_arguments(element, allowed, sizeof(allowed));
	reading_refuse(reading, -EINVAL, reading_place(reading, (const char *)raw[3]),
	       "\"%.80s\" has no attribute \"%s%s%.80s\"; allowed: %s", element->name,
	       raw[1] ? (const char *)raw[1] : "", raw[1] ? ":" : "", raw[0], allowed);
}

/* An identifier is there once in a script; whether references have one is seen at its end. */
static bool identifiers_take(struct reading *reading, const struct definition_element *element,
			     const struct definition_attribute *attribute, int i,
			     const xmlChar **raw, const char *value)
{
	struct identifier_use use = { .declares = attribute->syntax == DEFINITION_ID, .user = element };
	const char *begin = value, *end;
	size_t len = raw[4] - raw[3];
	bool respelt;
	size_t at = reading_value(reading, i, raw[3], len, &respelt);
	int code = respelt ? identifiers_respell(&reading->identifiers, at, value, len) : 0;

	for (; *value && !code; value = end + (*end == ' ')) {
		for (end = value; *end && *end != ' '; end++)
			;
		use.name = value;
		use.at = at + (value - begin);
		use.length = end - value;
		if (use.length)
			code = identifier_use(&reading->identifiers, &use);
	}
	return reading_identifiers_good(reading, code);
}

/*
 * Attribute @i as the parser hands it out, five pointers: name, prefix, address
 * of the namespace, begin and end of the value. An argument is noted in @given.
 */
static bool attribute_take(struct reading *reading, const struct definition_element *element,
			   int i, const xmlChar **raw, struct program_argument *given)
{
	const struct definition_attribute *attribute = attribute_find(element, raw[0]);
	union argument_number number;
	size_t len = raw[4] - raw[3];
	char *value;

	if (raw[1] || !attribute) {
		attribute_refuse(reading, element, raw);
		return false;
	}
	if (len > SCRIPT_ATTRIBUTE_MAX) {
		reading_refuse(reading, -EFBIG, reading_place(reading, (const char *)raw[3]),
		       "\"%.80s\": %s has %zu bytes; at most %d are allowed",
		       element->name, attribute->name, len, SCRIPT_ATTRIBUTE_MAX);
		return false;
	}
	value = program_alloc(reading->program, len + 1);
	if (!value) {
		reading_out_of_memory(reading);
		return false;
	}
	memcpy(value, raw[3], len);
	value[len] = '\0';
	if (!syntax_valid(attribute, value) ||
	    (attribute->argument && argument_parse(&attribute->rule, value, &number))) {
		value_refuse(reading, element, attribute, raw, value);
		return false;
	}
	if (attribute->syntax >= DEFINITION_ID &&
	    !identifiers_take(reading, element, attribute, i, raw, value))
		return false;
	if (attribute->argument) {
		given[attribute - element->attributes].value = value;
		given[attribute - element->attributes].number = number;
	}
	return true;
}

/* What the script does not say, the definition does, or it is missing. */
static bool argument_complete(struct reading *reading, const struct definition_element *element,
			      const struct definition_attribute *attribute,
			      struct program_argument *given)
{
	char allowed[256];

	if (!given->value && attribute->required) {
		allowed_values(attribute, allowed, sizeof(allowed));
		reading_refuse(reading, -EINVAL, reading_place(reading, reading_tag(reading)),
		       "\"%.80s\" lacks the attribute \"%s\"; allowed: %s",
		       element->name, attribute->name, allowed);
		return false;
	}
	if (!given->value && attribute->value) {
		given->value = attribute->value;
		argument_parse(&attribute->rule, attribute->value, &given->number);
	}
	given->attribute = attribute;
	return true;
}

bool attribute_take_all(struct reading *reading, const struct definition_element *element, int n,
			const xmlChar **raw, struct program_argument *given)
{
	memset(given, 0, element->n_arguments * sizeof(*given));
	for (int i = 0; i < n; i++)
		if (!attribute_take(reading, element, i, raw + 5 * i, given))
			return false;
	for (unsigned int i = 0; i < element->n_arguments; i++)
		if (!argument_complete(reading, element, &element->attributes[i], &given[i]))
			return false;
	return true;
}
