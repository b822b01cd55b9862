// SPDX-License-Identifier: GPL-2.0-only
#include "center/digest.h"

#include <openssl/sha.h>

#include "lib/hex.h"

void digest_hex(const void *data, size_t size, char hex[SHA256_HEX_LEN + 1])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256(data, size, digest);
	hex_write(hex, digest, sizeof(digest));
}
