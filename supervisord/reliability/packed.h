/* SPDX-License-Identifier: GPL-2.0-only */
/* JSON as the store keeps what is large: its text by zlib (RFC 1950), behind the text's size. */
#ifndef SUPERVISORD_PACKED_H
#define SUPERVISORD_PACKED_H

#include <jansson.h>
#include <stddef.h>

/* Of the text, in bytes. */
#define PACKED_TEXT_MAX (4 << 20)

/** packed_make - @size is set; freed with free(); NULL without memory or for what is too long */
void *packed_make(const json_t *json, size_t *size);

/** packed_open - what packed_make() made; new reference, NULL for anything else */
json_t *packed_open(const void *packed, size_t size);

#endif /* SUPERVISORD_PACKED_H */
