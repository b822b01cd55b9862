/* SPDX-License-Identifier: GPL-2.0-only */
/* A fault in a file of its own, to be looked at elsewhere (docs/formats.md, "Fault"). */
#ifndef LIB_FAULT_EXPORT_H
#define LIB_FAULT_EXPORT_H

#include <jansson.h>

#include "lib/error.h"

/**
 * fault_export_write - make the file, and make it durable
 * @path: one that is there already is left as it is
 * @fault: as "faultctl --json fault show" prints it
 *
 * Return: 0, or a negative errno with @err set and no file.
 */
int fault_export_write(const char *path, json_t *fault, struct error *err);

/** fault_export_read - the fault in what fault_export_write() wrote; a new reference, or NULL with @err set */
json_t *fault_export_read(const char *path, struct error *err);

#endif /* LIB_FAULT_EXPORT_H */
