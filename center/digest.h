/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CENTER_DIGEST_H
#define CENTER_DIGEST_H

#include <stddef.h>

/* Hexadecimal digits of a SHA-256. */
#define SHA256_HEX_LEN 64

/** digest_hex - the SHA-256 of something, as statements, ids and the store have it */
void digest_hex(const void *data, size_t size, char hex[SHA256_HEX_LEN + 1]);

#endif /* CENTER_DIGEST_H */
