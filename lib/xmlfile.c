// SPDX-License-Identifier: GPL-2.0-only
#include "lib/xmlfile.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/valid.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"

#ifndef FAULTLINE_DTD_FOLDER
#define FAULTLINE_DTD_FOLDER "/usr/share/faultline/dtd"
#endif

DEFINE_CLEANUP(xmlParserCtxt *, xmlFreeParserCtxt)
DEFINE_CLEANUP(xmlValidCtxt *, xmlFreeValidCtxt)
DEFINE_CLEANUP(xmlDtd *, xmlFreeDtd)

/* What the callbacks of a validation need. */
struct validation {
	const char *path;
	struct error *err;
};

const char *xmlfile_dtd_folder(void)
{
	const char *folder = secure_getenv("FAULTLINE_DTD");

	return folder ? folder : FAULTLINE_DTD_FOLDER;
}

static xmlDoc *document_parse(const char *path, struct error *err)
{
	__cleanup(xmlFreeParserCtxtp) xmlParserCtxt *parser = xmlNewParserCtxt();
	__cleanup_free char *data = NULL;
	__cleanup_xmldoc xmlDoc *doc = NULL;
	const xmlError *why;
	size_t size;

	data = file_read(path, XMLFILE_SIZE_MAX, &size, err);
	if (!data)
		return NULL;
	if (!parser) {
		error_set(err, -ENOMEM, "%s: out of memory", path);
		return NULL;
	}
	doc = xmlCtxtReadMemory(parser, data, size, path, NULL,
				XML_PARSE_NONET | XML_PARSE_NOERROR |
				XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS);
	why = xmlCtxtGetLastError(parser);
	if (!doc) {
		error_at(err, -EINVAL, why ? why->line : 0, why ? why->int2 : 0,
			 "%s:%d: %s", path, why ? why->line : 0,
			 why && why->message ? why->message : "not XML");
		return NULL;
	}
	if (doc->intSubset && (doc->intSubset->children || doc->intSubset->entities)) {
		error_set(err, -EINVAL,
			  "%s: it has declarations of its own; remove them from its DOCTYPE",
			  path);
		return NULL;
	}
	return steal_pointer(&doc);
}

static void validation_error(void *user, xmlErrorPtr why)
{
	struct validation *validation = user;

	error_at(validation->err, -EINVAL, why->line, 0, "%s:%d: %s", validation->path,
		 why->line, why->message ? why->message : "not valid");
}

/* libxml2 tells a program's own error function before any other, and keeps just one. */
static bool document_valid(xmlDoc *doc, xmlDtd *dtd, struct validation *validation)
{
	__cleanup(xmlFreeValidCtxtp) xmlValidCtxt *valid = xmlNewValidCtxt();
	xmlStructuredErrorFunc before = xmlStructuredError;
	void *before_user = xmlStructuredErrorContext;
	bool good;

	xmlSetStructuredErrorFunc(validation, validation_error);
	good = valid && xmlValidateDtd(valid, doc, dtd);
	xmlSetStructuredErrorFunc(before_user, before);
	return good;
}

/* Validation alone leaves the defaults out: put them where the document is silent. */
static int defaults_add(xmlNode *node, xmlDtd *dtd)
{
	for (; node; node = node->next) {
		xmlElement *declared;

		if (node->type != XML_ELEMENT_NODE)
			continue;
		declared = xmlGetDtdElementDesc(dtd, node->name);
		for (xmlAttribute *a = declared ? declared->attributes : NULL; a;
		     a = a->nexth)
			if (a->defaultValue && !xmlHasProp(node, a->name) &&
			    !xmlNewProp(node, a->name, a->defaultValue))
				return -ENOMEM;
		if (defaults_add(node->children, dtd))
			return -ENOMEM;
	}
	return 0;
}

xmlDoc *xmlfile_read(const char *path, const char *dtd_name, struct error *err)
{
	struct validation validation = { .path = path, .err = err };
	__cleanup_xmldoc xmlDoc *doc = NULL;
	__cleanup(xmlFreeDtdp) xmlDtd *dtd = NULL;
	char dtd_path[PATH_MAX];

	snprintf(dtd_path, sizeof(dtd_path), "%s/%s", xmlfile_dtd_folder(), dtd_name);
	doc = document_parse(path, err);
	if (!doc)
		return NULL;
	dtd = access(dtd_path, R_OK) ? NULL : xmlParseDTD(NULL, (const xmlChar *)dtd_path);
	if (!dtd) {
		error_set(err, -ENOENT,
			  "%s: this DTD cannot be read; install it, or name its folder in $FAULTLINE_DTD",
			  dtd_path);
		return NULL;
	}
	if (!document_valid(doc, dtd, &validation)) {
		error_set(err, -EINVAL, "%s: not valid against %s", path, dtd_name);
		return NULL;
	}
	if (defaults_add(doc->children, dtd)) {
		error_set(err, -ENOMEM, "%s: out of memory", path);
		return NULL;
	}
	return steal_pointer(&doc);
}

const char *xmlfile_attribute(const xmlNode *node, const char *name)
{
	const xmlAttr *attribute = xmlHasProp(node, (const xmlChar *)name);

	if (!attribute || attribute->type != XML_ATTRIBUTE_NODE)
		return NULL;
	return attribute->children ? (const char *)attribute->children->content : "";
}

int xmlfile_number(const xmlNode *node, const char *name, long minimum,
		   long maximum, long *value, struct error *err)
{
	const char *text = xmlfile_attribute(node, name);
	char *end = NULL;

	errno = 0;
	*value = text ? strtol(text, &end, 10) : 0;
	if (text && *text && !*end && !errno && *value >= minimum && *value <= maximum)
		return 0;
	return error_at(err, -EINVAL, xmlGetLineNo(node), 0,
			"%s:%ld: %s: %s is \"%s\", a whole number from %ld to %ld is needed",
			node->doc && node->doc->URL ? (const char *)node->doc->URL : "",
			xmlGetLineNo(node), (const char *)node->name, name,
			text ? text : "", minimum, maximum);
}

static xmlNode *element_from(xmlNode *node, const char *name)
{
	for (; node; node = node->next)
		if (node->type == XML_ELEMENT_NODE &&
		    (!name || !strcmp((const char *)node->name, name)))
			return node;
	return NULL;
}

xmlNode *xmlfile_first(const xmlNode *node, const char *name)
{
	return element_from(node->children, name);
}

xmlNode *xmlfile_next(const xmlNode *node, const char *name)
{
	return element_from(node->next, name);
}

char *xmlfile_text(const xmlNode *node)
{
	xmlChar *content = xmlNodeGetContent(node);
	char *text = content ? strdup((const char *)content) : NULL;

	xmlFree(content);
	return text;
}
