/* SPDX-License-Identifier: GPL-2.0-only */
/* Applications (11) that gateways download. They are verified when they are added. */
#ifndef CENTER_CATALOGUE_APPLICATIONS_H
#define CENTER_CATALOGUE_APPLICATIONS_H

#include <jansson.h>
#include <stdbool.h>

#include "center/catalogue/key.h"
#include "center/catalogue/verification.h"
#include "center/store/store.h"
#include "lib/error.h"

/**
 * applications_add - verify a bundle and keep it
 * @path: the bundle
 * @options: how it is verified
 * @key: what it is signed with; NULL: it is not
 * @row: a new reference to what is kept: name, version, residence, runtime, sha256, size, verification
 * @known: this version was there with the same content; nothing was changed
 * @report: a new reference to what was verified (verification.h), also when it was refused
 *	by that; NULL otherwise
 *
 * A version's content never changes: other content is refused with -EEXIST. The
 * version added last is the one that gateways run.
 *
 * Return: 0, or a negative errno with @err set and nothing changed.
 */
int applications_add(struct store *store, const char *path,
		     const struct verification_options *options, const struct key *key,
		     json_t **row, bool *known, json_t **report, struct error *err);

/**
 * applications_verify - verify once more what is kept, by the definitions and scripts of now
 * @version: NULL: the one to run
 *
 * What came of it is kept beside what was verified before; an application that is
 * refused stays.
 *
 * Return: 0, or a negative errno with @err set; @report as above.
 */
int applications_verify(struct store *store, const char *name, const char *version,
			const struct verification_options *options, json_t **report,
			struct error *err);

/**
 * applications_show - an application with all that was verified of it
 * @version: NULL: the one to run
 *
 * Return: 0 with a new reference in @row, or a negative errno with @err set.
 */
int applications_show(struct store *store, const char *name, const char *version, json_t **row,
		      struct error *err);

/** applications_list - all of them, each with "current"; NULL with @err set */
json_t *applications_list(struct store *store, struct error *err);

/**
 * applications_current - the version of an application to run
 *
 * Return: 1 with a new reference in @row, 0 when there is none, or a negative errno.
 */
int applications_current(struct store *store, const char *name, json_t **row,
			 struct error *err);

#endif /* CENTER_CATALOGUE_APPLICATIONS_H */
