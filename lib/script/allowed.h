/* SPDX-License-Identifier: GPL-2.0-only */
/* What a definition allows, in words for the one whose script was refused. */
#ifndef LIB_SCRIPT_ALLOWED_H
#define LIB_SCRIPT_ALLOWED_H

#include <libxml/xmlregexp.h>
#include <stddef.h>

#include "lib/script/definition.h"

/**
 * allowed_content - which tags may come next
 * @content: how far the content of @element has come, also after a tag that it
 *	refused; NULL: the element is empty
 */
void allowed_content(const struct definition_element *element, xmlRegExecCtxt *content,
		     char *text, size_t size);

/** allowed_arguments - which attributes a tag may have */
void allowed_arguments(const struct definition_element *element, char *text, size_t size);

/** allowed_values - what an attribute may be */
void allowed_values(const struct definition_attribute *attribute, char *text, size_t size);

#endif /* LIB_SCRIPT_ALLOWED_H */
