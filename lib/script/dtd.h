/* SPDX-License-Identifier: GPL-2.0-only */
/* A DTD as libxml2 declares it, read from one file that can reach nothing else. */
#ifndef LIB_SCRIPT_DTD_H
#define LIB_SCRIPT_DTD_H

#include <libxml/tree.h>
#include <stddef.h>

#include "lib/error.h"

/**
 * dtd_read - parse a DTD
 * @max: refuse more bytes than this, -EFBIG
 * @err: says line, column and what is wrong
 *
 * Refused (-EINVAL): whatever libxml2 warns of, and every entity but parameter
 * entities, with their text in place or with SYSTEM and the name of a module:
 * "control.dtd", taken from the folder of our own DTDs (xmlfile_dtd_folder()) and
 * from nowhere else.
 *
 * Return: an otherwise empty document whose external subset is the DTD, freed
 * with xmlFreeDoc(); NULL with @err set.
 */
xmlDoc *dtd_read(const char *path, size_t max, struct error *err);

#endif /* LIB_SCRIPT_DTD_H */
