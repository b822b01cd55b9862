/* SPDX-License-Identifier: GPL-2.0-only */
/* The attributes of a tag of a script: as the definition allows them, and with what it says by itself. */
#ifndef LIB_SCRIPT_ATTRIBUTE_H
#define LIB_SCRIPT_ATTRIBUTE_H

#include "lib/script/reading.h"

/**
 * attribute_take_all - check the attributes of a tag
 * @raw: as libxml2 hands them out, five pointers each: name, prefix, address of the
 *	namespace, begin and end of the value
 * @given: room for DEFINITION_ATTRIBUTES_MAX; its arguments, in the order of the
 *	definition, without a value where neither says one
 *
 * Return: false once the script is refused.
 */
bool attribute_take_all(struct reading *reading, const struct definition_element *element, int n,
			const xmlChar **raw, struct program_argument *given);

#endif /* LIB_SCRIPT_ATTRIBUTE_H */
