/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a signature says (docs/formats.md, "Signatures"): the center signs these few
 * lines by Ed25519, a gateway makes the same ones of what it was given. The serial
 * number grows with each signature, so that an older one cannot pass for a newer.
 */
#ifndef LIB_SIGNATURE_H
#define LIB_SIGNATURE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNATURE_STATEMENT_MAX 512
#define SIGNATURE_SIZE 64
/* Of the base64 text, without the zero byte. */
#define SIGNATURE_TEXT_LEN 88

/** signature_application - the statement of a bundle; its length */
size_t signature_application(char statement[SIGNATURE_STATEMENT_MAX], const char *name,
			     const char *version, const char *sha256, uint64_t size, int64_t serial);

/** signature_script - likewise of a script, by the SHA-256 of its content */
size_t signature_script(char statement[SIGNATURE_STATEMENT_MAX], const char *service,
			const char *sha256, int64_t serial);

/**
 * signature_list_text - of the list of countermeasures what its statement has the SHA-256 of
 * @document: {policy_version, countermeasures}; what else it has does not count
 *
 * Return: compact JSON with sorted names, to be freed; NULL: out of memory.
 */
char *signature_list_text(const json_t *document);

/** signature_list - likewise of the list, by the SHA-256 of its text */
size_t signature_list(char statement[SIGNATURE_STATEMENT_MAX], int64_t version,
		      const char *sha256, int64_t serial);

#endif /* LIB_SIGNATURE_H */
