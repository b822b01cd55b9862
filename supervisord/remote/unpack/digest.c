// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/unpack/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/hex.h"

int digest_init(struct digest *digest, uint64_t size, struct error *err)
{
	digest->context = EVP_MD_CTX_new();
	digest->size = size;
	digest->done = 0;
	digest->end = 0;
	if (!digest->context || !EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL))
		return error_set(err, -ENOMEM, "libcrypto gives no SHA-256");
	return 0;
}

ssize_t digest_read(struct digest *digest, const void **data, struct error *err)
{
	ssize_t n;

	*data = digest->block;
	do {
		n = read(STDIN_FILENO, digest->block, sizeof(digest->block));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set(err, -errno, "the bundle cannot be read: %s", strerror(errno));
	digest->end = !n;
	digest->done += n;
	if (digest->done > digest->size)
		return error_set(err, -EFBIG, "the bundle is longer than the %llu bytes that the "
				 "center announced", (unsigned long long)digest->size);
	EVP_DigestUpdate(digest->context, digest->block, n);
	return n;
}

int digest_check(struct digest *digest, const char *sha256, struct error *err)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned int size = 0;
	const void *data;
	ssize_t n = 0;

	while (!digest->end && (n = digest_read(digest, &data, err)) > 0)
		;
	if (n < 0)
		return n;
	if (digest->done < digest->size)
		return error_set(err, -ENODATA, "the bundle was cut short: %llu of %llu bytes came; "
				 "download it again", (unsigned long long)digest->done,
				 (unsigned long long)digest->size);
	EVP_DigestFinal_ex(digest->context, hash, &size);
	hex_write(hex, hash, size);
	if (strcmp(hex, sha256))
		return error_set(err, -EBADMSG, "the bundle's SHA-256 is %s, not %s: download it "
				 "again, or publish it anew", hex, sha256);
	return 0;
}
