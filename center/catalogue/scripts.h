/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scripts (12), one for each service. They are verified by the service's
 * definition when they are added, so gateways get none that is refused.
 */
#ifndef CENTER_CATALOGUE_SCRIPTS_H
#define CENTER_CATALOGUE_SCRIPTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "center/catalogue/key.h"
#include "center/store/store.h"
#include "lib/error.h"
#include "lib/script/definition.h"

/**
 * scripts_add - verify a script and keep it in place of the one before
 * @path: SERVICE.xml
 * @key: what it is signed with; NULL: it is not
 * @row: a new reference to {service, edition, sha256, steps, changed}
 *
 * Return: 0, or a negative errno with nothing changed; @err then begins with
 * file, line and column where the script is at fault.
 */
int scripts_add(struct store *store, const char *path, const struct key *key, json_t **row,
		struct error *err);

/** scripts_signature - {service, sha256, serial, signature}; 1, 0 when there is none, or negative errno */
int scripts_signature(struct store *store, const char *service, json_t **row,
		      struct error *err);

/** scripts_list - array of {service, edition, sha256, size, added}; NULL with @err set */
json_t *scripts_list(struct store *store, struct error *err);

/**
 * scripts_get - the script of a service
 * @content: to be freed
 * @sha256: of the content, hexadecimal
 *
 * Return: 1, 0 when there is none, or a negative errno.
 */
int scripts_get(struct store *store, const char *service, char **content, size_t *size,
		char sha256[65], struct error *err);

/** scripts_fit - 0 when the service of @definition has no script or one that fits it */
int scripts_fit(struct store *store, const struct definition *definition,
		struct error *err);

#endif /* CENTER_CATALOGUE_SCRIPTS_H */
