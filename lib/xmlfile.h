/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faultline's own XML documents (docs/formats.md): read whole, bounded in size,
 * valid against a DTD of ours. Scripts are not read here: they are streamed by
 * lib/script.
 */
#ifndef LIB_XMLFILE_H
#define LIB_XMLFILE_H

#include <libxml/tree.h>
#include <stdbool.h>

#include "lib/cleanup.h"
#include "lib/error.h"

#define XMLFILE_SIZE_MAX (1 << 20)

DEFINE_CLEANUP(xmlDoc *, xmlFreeDoc)
#define __cleanup_xmldoc __cleanup(xmlFreeDocp)

/**
 * xmlfile_read - parse and validate a file
 * @path: the document
 * @dtd: file name of its DTD in the DTD folder, such as "gateway.dtd"
 * @err: says file, line and what is wrong
 *
 * The DOCTYPE of the document is not looked at, nothing else is opened, and
 * entities of its own are refused. Attributes with defaults are filled in.
 *
 * Return: the document, freed with xmlFreeDoc(), or NULL with @err set.
 */
xmlDoc *xmlfile_read(const char *path, const char *dtd, struct error *err);

/** xmlfile_dtd_folder - where the DTDs are; default is the one set at build, or $FAULTLINE_DTD */
const char *xmlfile_dtd_folder(void);

/**
 * xmlfile_attribute - an attribute's value
 *
 * Return: the value, borrowed from the document, or NULL where it has none.
 */
const char *xmlfile_attribute(const xmlNode *node, const char *name);

/**
 * xmlfile_number - an attribute as a whole number within bounds
 *
 * Return: 0, or -EINVAL with @err naming line, attribute and range.
 */
int xmlfile_number(const xmlNode *node, const char *name, long minimum,
		   long maximum, long *value, struct error *err);

/** xmlfile_first - first child element called @name (any when NULL), or NULL */
xmlNode *xmlfile_first(const xmlNode *node, const char *name);
/** xmlfile_next - next sibling element called @name (any when NULL), or NULL */
xmlNode *xmlfile_next(const xmlNode *node, const char *name);
/** xmlfile_text - the text of an element; to be freed; NULL without memory */
char *xmlfile_text(const xmlNode *node);

#endif /* LIB_XMLFILE_H */
