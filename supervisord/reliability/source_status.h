/* SPDX-License-Identifier: GPL-2.0-only */
/* What the source of kernel events has seen, missed and cost, and how the module is set, for an operator. */
#ifndef SUPERVISORD_SOURCE_STATUS_H
#define SUPERVISORD_SOURCE_STATUS_H

#include <jansson.h>

#include "supervisord/gateway.h"

/**
 * source_status_describe - "module" or "counts" of the method status (docs/protocol.md)
 * Return: NULL where the source cannot be asked.
 */
json_t *source_status_describe(const struct gateway *gateway);

#endif /* SUPERVISORD_SOURCE_STATUS_H */
