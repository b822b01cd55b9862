/* SPDX-License-Identifier: GPL-2.0-only */
/* The evidence of a hang as fault data (341). */
#ifndef SUPERVISORD_HANG_DATA_H
#define SUPERVISORD_HANG_DATA_H

#include <jansson.h>
#include <linux/faultline.h>

/** hang_data_name - "dstate", "deadlock" and so on for an enum faultline_hang; NULL where it is none */
const char *hang_data_name(int code);

/** hang_data_describe - a new object, of a record that passed the check; NULL where it has no such evidence */
json_t *hang_data_describe(const struct faultline_record *record);

#endif /* SUPERVISORD_HANG_DATA_H */
