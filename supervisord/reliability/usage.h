/* SPDX-License-Identifier: GPL-2.0-only */
/* A limit that was reached while the process goes on (FAULTLINE_RECORD_LIMIT), in words. */
#ifndef SUPERVISORD_USAGE_H
#define SUPERVISORD_USAGE_H

#include <jansson.h>
#include <linux/faultline.h>
#include <stddef.h>

/** usage_kind - "limit.files"; "limit.other" where this daemon does not know it */
const char *usage_kind(const struct faultline_record *record);

/**
 * usage_text - one line for a person
 * @usage: of the record, or NULL
 */
void usage_text(const struct faultline_record *record, const struct faultline_usage *usage,
		char *text, size_t size);

/** usage_describe - used, limit, scope, times; those that are known */
json_t *usage_describe(const struct faultline_usage *usage);

#endif /* SUPERVISORD_USAGE_H */
