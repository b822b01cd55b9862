/* SPDX-License-Identifier: GPL-2.0-only */
/* What a RANGE record says, for a person and as data. */
#ifndef SUPERVISORD_RANGE_RECORD_H
#define SUPERVISORD_RANGE_RECORD_H

#include <jansson.h>
#include <linux/faultline.h>

/** range_record_text - "opened /etc/shadow (read)" and the like, in @text */
void range_record_text(const struct faultline_record *record, char *text, size_t size);

/** range_record_describe - {what, name, access?, port?, refused}; new reference */
json_t *range_record_describe(const struct faultline_record *record);

#endif /* SUPERVISORD_RANGE_RECORD_H */
