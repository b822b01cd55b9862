// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/reading.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
struct place reading_place_between(const struct reading *reading, const char *at, const char *behind)
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

struct place reading_place(const struct reading *reading, const char *at)
{
	return reading_place_between(reading, at, (const char *)reading->parser->input->cur);
}

/* All that the parser was given is in its buffer up to the end. */
size_t reading_value(const struct reading *reading, int i, const xmlChar *value, size_t len, bool *respelt)
{
	const xmlParserInput *input = reading->parser->input;
	const char *behind = reading->data - (input->end - input->cur), *p;

	*respelt = false;
	if (value >= input->base && value <= input->end)
		return reading->data - reading->start - (input->end - value);
	/* With a reference in it, it is a copy: no quotation mark stands in a tag but around its values. */
	p = memrchr(reading->start, '<', behind - reading->start);
	for (;; i--) {
		while (*p != '"' && *p != '\'')
			p++;
		if (!i)
			break;
		p = (const char *)memchr(p + 1, *p, behind - p) + 1;
	}
	*respelt = memcmp(++p, value, len);
	return p - reading->start;
}

struct place reading_place_at(const struct reading *reading, size_t offset)
{
	const char *p = reading->start, *at = p + offset;
	struct place place = { 1, 1 };

	if (!memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	for (const char *end; (end = memchr(p, '\n', at - p)); p = end + 1)
		place.line++;
	for (; p < at; p++)
		place.column += (*p & 0xc0) != 0x80;
	return place;
}

const char *reading_tag(const struct reading *reading)
{
	const xmlParserInput *input = reading->parser->input;

	return memrchr(input->base, '<', input->cur - input->base);
}

int reading_tag_line(const struct reading *reading)
{
	const xmlParserInput *input = reading->parser->input;
	const char *start = reading_tag(reading);

	return input->line - (start ? lines_between(start, (const char *)input->cur) : 0);
}

static void refuse(struct reading *reading, int code, struct place place, const char *text)
{
	error_at(reading->err, code, place.line, place.column, "%s:%d:%d: %s",
		 reading->name, place.line, place.column, text);
	reading->refused = true;
	xmlStopParser(reading->parser);
}

void reading_refuse(struct reading *reading, int code, struct place place, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list ap;

	if (reading->refused ||
	    !reading_identifiers_good(reading, identifiers_settle(&reading->identifiers)))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	refuse(reading, code, place, text);
}

static const struct definition_attribute *attribute_identifying(const struct definition_element *element)
{
	const struct definition_attribute *attribute = element->attributes;

	while (attribute->syntax != DEFINITION_ID)
		attribute++;
	return attribute;
}

bool reading_identifiers_good(struct reading *reading, int code)
{
	const struct identifier_use *twice = &reading->identifiers.twice;
	const struct definition_element *element = twice->user;
	char text[ERROR_TEXT_MAX];

	if (code == -EEXIST) {
		snprintf(text, sizeof(text), "\"%.80s\": %s is \"%.60s\", which another tag is called already",
			 element->name, attribute_identifying(element)->name, twice->name);
		refuse(reading, -EINVAL, reading_place_at(reading, twice->at), text);
	} else if (code) {
		refuse(reading, -ENOMEM, reading_place(reading, NULL), "out of memory");
	}
	return !code;
}

void reading_out_of_memory(struct reading *reading)
{
	reading_refuse(reading, -ENOMEM, reading_place(reading, NULL), "out of memory");
}
