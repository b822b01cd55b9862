// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/interpretation.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlregexp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/script/allowed.h"
#include "lib/script/block.h"

/* Of one tag, or of what stands between two. */
#define EQUALS_MAX 4096
#define SEEN 64

DEFINE_CLEANUP(xmlParserCtxt *, xmlFreeParserCtxt)

/* An open tag, and how far its content has come. */
struct frame {
	const struct definition_element *element;
	xmlRegExecCtxt *content;
};

/* The parser has each name but once, so its address finds what was looked up before. */
struct seen {
	const xmlChar *name;
	const struct definition_element *element;
};

/* What the parser's callbacks need. */
struct reading {
	const char *name;
	const char *data;
	size_t left;
	xmlParserCtxt *parser;
	struct program *program;
	struct error *err;
	/* xmlStopParser() leaves wellFormed set, so this alone tells. */
	bool refused;
	unsigned int n_elements;
	unsigned int depth;
	struct frame frames[SCRIPT_DEPTH_MAX];
	struct block_list blocks;
	struct seen seen[SEEN];
};

/* A place in the document. */
struct place {
	int line;
	int column;
};

static int lines_between(const char *from, const char *to)
{
	int n = 0;

	for (; from < to && (from = memchr(from, '\n', to - from)); from++)
		n++;
	return n;
}

/*
 * The place of @at, where the parser's line number belongs to @behind: it has
 * passed the tag or the text already, which is still in its buffer.
 */
static struct place place_between(const struct reading *reading, const char *at,
				  const char *behind)
{
	const xmlParserInput *input = reading->parser->input;
	const char *base = (const char *)input->base;
	struct place place = { input->line, input->col };
	const char *start;

	if (!at || at < base || at > (const char *)input->end)
		return place;
	place.line -= lines_between(at, behind);
	start = memrchr(base, '\n', at - base);
	/* Without a line break in the buffer only the distance is known. */
	if (!start) {
		place.column = place.line == input->line ? input->col - (behind - at) : 1;
		return place;
	}
	place.column = 1;
	while (++start < at)
		place.column += (*start & 0xc0) != 0x80;
	return place;
}

static struct place place_of(const struct reading *reading, const char *at)
{
	return place_between(reading, at, (const char *)reading->parser->input->cur);
}

static const char *tag_start(const struct reading *reading)
{
	const xmlParserInput *input = reading->parser->input;

	return memrchr(input->base, '<', input->cur - input->base);
}

static int tag_line(const struct reading *reading)
{
	const xmlParserInput *input = reading->parser->input;
	const char *start = tag_start(reading);

	return input->line - (start ? lines_between(start, (const char *)input->cur) : 0);
}

static void refuse(struct reading *reading, int code, struct place place,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

static void refuse(struct reading *reading, int code, struct place place,
		   const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list ap;

	if (reading->refused)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	error_at(reading->err, code, place.line, place.column, "%s:%d:%d: %s",
		 reading->name, place.line, place.column, text);
	reading->refused = true;
	xmlStopParser(reading->parser);
}

static void out_of_memory(struct reading *reading)
{
	refuse(reading, -ENOMEM, place_of(reading, NULL), "out of memory");
}

/* As the DTD asks, and as xmllint checks it; types and ranges come after. */
static bool syntax_valid(const struct definition_attribute *attribute, const char *value)
{
	if (attribute->fixed && strcmp(value, attribute->value))
		return false;
	switch (attribute->syntax) {
	case DEFINITION_NMTOKEN:
		return xmlValidateNmtokenValue((const xmlChar *)value);
	case DEFINITION_NMTOKENS:
		return xmlValidateNmtokensValue((const xmlChar *)value);
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
	refuse(reading, -EINVAL, place_of(reading, (const char *)raw[3]),
	       "\"%.80s\": %s is \"%.60s\"; allowed: %s", element->name, attribute->name,
	       value, allowed);
}

static void attribute_refuse(struct reading *reading,
			     const struct definition_element *element, const xmlChar **raw)
{
	char allowed[256];

	allowed_arguments(element, allowed, sizeof(allowed));
	refuse(reading, -EINVAL, place_of(reading, (const char *)raw[3]),
	       "\"%.80s\" has no attribute \"%s%s%.80s\"; allowed: %s", element->name,
	       raw[1] ? (const char *)raw[1] : "", raw[1] ? ":" : "", raw[0], allowed);
}

/*
 * One attribute as the parser hands it out, five pointers: name, prefix, address
 * of the namespace, begin and end of the value. An argument is noted in @given.
 */
static bool attribute_take(struct reading *reading, const struct definition_element *element,
			   const xmlChar **raw, struct program_argument *given)
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
		refuse(reading, -EFBIG, place_of(reading, (const char *)raw[3]),
		       "\"%.80s\": %s has %zu bytes; at most %d are allowed",
		       element->name, attribute->name, len, SCRIPT_ATTRIBUTE_MAX);
		return false;
	}
	value = program_alloc(reading->program, len + 1);
	if (!value) {
		out_of_memory(reading);
		return false;
	}
	memcpy(value, raw[3], len);
	value[len] = '\0';
	if (!syntax_valid(attribute, value) ||
	    (attribute->argument && argument_parse(&attribute->rule, value, &number))) {
		value_refuse(reading, element, attribute, raw, value);
		return false;
	}
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
		refuse(reading, -EINVAL, place_of(reading, tag_start(reading)),
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

/* What the compiler of blocks says of a tag of the control vocabulary. */
static bool block_result(struct reading *reading, int code, const char *why)
{
	if (code == -ENOMEM)
		out_of_memory(reading);
	else if (code)
		refuse(reading, code, place_of(reading, tag_start(reading)), "%s", why);
	return !code;
}

static bool block_start(struct reading *reading, const struct definition_element *element,
			const struct program_argument *given)
{
	char why[ERROR_TEXT_MAX / 2];

	return block_result(reading, block_begin(&reading->blocks, element, given,
						 tag_line(reading), why, sizeof(why)), why);
}

static bool block_finish(struct reading *reading)
{
	char why[ERROR_TEXT_MAX / 2];

	return block_result(reading, block_end(&reading->blocks, tag_line(reading), why,
					       sizeof(why)), why);
}

/* A further event, where one can stand. */
static struct program_step *event_add(struct reading *reading, const char *event)
{
	struct program_step *step;

	if (!block_event_allowed(&reading->blocks)) {
		refuse(reading, -EINVAL, place_of(reading, tag_start(reading)),
		       "event %.127s cannot stand here: a choice has its two ways alone", event);
		return NULL;
	}
	step = program_add(reading->program, event, tag_line(reading));
	if (step)
		step->once = reading->blocks.onces;
	else
		out_of_memory(reading);
	return step;
}

/* The event of a start tag, with those of its arguments that have a value. */
static bool step_add(struct reading *reading, const struct definition_element *element,
		     const struct program_argument *given)
{
	struct program_argument *arguments = NULL;
	struct program_step *step;
	unsigned int n = 0;

	for (unsigned int i = 0; i < element->n_arguments; i++)
		n += given[i].value != NULL;
	if (n)
		arguments = program_alloc(reading->program, n * sizeof(*arguments));
	if (n && !arguments) {
		out_of_memory(reading);
		return false;
	}
	step = event_add(reading, element->event);
	if (!step)
		return false;
	step->arguments = arguments;
	for (unsigned int i = 0; i < element->n_arguments; i++)
		if (given[i].value)
			arguments[step->n_arguments++] = given[i];
	return true;
}

static bool attributes_take(struct reading *reading, const struct definition_element *element,
			    int n, const xmlChar **raw)
{
	struct program_argument given[DEFINITION_ATTRIBUTES_MAX];

	memset(given, 0, element->n_arguments * sizeof(*given));
	for (int i = 0; i < n; i++)
		if (!attribute_take(reading, element, raw + 5 * i, given))
			return false;
	for (unsigned int i = 0; i < element->n_arguments; i++)
		if (!argument_complete(reading, element, &element->attributes[i], &given[i]))
			return false;
	if (element->control)
		return block_start(reading, element, given);
	return !element->event || step_add(reading, element, given);
}

static const struct definition_element *element_find(struct reading *reading,
						     const xmlChar *name)
{
	struct seen *seen = &reading->seen[((uintptr_t)name >> 3) % SEEN];

	if (seen->name != name) {
		seen->name = name;
		seen->element = definition_element(reading->program->definition,
						   (const char *)name);
	}
	return seen->element;
}

/* Does the definition allow a tag here? Its element, or NULL once refused. */
static const struct definition_element *tag_allowed(struct reading *reading,
						    const xmlChar *name)
{
	struct frame *parent = reading->depth ? &reading->frames[reading->depth - 1] : NULL;
	char allowed[ERROR_TEXT_MAX / 2];

	if (parent ? parent->content &&
			     xmlRegExecPushString(parent->content, name, NULL) >= 0 :
		     !strcmp((const char *)name, reading->program->service))
		return element_find(reading, name);
	if (parent)
		allowed_content(parent->element, parent->content, allowed, sizeof(allowed));
	else
		snprintf(allowed, sizeof(allowed), "\"%s\"", reading->program->service);
	refuse(reading, -EINVAL, place_of(reading, tag_start(reading)),
	       "\"%.80s\" cannot stand here; allowed: %s", name, allowed);
	return NULL;
}

static void on_start(void *user, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *address, int n_namespaces, const xmlChar **namespaces,
		     int n_attributes, int n_defaulted, const xmlChar **attributes)
{
	struct reading *reading = user;
	const struct definition_element *element;
	struct frame *frame;

	if (reading->refused)
		return;
	if (prefix || n_namespaces) {
		refuse(reading, -EINVAL, place_of(reading, tag_start(reading)),
		       "\"%.80s\": a script has no namespaces", name);
		return;
	}
	if (reading->depth == SCRIPT_DEPTH_MAX || reading->n_elements++ == SCRIPT_ELEMENTS_MAX) {
		refuse(reading, -EFBIG, place_of(reading, tag_start(reading)),
		       "a script has at most %d elements, %d one within the other",
		       SCRIPT_ELEMENTS_MAX, SCRIPT_DEPTH_MAX);
		return;
	}
	element = tag_allowed(reading, name);
	if (!element || !attributes_take(reading, element, n_attributes, attributes))
		return;
	frame = &reading->frames[reading->depth++];
	frame->element = element;
	frame->content = NULL;
	if (!element->content)
		return;
	frame->content = xmlRegNewExecCtxt(element->content, NULL, NULL);
	if (!frame->content)
		out_of_memory(reading);
}

static void on_end(void *user, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *address)
{
	struct reading *reading = user;
	char allowed[ERROR_TEXT_MAX / 2];
	struct frame *frame;

	if (reading->refused)
		return;
	frame = &reading->frames[reading->depth - 1];
	if (frame->content && xmlRegExecPushString(frame->content, NULL, NULL) != 1) {
		allowed_content(frame->element, frame->content, allowed, sizeof(allowed));
		refuse(reading, -EINVAL, place_of(reading, tag_start(reading)),
		       "\"%.80s\" ends too early; still to come: %s", name, allowed);
		return;
	}
	if (frame->content)
		xmlRegFreeExecCtxt(frame->content);
	reading->depth--;
	if (frame->element->control)
		block_finish(reading);
	else if (frame->element->end_event)
		event_add(reading, frame->element->end_event);
}

/* EMPTY means it: no blank, no comment, no instruction either. */
static void filler_check(struct reading *reading, const char *what)
{
	const struct definition_element *element;

	if (reading->refused || !reading->depth)
		return;
	element = reading->frames[reading->depth - 1].element;
	if (!element->content)
		refuse(reading, -EINVAL, place_of(reading, NULL),
		       "%s in \"%.80s\", which must be empty", what, element->name);
}

static void on_text(void *user, const xmlChar *text, int len)
{
	struct reading *reading = user;
	const char *start = (const char *)text, *end = start + len;
	int shown = 0;

	filler_check(reading, "text");
	/* A parser that was stopped has given its buffer back. */
	if (reading->refused)
		return;
	while (start < end && (*start == ' ' || *start == '\t' || *start == '\n' || *start == '\r'))
		start++;
	if (start == end)
		return;
	while (shown < 20 && start + shown < end && (unsigned char)start[shown] >= ' ')
		shown++;
	refuse(reading, -EINVAL, place_between(reading, start, end),
	       "text \"%.*s\"; a script has tags alone", shown, start);
}

static void on_cdata(void *user, const xmlChar *text, int len)
{
	struct reading *reading = user;

	refuse(reading, -EINVAL, place_of(reading, NULL),
	       "a CDATA section; a script has tags alone");
}

static void on_comment(void *user, const xmlChar *text)
{
	filler_check(user, "a comment");
}

static void on_instruction(void *user, const xmlChar *target, const xmlChar *data)
{
	filler_check(user, "a processing instruction");
}

static void on_doctype(void *user, const xmlChar *name, const xmlChar *public,
		       const xmlChar *system)
{
	struct reading *reading = user;

	refuse(reading, -EINVAL, place_of(reading, tag_start(reading)),
	       "a DOCTYPE; remove it, the gateway has the definition of \"%s\"",
	       reading->program->service);
}

static void on_reference(void *user, const xmlChar *name)
{
	struct reading *reading = user;

	refuse(reading, -EINVAL, place_of(reading, NULL),
	       "entity \"%.80s\"; a script has none of its own", name);
}

static void on_error(void *user, xmlError *why)
{
	struct reading *reading = user;
	struct place place = { why->line, why->int2 };

	if (why->level < XML_ERR_ERROR || why->code == XML_ERR_USER_STOP)
		return;
	refuse(reading, why->code == XML_ERR_NO_MEMORY ? -ENOMEM : -EINVAL, place,
	       "not well-formed: %s", why->message ? why->message : "broken off");
}

static xmlSAXHandler handlers = {
	.initialized = XML_SAX2_MAGIC,
	.startElementNs = on_start,
	.endElementNs = on_end,
	.characters = on_text,
	.ignorableWhitespace = on_text,
	.cdataBlock = on_cdata,
	.comment = on_comment,
	.processingInstruction = on_instruction,
	.internalSubset = on_doctype,
	.reference = on_reference,
	.serror = on_error,
};

static int on_read(void *user, char *buffer, int room)
{
	struct reading *reading = user;
	size_t n = reading->left < (size_t)room ? reading->left : (size_t)room;

	memcpy(buffer, reading->data, n);
	reading->data += n;
	reading->left -= n;
	return n;
}

/*
 * libxml2 compares each attribute of a tag with all others before it hands them
 * out: a tag with a million of them would take minutes. No attribute is without
 * its "=", and no "<" can be within a tag.
 */
static bool attributes_bounded(const char *data, size_t size)
{
	const char *end = data + size, *next;

	/* A shorter run cannot hold too many; most of the document is passed in leaps. */
	for (; end - data > EQUALS_MAX; data = next + 1) {
		int n = 0;

		next = memrchr(data, '<', EQUALS_MAX);
		if (next)
			continue;
		next = memchr(data, '<', end - data);
		if (!next)
			next = end - 1;
		while ((data = memchr(data, '=', next - data)) && n <= EQUALS_MAX)
			data++, n++;
		if (n > EQUALS_MAX)
			return false;
	}
	return true;
}

/* What libxml2 does not see to by itself. */
static int bytes_check(const struct reading *reading)
{
	const char *start = reading->data;

	if (reading->left > SCRIPT_SIZE_MAX)
		return error_set(reading->err, -EFBIG, "%s: %zu bytes; a script has at most %d",
				 reading->name, reading->left, SCRIPT_SIZE_MAX);
	if (reading->left >= 3 && !memcmp(start, "\xef\xbb\xbf", 3))
		start += 3;
	/* It guesses other encodings from the first bytes, and ends at a zero byte. */
	if (reading->left <= (size_t)(start - reading->data) ||
	    !strchr("< \t\r\n", *start) || memchr(reading->data, '\0', reading->left))
		return error_at(reading->err, -EINVAL, 1, 1,
				"%s:1:1: not an XML document in UTF-8", reading->name);
	if (!attributes_bounded(reading->data, reading->left))
		return error_set(reading->err, -EFBIG, "%s: more than %d \"=\" in one tag or comment",
				 reading->name, EQUALS_MAX);
	return 0;
}

static void document_read(struct reading *reading)
{
	__cleanup(xmlFreeParserCtxtp) xmlParserCtxt *parser =
		xmlCreateIOParserCtxt(&handlers, reading, on_read, NULL, reading,
				      XML_CHAR_ENCODING_UTF8);

	if (!parser) {
		reading->refused = true;
		error_set(reading->err, -ENOMEM, "%s: out of memory", reading->name);
		return;
	}
	reading->parser = parser;
	xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	xmlParseDocument(parser);
	if (!parser->wellFormed || reading->depth || !reading->n_elements)
		refuse(reading, -EINVAL, place_of(reading, NULL), "not well-formed: broken off");
	while (reading->depth)
		xmlRegFreeExecCtxt(reading->frames[--reading->depth].content);
}

static int length_check(struct program *program, const char *name, struct error *err)
{
	unsigned int line;

	if (!program_measure(program, NULL, NULL, &program->length, &line))
		return 0;
	return error_at(err, -EFBIG, line, 1,
			"%s:%u:1: too long in the worst case; at most %llu events and readings and %llu days are allowed",
			name, line, PROGRAM_REQUESTS_MAX, PROGRAM_MS_MAX / 86400000);
}

struct program *interpretation_compile(const struct definition *definition,
				       const char *name, const char *data,
				       size_t size, struct error *err)
{
	__cleanup_program struct program *program = program_new(definition);
	struct reading reading = {
		.name = name, .data = data, .left = size, .program = program, .err = err,
	};

	if (!program) {
		error_set(err, -ENOMEM, "%s: out of memory", name);
		return NULL;
	}
	if (bytes_check(&reading))
		return NULL;
	reading.blocks.program = program;
	document_read(&reading);
	if (reading.refused || length_check(program, name, err))
		return NULL;
	return steal_pointer(&program);
}
