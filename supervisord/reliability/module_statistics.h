/* SPDX-License-Identifier: GPL-2.0-only */
/* The module's answer to FAULTLINE_CMD_STATS_GET. */
#ifndef SUPERVISORD_MODULE_STATISTICS_H
#define SUPERVISORD_MODULE_STATISTICS_H

#include <netlink/genl/genl.h>

#include "supervisord/reliability/source.h"

/**
 * module_statistics_read - add what is in a message to @statistics
 * @genl: of a message whose attributes passed genlmsg_parse(); those that are not whole are left out
 */
void module_statistics_read(struct source_statistics *statistics, struct genlmsghdr *genl);

#endif /* SUPERVISORD_MODULE_STATISTICS_H */
