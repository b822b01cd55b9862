// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/interpretation.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/script/allowed.h"
#include "lib/script/attribute.h"
#include "lib/script/reading.h"

/* Of one tag, or of what stands between two. */
#define EQUALS_MAX 4096

/* In what is longer than this, bytes, nobody looks for an encoding. */
#define DECLARATION_MAX 4096

DEFINE_CLEANUP(xmlParserCtxt *, xmlFreeParserCtxt)

/* What the compiler of blocks says of a tag of the control vocabulary. */
static bool block_result(struct reading *reading, int code, const char *why)
{
	if (code == -ENOMEM)
		reading_out_of_memory(reading);
	else if (code)
		reading_refuse(reading, code, reading_place(reading, reading_tag(reading)), "%s", why);
	return !code;
}

static bool block_start(struct reading *reading, const struct definition_element *element,
			const struct program_argument *given)
{
	char why[ERROR_TEXT_MAX / 2];

	return block_result(reading, block_begin(&reading->blocks, element, given,
						 reading_tag_line(reading), why, sizeof(why)), why);
}

static bool block_finish(struct reading *reading)
{
	char why[ERROR_TEXT_MAX / 2];

	return block_result(reading, block_end(&reading->blocks, reading_tag_line(reading), why,
					       sizeof(why)), why);
}

/* A further event, where one can stand. */
static struct program_step *event_add(struct reading *reading, const char *event)
{
	struct program_step *step;

	if (!block_event_allowed(&reading->blocks)) {
		reading_refuse(reading, -EINVAL, reading_place(reading, reading_tag(reading)),
		       "event %.127s cannot stand here: a choice has its two ways alone, a parallel block its branches", event);
		return NULL;
	}
	step = program_add(reading->program, event, reading_tag_line(reading));
	if (step)
		step->once = reading->blocks.onces;
	else
		reading_out_of_memory(reading);
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
		reading_out_of_memory(reading);
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

static bool tag_take(struct reading *reading, const struct definition_element *element,
			    int n, const xmlChar **raw)
{
	struct program_argument given[DEFINITION_ATTRIBUTES_MAX];

	if (!attribute_take_all(reading, element, n, raw, given))
		return false;
	if (element->control)
		return block_start(reading, element, given);
	return !element->event || step_add(reading, element, given);
}

static const struct definition_element *element_find(struct reading *reading,
						     const xmlChar *name)
{
	/* They lie one behind the other; Knuth's multiplication spreads them. */
	struct seen *seen = &reading->seen[(uint32_t)(uintptr_t)name * 2654435761U >> (32 - READING_SEEN_BITS)];

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
	reading_refuse(reading, -EINVAL, reading_place(reading, reading_tag(reading)),
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
		reading_refuse(reading, -EINVAL, reading_place(reading, reading_tag(reading)),
		       "\"%.80s\": a script has no namespaces", name);
		return;
	}
	if (reading->depth == SCRIPT_DEPTH_MAX || reading->n_elements++ == SCRIPT_ELEMENTS_MAX) {
		reading_refuse(reading, -EFBIG, reading_place(reading, reading_tag(reading)),
		       "a script has at most %d elements, %d one within the other",
		       SCRIPT_ELEMENTS_MAX, SCRIPT_DEPTH_MAX);
		return;
	}
	element = tag_allowed(reading, name);
	if (!element || !tag_take(reading, element, n_attributes, attributes))
		return;
	frame = &reading->frames[reading->depth++];
	frame->element = element;
	frame->content = NULL;
	if (!element->content)
		return;
	frame->content = xmlRegNewExecCtxt(element->content, NULL, NULL);
	if (!frame->content)
		reading_out_of_memory(reading);
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
		reading_refuse(reading, -EINVAL, reading_place(reading, reading_tag(reading)),
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
		reading_refuse(reading, -EINVAL, reading_place(reading, NULL),
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
	reading_refuse(reading, -EINVAL, reading_place_between(reading, start, end),
	       "text \"%.*s\"; a script has tags alone", shown, start);
}

static void on_cdata(void *user, const xmlChar *text, int len)
{
	struct reading *reading = user;

	reading_refuse(reading, -EINVAL, reading_place(reading, NULL),
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

	reading_refuse(reading, -EINVAL, reading_place(reading, reading_tag(reading)),
	       "a DOCTYPE; remove it, the gateway has the definition of \"%s\"",
	       reading->program->service);
}

static void on_reference(void *user, const xmlChar *name)
{
	struct reading *reading = user;

	reading_refuse(reading, -EINVAL, reading_place(reading, NULL),
	       "entity \"%.80s\"; a script has none of its own", name);
}

static void on_error(void *user, xmlError *why)
{
	struct reading *reading = user;
	struct place place = { why->line, why->int2 };

	if (why->level < XML_ERR_ERROR || why->code == XML_ERR_USER_STOP)
		return;
	reading_refuse(reading, why->code == XML_ERR_NO_MEMORY ? -ENOMEM : -EINVAL, place,
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

/* Where the XML declaration, as text, names the encoding: libxml2 is told to read UTF-8 and does not look. */
static const char *declared_encoding(const char *declaration)
{
	static const char word[] = "encoding", space[] = " \t\r\n";
	const char *name = strstr(declaration, word);

	if (!name)
		return NULL;
	name += strlen(word);
	name += strspn(name, space);
	name += *name == '=';
	name += strspn(name, space);
	return *name == '"' || *name == '\'' ? name + 1 : NULL;
}

/* Those in which a document of ASCII is the same; of any other byte the parser says that it is no UTF-8. */
static int encoding_check(const struct reading *reading, const char *start)
{
	static const char *const same[] = { "UTF-8", "UTF8", "US-ASCII", "ASCII", "ISO-8859-" };
	size_t room = reading->left - (start - reading->data);
	__cleanup_free char *declaration = NULL;
	const char *end, *name;
	int column, length;

	if (room > DECLARATION_MAX)
		room = DECLARATION_MAX;
	if (room < strlen("<?xml") || memcmp(start, "<?xml", strlen("<?xml")))
		return 0;
	end = memmem(start, room, "?>", 2);
	if (!end)
		return 0;
	declaration = alloc_format("%.*s", (int)(end - start), start);
	name = declared_encoding(declaration);
	if (!name)
		return 0;
	length = strcspn(name, "\"'");
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		int n = strlen(same[i]);

		if ((length == n || (length > n && same[i][n - 1] == '-')) && !strncasecmp(name, same[i], n))
			return 0;
	}
	column = name - declaration + 1;
	return error_at(reading->err, -EINVAL, 1, column, "%s:1:%d: encoding \"%.*s\": a script is UTF-8",
			reading->name, column, length < 60 ? length : 60, name);
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
	if (encoding_check(reading, start))
		return reading->err->code;
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
	const char *missing;
	size_t length;
	uint32_t at;

	if (!parser) {
		reading->refused = true;
		error_set(reading->err, -ENOMEM, "%s: out of memory", reading->name);
		return;
	}
	reading->parser = parser;
	xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	xmlParseDocument(parser);
	if (!parser->wellFormed || reading->depth || !reading->n_elements)
		reading_refuse(reading, -EINVAL, reading_place(reading, NULL), "not well-formed: broken off");
	missing = !reading->refused &&
		  reading_identifiers_good(reading, identifiers_settle(&reading->identifiers)) ?
			  identifier_missing(&reading->identifiers, &length, &at) : NULL;
	if (missing)
		reading_refuse(reading, -EINVAL, reading_place_at(reading, at), "no tag is called \"%.*s\"",
			       length < 60 ? (int)length : 60, missing);
	identifiers_end(&reading->identifiers);
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
		.name = name, .start = data, .data = data, .left = size, .program = program, .err = err,
		.identifiers = { .text = data, .size = size },
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
