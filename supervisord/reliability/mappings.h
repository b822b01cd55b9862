/* SPDX-License-Identifier: GPL-2.0-only */
/* The mappings of a faulted process: from the kernel's record to what a person reads. */
#ifndef SUPERVISORD_MAPPINGS_H
#define SUPERVISORD_MAPPINGS_H

#include <jansson.h>
#include <linux/faultline.h>
#include <stdint.h>

/**
 * mappings_describe - each mapping with its addresses, rights, file and build id
 * @maps: of source_record_maps()
 *
 * A mapping of the same file as the one before it has an offset and no name, so
 * that a long name is there once. Names are the process's to choose: what is not printable ASCII, and what
 * JSON would make longer, becomes '?'.
 * Return: a new array.
 */
json_t *mappings_describe(const struct faultline_maps *maps);

/**
 * mappings_place - where an address is, as "air-conditioner+0x1036"
 *
 * The number is the distance from where the begin of the file is mapped, which
 * is the address in the file's own terms unless it is linked to a fixed one.
 *
 * Return: a new string; "not mapped" where no mapping has the address; NULL
 * where the list is not complete and does not tell.
 */
json_t *mappings_place(const struct faultline_maps *maps, uint64_t address);

#endif /* SUPERVISORD_MAPPINGS_H */
