/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bundle as it arrives on standard input: counted and hashed (SHA-256) on
 * its way to libarchive, and never believed to be longer than it was announced.
 */
#ifndef SUPERVISORD_UNPACK_DIGEST_H
#define SUPERVISORD_UNPACK_DIGEST_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

/**
 * struct digest
 * @size: bytes that there must be
 * @done: bytes that came
 * @end: the end of input was seen
 */
struct digest {
	EVP_MD_CTX *context;
	uint64_t size;
	uint64_t done;
	int end;
	char block[65536];
};

/** digest_init - for @size bytes; 0 or -ENOMEM with @err set */
int digest_init(struct digest *digest, uint64_t size, struct error *err);

/**
 * digest_read - the next bytes
 * @data: set to them; valid until the next call
 *
 * Return: how many, 0 at the end, or a negative errno with @err set: -EFBIG
 * when there are more than there must be.
 */
ssize_t digest_read(struct digest *digest, const void **data, struct error *err);

/**
 * digest_check - read what is left, compare size and hash
 * @sha256: 64 hexadecimal digits
 *
 * Return: 0; -ENODATA (cut short), -EFBIG, -EBADMSG (another hash) or what
 * reading gave, with @err set.
 */
int digest_check(struct digest *digest, const char *sha256, struct error *err);

#endif /* SUPERVISORD_UNPACK_DIGEST_H */
