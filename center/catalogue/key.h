/* SPDX-License-Identifier: GPL-2.0-only */
/* The key (Ed25519) by which this center signs what gateways run: a PEM file. */
#ifndef CENTER_CATALOGUE_KEY_H
#define CENTER_CATALOGUE_KEY_H

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/signature.h"

struct key;

/**
 * key_make - make a key and keep it, readable for its owner alone
 *
 * Return: 0, or a negative errno with @err set; -EEXIST: there is one already.
 */
int key_make(const char *path, struct error *err);

/**
 * key_find - the key to sign with
 * @path: NULL: $FAULTLINE_KEY, or signing-key.pem in the data folder where it is
 *
 * Return: 0 with @key set, freed with key_free(), or NULL when there is none; or a
 * negative errno with @err set.
 */
int key_find(const char *path, const char *data, struct key **key, struct error *err);
/** key_free - NULL is allowed */
void key_free(struct key *key);
DEFINE_CLEANUP(struct key *, key_free)
#define __cleanup_key __cleanup(key_freep)

/** key_public - its public half as PEM, for gateways; to be freed; NULL with @err set */
char *key_public(const struct key *key, struct error *err);

/** key_sign - sign a statement; @text is base64; 0 or negative errno */
int key_sign(const struct key *key, const char *statement, size_t size,
	     char text[SIGNATURE_TEXT_LEN + 1], struct error *err);

/** key_path - where a center has its key unless told otherwise; to be freed */
char *key_path(const char *data);

#endif /* CENTER_CATALOGUE_KEY_H */
