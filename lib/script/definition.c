// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/definition.h"

#include <errno.h>
#include <libxml/hash.h>
#include <libxml/parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/name.h"
#include "lib/script/dtd.h"

#define SUFFIX ".dtd"
#define CONTENT_NAMES_MAX 256
#define DEFINITION_NAMES_MAX 4096

DEFINE_CLEANUP(xmlValidCtxt *, xmlFreeValidCtxt)

/*
 * Names, values and automata are borrowed from the declarations in @doc's
 * external subset, which therefore lives as long as the definition.
 */
struct definition {
	unsigned int owners;
	char *service;
	xmlDoc *doc;
	size_t n_elements;
	struct definition_element *elements;
	xmlHashTable *by_name;
	size_t n_events;
	const char **events;
	size_t n_readings;
	struct definition_reading *readings;
	xmlHashTable *readings_by_name;
};

/* A definition that is being loaded. */
struct loading {
	struct definition *definition;
	const char *path;
	struct error *err;
	size_t names; /* in the content of the elements so far */
};

struct definition *definition_get(const struct definition *definition)
{
	struct definition *owned = (struct definition *)definition;

	owned->owners++;
	return owned;
}

void definition_free(struct definition *definition)
{
	if (!definition || --definition->owners)
		return;
	for (size_t i = 0; i < definition->n_elements; i++) {
		struct definition_element *element = &definition->elements[i];

		for (unsigned int j = 0; j < element->n_attributes; j++)
			free(element->attributes[j].allowed);
		free(element->attributes);
	}
	free(definition->elements);
	free(definition->events);
	free(definition->readings);
	xmlHashFree(definition->by_name, NULL);
	xmlHashFree(definition->readings_by_name, NULL);
	xmlFreeDoc(definition->doc);
	free(definition->service);
	free(definition);
}

const char *definition_service(const struct definition *definition)
{
	return definition->service;
}

size_t definition_events(const struct definition *definition, const char *const **events)
{
	*events = definition->events;
	return definition->n_events;
}

const struct definition_element *
definition_elements(const struct definition *definition, size_t *n)
{
	*n = definition->n_elements;
	return definition->elements;
}

const struct definition_element *
definition_element(const struct definition *definition, const char *name)
{
	return xmlHashLookup(definition->by_name, (const xmlChar *)name);
}

const struct definition_reading *
definition_reading(const struct definition *definition, const char *name)
{
	return xmlHashLookup(definition->readings_by_name, (const xmlChar *)name);
}

static int refuse(struct loading *loading, const char *element, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct loading *loading, const char *element, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return error_set(loading->err, -EINVAL, "%s: element %.80s: %s", loading->path,
			 element, text);
}

static int out_of_memory(struct loading *loading)
{
	return error_set(loading->err, -ENOMEM, "%s: out of memory", loading->path);
}

/* The attribute called NAME, NAME being @len bytes long, with a suffix such as ".type". */
static struct definition_attribute *attribute_find(const struct definition_element *element,
						   const char *name, size_t len,
						   const char *suffix)
{
	for (unsigned int i = 0; i < element->n_attributes; i++) {
		struct definition_attribute *attribute = &element->attributes[i];

		if (!strncmp(attribute->name, name, len) &&
		    !strcmp(attribute->name + len, suffix))
			return attribute;
	}
	return NULL;
}

static const char *meta_value(const struct definition_element *element, const char *name,
			      const char *suffix)
{
	const struct definition_attribute *attribute =
		attribute_find(element, name, strlen(name), suffix);

	return attribute ? attribute->value : NULL;
}

/* What says what an attribute or a reading may be: NAME.SUFFIX. */
static int meta_check_suffix(struct loading *loading, const struct definition_element *element,
			     const struct definition_attribute *meta, const char *dot)
{
	const struct definition_attribute *described =
		attribute_find(element, meta->name, dot - meta->name, "");
	bool reading = described && !described->argument && !strcmp(described->name, "reading");

	if (!described || (!described->argument && !reading))
		return refuse(loading, element->name,
			      "%s describes an argument that is not declared", meta->name);
	if (strcmp(dot, reading ? ".member" : ".type") && strcmp(dot, ".minimum") &&
	    strcmp(dot, ".maximum") && strcmp(dot, ".unit"))
		return refuse(loading, element->name,
			      "%s is not known; %s, .minimum, .maximum and .unit are",
			      meta->name, reading ? ".member" : ".type");
	return 0;
}

/* An attribute that says what the tag means: event, end-event, control, reading or NAME.SUFFIX. */
static int meta_check(struct loading *loading, const struct definition_element *element,
		      const struct definition_attribute *meta)
{
	const char *dot = strchr(meta->name, '.');

	if (!meta->fixed)
		return refuse(loading, element->name, "attribute %s must be #FIXED", meta->name);
	if (dot)
		return meta_check_suffix(loading, element, meta, dot);
	if (!strcmp(meta->name, "control"))
		return control_parse(meta->value) ? 0 :
			refuse(loading, element->name, "there is no control \"%.80s\"",
			       meta->value);
	if (!strcmp(meta->name, "reading") ? !name_valid(meta->value) : !kind_valid(meta->value))
		return refuse(loading, element->name,
			      "%s \"%.80s\" cannot name %s: lower-case letters, digits and dashes%s",
			      meta->name, meta->value,
			      *meta->name == 'r' ? "a reading" : "an event",
			      *meta->name == 'r' ? "" : ", joined by dots");
	return 0;
}

static int argument_check_value(struct loading *loading,
				const struct definition_element *element,
				const struct definition_attribute *argument,
				const char *value)
{
	union argument_number number;
	char allowed[160];

	if (!argument_parse(&argument->rule, value, &number))
		return 0;
	argument_describe(&argument->rule, allowed, sizeof(allowed));
	return refuse(loading, element->name,
		      "attribute %s: the definition's own value \"%.60s\" is not %s",
		      argument->name, value, allowed);
}

static int argument_compile(struct loading *loading,
			    const struct definition_element *element,
			    struct definition_attribute *argument)
{
	const char *type = meta_value(element, argument->name, ".type");
	struct argument_rule *rule = &argument->rule;
	int code = 0;

	if (!name_valid(argument->name))
		return refuse(loading, element->name,
			      "\"%.80s\" cannot name an argument: lower-case letters, digits and dashes",
			      argument->name);
	if (!element->event && !element->control)
		return refuse(loading, element->name,
			      "%s is an argument, but there is no event to carry it",
			      argument->name);
	if (!type || !argument_type_parse(type, &rule->type))
		return refuse(loading, element->name,
			      "%s.type must be #FIXED \"integer\", \"decimal\", \"string\" or \"token\"",
			      argument->name);
	rule->minimum = meta_value(element, argument->name, ".minimum");
	rule->maximum = meta_value(element, argument->name, ".maximum");
	rule->unit = meta_value(element, argument->name, ".unit");
	if (argument_rule_compile(rule))
		return refuse(loading, element->name,
			      "the range of %s, from \"%.40s\" to \"%.40s\", is none of type %s",
			      argument->name, rule->minimum ? rule->minimum : "",
			      rule->maximum ? rule->maximum : "", type);
	for (const char **value = argument->allowed; *value && !code; value++)
		code = argument_check_value(loading, element, argument, *value);
	if (argument->value && !code)
		code = argument_check_value(loading, element, argument, argument->value);
	return code;
}

/* A tag's arguments are looked at for each tag of a script, the others hardly ever. */
static void arguments_first(struct definition_element *element)
{
	for (unsigned int i = 0; i < element->n_attributes; i++) {
		struct definition_attribute argument = element->attributes[i];

		if (!argument.argument)
			continue;
		memmove(&element->attributes[element->n_arguments + 1],
			&element->attributes[element->n_arguments],
			(i - element->n_arguments) * sizeof(argument));
		element->attributes[element->n_arguments++] = argument;
	}
}

/* The number that the element's processing answers with, for conditions of scripts. */
static int reading_compile(struct loading *loading, const struct definition_element *element,
			   const char *name)
{
	struct definition *definition = loading->definition;
	struct definition_reading *reading = &definition->readings[definition->n_readings++];

	*reading = (struct definition_reading){
		.name = name,
		.event = element->event,
		.member = meta_value(element, "reading", ".member"),
		.rule = {
			.type = ARGUMENT_DECIMAL,
			.minimum = meta_value(element, "reading", ".minimum"),
			.maximum = meta_value(element, "reading", ".maximum"),
			.unit = meta_value(element, "reading", ".unit"),
		},
	};
	if (!reading->event || !reading->member || element->n_arguments)
		return refuse(loading, element->name,
			      "reading \"%s\" needs an event without arguments, and the name of a number in its answer in reading.member",
			      name);
	if (argument_rule_compile(&reading->rule))
		return refuse(loading, element->name,
			      "the range of reading \"%s\" is none of decimals", name);
	if (xmlHashAddEntry(definition->readings_by_name, (const xmlChar *)name, reading))
		return refuse(loading, element->name, "reading \"%s\" is there twice", name);
	return 0;
}

static int attributes_compile(struct loading *loading, struct definition_element *element)
{
	const char *control = meta_value(element, "control", "");
	const struct definition_attribute *reading;
	char why[160];
	int code = 0;

	for (unsigned int i = 0; i < element->n_attributes && !code; i++)
		if (!element->attributes[i].argument)
			code = meta_check(loading, element, &element->attributes[i]);
	if (code)
		return code;
	arguments_first(element);
	reading = attribute_find(element, "reading", 7, "");
	element->event = meta_value(element, "event", "");
	element->end_event = meta_value(element, "end-event", "");
	element->control = control ? control_parse(control) : CONTROL_NONE;
	if (reading && !reading->argument)
		code = reading_compile(loading, element, reading->value);
	for (unsigned int i = 0; i < element->n_arguments && !code; i++)
		code = argument_compile(loading, element, &element->attributes[i]);
	if (!code && element->control && !control_check(element, why, sizeof(why)))
		code = refuse(loading, element->name, "%s", why);
	return code;
}

/* Name of an element that a content model allows and nothing declares, or NULL. */
static const char *content_undeclared(const struct definition *definition,
				      const xmlElementContent *content)
{
	for (; content; content = content->c2) {
		const char *name = (const char *)content->name;

		if (content->type != XML_ELEMENT_CONTENT_ELEMENT)
			name = content_undeclared(definition, content->c1);
		else if (!content->prefix && definition_element(definition, name))
			name = NULL;
		if (name)
			return name;
	}
	return NULL;
}

static size_t content_names(const xmlElementContent *content)
{
	size_t n = 0;

	for (; content; content = content->c2)
		n += content->type == XML_ELEMENT_CONTENT_ELEMENT ? 1 :
								     content_names(content->c1);
	return n;
}

static void content_silent(void *user, const char *format, ...)
{
}

static int content_compile(struct loading *loading, struct definition_element *element,
			   xmlElement *declared)
{
	__cleanup(xmlFreeValidCtxtp) xmlValidCtxt *valid = NULL;
	const char *undeclared;
	size_t names;

	if (declared->etype == XML_ELEMENT_TYPE_EMPTY)
		return 0;
	if (declared->etype != XML_ELEMENT_TYPE_ELEMENT)
		return refuse(loading, element->name,
			      "a script has no text, so ANY and #PCDATA have no place in its definition");
	undeclared = content_undeclared(loading->definition, declared->content);
	if (undeclared)
		return refuse(loading, element->name,
			      "its content names %.80s, which is not declared", undeclared);
	/* libxml2 takes time in the cube of the names to build the automaton. */
	names = content_names(declared->content);
	loading->names += names;
	if (names > CONTENT_NAMES_MAX || loading->names > DEFINITION_NAMES_MAX)
		return refuse(loading, element->name,
			      "its content is too large: at most %d names in one, %d in all",
			      CONTENT_NAMES_MAX, DEFINITION_NAMES_MAX);
	valid = xmlNewValidCtxt();
	if (!valid)
		return out_of_memory(loading);
	valid->error = content_silent;
	if (!xmlValidBuildContentModel(valid, declared) || !declared->contModel)
		return refuse(loading, element->name,
			      "its content is not deterministic: a tag's name alone must tell which part of the model it is");
	element->content = declared->contModel;
	return 0;
}

static int syntax_from(xmlAttributeType type)
{
	switch (type) {
	case XML_ATTRIBUTE_CDATA:
		return DEFINITION_CDATA;
	case XML_ATTRIBUTE_NMTOKEN:
		return DEFINITION_NMTOKEN;
	case XML_ATTRIBUTE_NMTOKENS:
		return DEFINITION_NMTOKENS;
	case XML_ATTRIBUTE_ENUMERATION:
		return DEFINITION_ENUMERATION;
	case XML_ATTRIBUTE_ID:
		return DEFINITION_ID;
	case XML_ATTRIBUTE_IDREF:
		return DEFINITION_IDREF;
	case XML_ATTRIBUTE_IDREFS:
		return DEFINITION_IDREFS;
	default:
		return -EINVAL;
	}
}

/* An element has one identifier, and a definition refers to none by itself. */
static int identifier_check(struct loading *loading, const struct definition_element *element,
			    const struct definition_attribute *attribute)
{
	if (attribute->syntax < DEFINITION_ID)
		return 0;
	if (attribute->value)
		return refuse(loading, element->name,
			      "attribute %.80s is of type ID, IDREF or IDREFS and must be #REQUIRED or #IMPLIED",
			      attribute->name);
	for (unsigned int i = 0; attribute->syntax == DEFINITION_ID && i < element->n_attributes; i++)
		if (element->attributes[i].syntax == DEFINITION_ID)
			return refuse(loading, element->name, "more than one attribute is of type ID");
	return 0;
}

/* An attribute as declared; what it means is settled when all are there. */
static int attribute_add(struct loading *loading, struct definition_element *element,
			 const xmlAttribute *declared)
{
	struct definition_attribute *attribute;
	const char *name = (const char *)declared->name;
	int syntax = syntax_from(declared->atype);
	size_t n = 0;

	if (syntax < 0)
		return refuse(loading, element->name,
			      "attribute %.80s must be CDATA, NMTOKEN, NMTOKENS, ID, IDREF, IDREFS or an enumeration",
			      name);
	if (element->n_attributes == DEFINITION_ATTRIBUTES_MAX)
		return refuse(loading, element->name, "more than %d attributes",
			      DEFINITION_ATTRIBUTES_MAX);
	if (!element->attributes)
		element->attributes = calloc(DEFINITION_ATTRIBUTES_MAX, sizeof(*attribute));
	if (!element->attributes)
		return out_of_memory(loading);
	attribute = &element->attributes[element->n_attributes];
	for (const xmlEnumeration *e = declared->tree; e; e = e->next)
		n++;
	attribute->allowed = calloc(n + 1, sizeof(*attribute->allowed));
	if (!attribute->allowed)
		return out_of_memory(loading);
	n = 0;
	for (const xmlEnumeration *e = declared->tree; e; e = e->next)
		attribute->allowed[n++] = (const char *)e->name;
	attribute->name = name;
	attribute->syntax = syntax;
	attribute->value = (const char *)declared->defaultValue;
	attribute->required = declared->def == XML_ATTRIBUTE_REQUIRED;
	attribute->fixed = declared->def == XML_ATTRIBUTE_FIXED;
	attribute->argument = strcmp(name, "event") && strcmp(name, "end-event") &&
			      strcmp(name, "control") && !strchr(name, '.') &&
			      (strcmp(name, "reading") || !attribute->fixed);
	if (identifier_check(loading, element, attribute)) {
		free(attribute->allowed);
		attribute->allowed = NULL;
		return -EINVAL;
	}
	element->n_attributes++;
	return 0;
}

static int elements_allocate(struct loading *loading)
{
	struct definition *definition = loading->definition;
	size_t n = 0;

	for (xmlNode *node = definition->doc->extSubset->children; node; node = node->next)
		n += node->type == XML_ELEMENT_DECL;
	definition->elements = calloc(n + 1, sizeof(*definition->elements));
	definition->events = calloc(2 * n + 1, sizeof(*definition->events));
	definition->readings = calloc(n + 1, sizeof(*definition->readings));
	definition->by_name = xmlHashCreate(n + 1);
	definition->readings_by_name = xmlHashCreate(n + 1);
	if (!definition->elements || !definition->events || !definition->readings ||
	    !definition->by_name || !definition->readings_by_name)
		return out_of_memory(loading);
	return 0;
}

static int element_add(struct loading *loading, const xmlElement *declared)
{
	struct definition *definition = loading->definition;
	struct definition_element *element = &definition->elements[definition->n_elements];

	element->name = (const char *)declared->name;
	if (declared->prefix)
		return refuse(loading, element->name,
			      "namespaces have no place in a definition");
	if (xmlHashAddEntry(definition->by_name, declared->name, element))
		return out_of_memory(loading);
	definition->n_elements++;
	return 0;
}

/* Elements first: an ATTLIST may stand before its element. */
static int declarations_add(struct loading *loading)
{
	struct definition *definition = loading->definition;
	xmlNode *first = definition->doc->extSubset->children;
	int code = elements_allocate(loading);

	for (xmlNode *node = first; node && !code; node = node->next)
		if (node->type == XML_ELEMENT_DECL)
			code = element_add(loading, (const xmlElement *)node);
	for (xmlNode *node = first; node && !code; node = node->next) {
		const xmlAttribute *declared = (const xmlAttribute *)node;
		struct definition_element *element;

		if (node->type != XML_ATTRIBUTE_DECL)
			continue;
		element = xmlHashLookup(definition->by_name, declared->elem);
		if (!element)
			code = refuse(loading, (const char *)declared->elem,
				      "it has attributes, but is not declared");
		else if (declared->prefix)
			code = refuse(loading, element->name,
				      "namespaces have no place in a definition");
		else
			code = attribute_add(loading, element, declared);
	}
	return code;
}

static void event_add(struct definition *definition, const char *event)
{
	if (!event)
		return;
	for (size_t i = 0; i < definition->n_events; i++)
		if (!strcmp(definition->events[i], event))
			return;
	definition->events[definition->n_events++] = event;
}

static int definition_compile(struct loading *loading)
{
	struct definition *definition = loading->definition;
	int code = declarations_add(loading);

	if (!code && !definition_element(definition, definition->service))
		code = refuse(loading, definition->service,
			      "it is the service by the file's name, but is not declared");
	for (size_t i = 0; i < definition->n_elements && !code; i++) {
		struct definition_element *element = &definition->elements[i];

		code = attributes_compile(loading, element);
		if (!code)
			code = content_compile(loading, element,
					       xmlGetDtdElementDesc(definition->doc->extSubset,
								    (const xmlChar *)element->name));
		event_add(definition, element->event);
		event_add(definition, element->end_event);
	}
	return code;
}

/* NAME of .../NAME.dtd, to be freed; NULL when it cannot name a service. */
static char *service_from(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t len = strlen(base);
	char *service;

	if (len <= strlen(SUFFIX) || strcmp(base + len - strlen(SUFFIX), SUFFIX))
		return NULL;
	service = strndup(base, len - strlen(SUFFIX));
	if (!name_valid(service)) {
		free(service);
		return NULL;
	}
	return service;
}

struct definition *definition_load(const char *path, struct error *err)
{
	__cleanup_definition struct definition *definition = calloc(1, sizeof(*definition));
	struct loading loading = { .definition = definition, .path = path, .err = err };

	if (!definition) {
		out_of_memory(&loading);
		return NULL;
	}
	definition->owners = 1;
	definition->service = service_from(path);
	if (!definition->service) {
		error_set(err, -EINVAL,
			  "%s: a definition is called SERVICE.dtd, SERVICE of lower-case letters, digits and dashes",
			  path);
		return NULL;
	}
	definition->doc = dtd_read(path, DEFINITION_SIZE_MAX, err);
	if (!definition->doc || definition_compile(&loading))
		return NULL;
	return steal_pointer(&definition);
}
