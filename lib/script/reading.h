/* SPDX-License-Identifier: GPL-2.0-only */
/* A script while it is read (interpretation.h): what the parser's callbacks share, and how it is refused. */
#ifndef LIB_SCRIPT_READING_H
#define LIB_SCRIPT_READING_H

#include <libxml/parser.h>
#include <libxml/xmlregexp.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"
#include "lib/script/block.h"
#include "lib/script/definition.h"
#include "lib/script/identifier.h"
#include "lib/script/program.h"

#define READING_SEEN_BITS 6

struct place {
	int line;
	int column;
};

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
	const char *start;
	const char *data; /* what the parser has not been given yet */
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
	struct identifiers identifiers;
	struct seen seen[1 << READING_SEEN_BITS];
};

/** reading_place - of @at, which is in the parser's buffer; elsewhere, and for NULL, where the parser is */
struct place reading_place(const struct reading *reading, const char *at);
/** reading_place_between - likewise, where the parser's line number belongs to @behind */
struct place reading_place_between(const struct reading *reading, const char *at, const char *behind);

/**
 * reading_value - where the document has the value of an attribute of the tag that the parser has passed
 * @i: the number of the attribute, from 0 on
 * @value: what the parser makes of it, of @len bytes
 * @respelt: set to whether the document writes it otherwise
 *
 * Return: bytes of the document before it.
 */
size_t reading_value(const struct reading *reading, int i, const xmlChar *value, size_t len, bool *respelt);
/** reading_place_at - of what has so many bytes before it; this takes time */
struct place reading_place_at(const struct reading *reading, size_t offset);

/** reading_tag - the begin of the tag that the parser has passed; NULL when that is not in its buffer */
const char *reading_tag(const struct reading *reading);
int reading_tag_line(const struct reading *reading);

/**
 * reading_refuse - the first one counts: the parser is stopped, and has given its buffer back
 *
 * What is wrong with an identifier that stands before it is said in its place.
 */
void reading_refuse(struct reading *reading, int code, struct place place, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void reading_out_of_memory(struct reading *reading);

/** reading_identifiers_good - refuses the script for what identifiers_settle() returned, if that is not 0; false then */
bool reading_identifiers_good(struct reading *reading, int code);

#endif /* LIB_SCRIPT_READING_H */
