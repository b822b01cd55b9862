/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Script definitions (331) by which the center verifies scripts: files
 * definitions/SERVICE.dtd in the data folder, copies of what the store has. Gateways
 * have their own.
 */
#ifndef CENTER_CATALOGUE_DEFINITIONS_H
#define CENTER_CATALOGUE_DEFINITIONS_H

#include <jansson.h>

#include "center/store/store.h"
#include "lib/error.h"
#include "lib/script/definition.h"

/**
 * definitions_add - verify a definition and keep it in place of the one before
 * @path: SERVICE.dtd
 * @force: also when the service's script no longer fits it
 * @row: a new reference to {service, events}
 *
 * Return: 0, or a negative errno with @err set and nothing changed.
 */
int definitions_add(struct store *store, const char *path, bool force, json_t **row,
		    struct error *err);

/** definitions_list - array of {service, events}; NULL with @err set */
json_t *definitions_list(struct store *store, struct error *err);

/**
 * definitions_load - the definition of a service, whose name was checked
 *
 * Return: freed with definition_free(); NULL with @err set, -ENOENT: none is there.
 */
struct definition *definitions_load(struct store *store, const char *service,
				    struct error *err);

#endif /* CENTER_CATALOGUE_DEFINITIONS_H */
