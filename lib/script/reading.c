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

void reading_refuse(struct reading *reading, int code, struct place place, const char *format, ...)
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

void reading_out_of_memory(struct reading *reading)
{
	reading_refuse(reading, -ENOMEM, reading_place(reading, NULL), "out of memory");
}
