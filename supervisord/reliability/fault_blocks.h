/* SPDX-License-Identifier: GPL-2.0-only */
/* The blocks of a fault's record: from the kernel's layout to members of fault data. */
#ifndef SUPERVISORD_FAULT_BLOCKS_H
#define SUPERVISORD_FAULT_BLOCKS_H

#include <jansson.h>
#include <linux/faultline.h>

/**
 * fault_blocks_add - "fault_address", "syscall", "threads", "fpregs" and "auxv", as far as they are there
 * @record: that passed the check
 */
void fault_blocks_add(json_t *data, const struct faultline_record *record);

#endif /* SUPERVISORD_FAULT_BLOCKS_H */
