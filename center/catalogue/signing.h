/* SPDX-License-Identifier: GPL-2.0-only */
/* Signatures of what is kept here for gateways (docs/center.md, "Signatures"). */
#ifndef CENTER_CATALOGUE_SIGNING_H
#define CENTER_CATALOGUE_SIGNING_H

#include <jansson.h>

#include "center/catalogue/key.h"
#include "center/store/store.h"

/**
 * signing_application - sign a version that is kept
 * @row: {name, version, sha256, size}; borrowed
 *
 * Within a transaction. The serial number is higher than any before.
 */
int signing_application(struct store *store, const struct key *key, const json_t *row,
			struct error *err);

/** signing_script - likewise the script of a service, by the SHA-256 of its content */
int signing_script(struct store *store, const struct key *key, const char *service,
		   const char *sha256, struct error *err);

/** signing_list - likewise the list of countermeasures as it is now; a sign function of struct list_author */
int signing_list(struct store *store, const struct key *key, struct error *err);

/**
 * signing_all - sign the current versions, all scripts and the list of countermeasures once
 *	more; how many, or negative errno
 */
int signing_all(struct store *store, const struct key *key, struct error *err);

#endif /* CENTER_CATALOGUE_SIGNING_H */
