// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/dtd.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/xmlfile.h"

/* The control vocabulary (lib/script/control.h). */
#define MODULE "control.dtd"
#define MODULE_SIZE_MAX (64 << 10)

DEFINE_CLEANUP(xmlParserCtxt *, xmlFreeParserCtxt)

/* What the parser's callbacks need. */
struct reading {
	const char *path;
	struct error *err;
	bool refused;
};

/* Warnings refuse too: a declaration that is dropped silently is a mistake. */
static void reading_error(void *user, xmlError *why)
{
	struct reading *reading = ((xmlParserCtxt *)user)->_private;

	reading->refused = true;
	error_at(reading->err, why->code == XML_ERR_NO_MEMORY ? -ENOMEM : -EINVAL,
		 why->line, why->int2, "%s:%d:%d: %s", reading->path, why->line,
		 why->int2, why->message ? why->message : "not a DTD");
	xmlStopParser(user);
}

/* A module is declared as if its text stood in place: libxml2 has nothing to open. */
static void module_declare(xmlParserCtxt *parser, const xmlChar *name, const char *module)
{
	struct reading *reading = parser->_private;
	__cleanup_free char *text = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", xmlfile_dtd_folder(), module);
	text = file_read(path, MODULE_SIZE_MAX, NULL, reading->err);
	if (text) {
		xmlSAX2EntityDecl(parser, name, XML_INTERNAL_PARAMETER_ENTITY, NULL, NULL,
				  (xmlChar *)text);
		return;
	}
	reading->refused = true;
	xmlStopParser(parser);
}

/*
 * Entities from outside are never opened because they are never declared. General
 * entities have no use in a definition except to blow up its default values.
 */
static void reading_entity(void *user, const xmlChar *name, int type,
			   const xmlChar *public, const xmlChar *system,
			   xmlChar *content)
{
	xmlParserCtxt *parser = user;
	struct reading *reading = parser->_private;

	if (type == XML_INTERNAL_PARAMETER_ENTITY) {
		xmlSAX2EntityDecl(user, name, type, public, system, content);
		return;
	}
	if (type == XML_EXTERNAL_PARAMETER_ENTITY && !public && system &&
	    !strcmp((const char *)system, MODULE)) {
		module_declare(parser, name, MODULE);
		return;
	}
	reading->refused = true;
	error_at(reading->err, -EINVAL, parser->input->line, parser->input->col,
		 "%s:%d:%d: entity \"%.60s\" is refused; only parameter entities with their text in place, or SYSTEM \"" MODULE "\", may be declared",
		 reading->path, parser->input->line, parser->input->col, name);
	xmlStopParser(parser);
}

/* As xmlIOParseDTD() does it, but with callbacks that know where they are. */
static xmlDoc *dtd_parse(struct reading *reading, const char *data, size_t size)
{
	__cleanup(xmlFreeParserCtxtp) xmlParserCtxt *parser = xmlNewParserCtxt();
	xmlParserInputBuffer *buffer;
	xmlParserInput *input;
	xmlDoc *doc;

	if (!parser)
		return NULL;
	xmlCtxtUseOptions(parser, XML_PARSE_NONET);
	parser->_private = reading;
	parser->sax->serror = reading_error;
	parser->sax->entityDecl = reading_entity;
	parser->sax->comment = NULL;
	parser->sax->processingInstruction = NULL;

	buffer = xmlParserInputBufferCreateMem(data, size, XML_CHAR_ENCODING_NONE);
	input = buffer ? xmlNewIOInputStream(parser, buffer, XML_CHAR_ENCODING_NONE) : NULL;
	if (!input) {
		xmlFreeParserInputBuffer(buffer);
		return NULL;
	}
	if (xmlPushInput(parser, input) < 0)
		return NULL;
	xmlSwitchEncoding(parser, XML_CHAR_ENCODING_UTF8);
	parser->inSubset = 2;
	parser->myDoc = xmlNewDoc((const xmlChar *)"1.0");
	if (parser->myDoc && xmlNewDtd(parser->myDoc, (const xmlChar *)"none", NULL, NULL))
		xmlParseExternalSubset(parser, NULL, NULL);
	doc = parser->myDoc;
	parser->myDoc = NULL;
	if (parser->wellFormed && !reading->refused)
		return doc;
	xmlFreeDoc(doc);
	return NULL;
}

xmlDoc *dtd_read(const char *path, size_t max, struct error *err)
{
	struct reading reading = { .path = path, .err = err };
	__cleanup_free char *data = NULL;
	xmlDoc *doc;
	size_t size;

	data = file_read(path, max, &size, err);
	if (!data)
		return NULL;
	/* libxml2 would take a zero byte for the end and never see the rest. */
	if (memchr(data, '\0', size)) {
		error_set(err, -EINVAL, "%s: it holds zero bytes; a definition is UTF-8 text", path);
		return NULL;
	}
	doc = dtd_parse(&reading, data, size);
	if (!doc)
		error_set(err, reading.refused ? -EINVAL : -ENOMEM, "%s: not a DTD", path);
	return doc;
}
