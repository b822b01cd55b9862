/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LIB_HEX_H
#define LIB_HEX_H

#include <stddef.h>

/**
 * hex_write - bytes as lower-case hexadecimal digits
 * @text: room for 2 * @size + 1 bytes; ends with '\0'
 */
void hex_write(char *text, const void *bytes, size_t size);

#endif /* LIB_HEX_H */
