/* SPDX-License-Identifier: GPL-2.0-only */
/* A kernel record as members of fault data. */
#ifndef SUPERVISORD_FAULT_RECORD_H
#define SUPERVISORD_FAULT_RECORD_H

#include <jansson.h>
#include <linux/faultline.h>

/** fault_record_comm - a thread's name, which is what it likes, as plain text; new reference */
json_t *fault_record_comm(const char comm[FAULTLINE_COMM_LEN]);

/** fault_record_describe - its fixed part; new reference */
json_t *fault_record_describe(const struct faultline_record *record);

/**
 * fault_record_add - all of it: "kernel", "registers", "stack", "maps" and what its blocks tell
 * @record: that passed the check
 * @capture: in it, or NULL
 */
void fault_record_add(json_t *data, const struct faultline_record *record,
		      const struct faultline_capture *capture);

#endif /* SUPERVISORD_FAULT_RECORD_H */
