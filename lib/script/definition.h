/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Script definition (331): what the scripts of a service may contain, and which
 * event each tag gives. It is read from a DTD (docs/formats.md) by libxml2's own
 * DTD parser; nothing else is opened.
 */
#ifndef LIB_SCRIPT_DEFINITION_H
#define LIB_SCRIPT_DEFINITION_H

#include <libxml/xmlregexp.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/script/argument.h"
#include "lib/script/control.h"

#define DEFINITION_SIZE_MAX (256 << 10)
/* Attributes of one element, those that say what it means included. */
#define DEFINITION_ATTRIBUTES_MAX 64

/* How a value is written, by the attribute's type in the DTD. */
enum definition_syntax {
	DEFINITION_CDATA,
	DEFINITION_NMTOKEN,
	DEFINITION_NMTOKENS,
	DEFINITION_ENUMERATION,
	DEFINITION_ID,
	DEFINITION_IDREF,
	DEFINITION_IDREFS,
};

/**
 * struct definition_attribute - an attribute that a tag may have
 * @value: default or fixed value; NULL: none
 * @allowed: of an enumeration, the values, ended by NULL
 * @argument: it is an argument of the start event, and @rule holds; the
 *	others say what the tag means, and are all fixed
 */
struct definition_attribute {
	const char *name;
	enum definition_syntax syntax;
	bool required;
	bool fixed;
	bool argument;
	const char *value;
	const char **allowed;
	struct argument_rule rule;
};

/**
 * struct definition_element - a tag
 * @event: event of its start; NULL: none
 * @end_event: event of its end; NULL: none
 * @control: it is of the control vocabulary, and has neither
 * @content: automaton of its content; NULL: it must be empty
 * @n_arguments: the first attributes are the arguments, in the order of the DTD
 */
struct definition_element {
	const char *name;
	const char *event;
	const char *end_event;
	enum control_kind control;
	xmlRegexp *content;
	unsigned int n_arguments;
	unsigned int n_attributes;
	struct definition_attribute *attributes;
};

/**
 * struct definition_reading - a number that conditions of scripts can ask for
 * @event: drives the processing that answers with the reading
 * @member: name of the number in the processing's result
 * @rule: what it can be compared with: decimals
 */
struct definition_reading {
	const char *name;
	const char *event;
	const char *member;
	struct argument_rule rule;
};

struct definition;

/**
 * definition_load - read and compile a definition
 * @path: SERVICE.dtd; it must declare an element SERVICE
 * @err: names the element and the attribute that are at fault
 *
 * Refused (-EINVAL): what is no DTD; external entities but the control vocabulary
 * (dtd.h), and general ones; controls without their bounds; text in the
 * content (ANY, #PCDATA); content that is not deterministic, names an element
 * that is not declared, or names more than 256 (4,096 in all); attribute types
 * other than CDATA, NMTOKEN(S), enumerations, ID and IDREF(S), those with a value of
 * their own, and a second ID; an argument without type, with
 * an empty range, with a default outside its range, or on an element without
 * event. Over DEFINITION_SIZE_MAX: -EFBIG.
 *
 * Return: freed with definition_free(); NULL with @err set.
 */
struct definition *definition_load(const char *path, struct error *err);

/** definition_get - one more owner; each calls definition_free() */
struct definition *definition_get(const struct definition *definition);
void definition_free(struct definition *definition);
DEFINE_CLEANUP(struct definition *, definition_free)
#define __cleanup_definition __cleanup(definition_freep)

/** definition_service - name of the service, which is that of the root element */
const char *definition_service(const struct definition *definition);

/**
 * definition_events - all events that scripts of the service can give
 * @events: array of names, each once, in the order of their elements in the
 *	DTD; borrowed
 *
 * Return: their number.
 */
size_t definition_events(const struct definition *definition,
			 const char *const **events);

/** definition_elements - all @n elements, in the order of the DTD; borrowed */
const struct definition_element *
definition_elements(const struct definition *definition, size_t *n);

/** definition_element - the element called @name, or NULL */
const struct definition_element *
definition_element(const struct definition *definition, const char *name);

/** definition_reading - the reading called @name, or NULL */
const struct definition_reading *
definition_reading(const struct definition *definition, const char *name);

#endif /* LIB_SCRIPT_DEFINITION_H */
