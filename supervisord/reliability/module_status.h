/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel module has seen, what it costs and how it is set, for an operator. */
#ifndef SUPERVISORD_MODULE_STATUS_H
#define SUPERVISORD_MODULE_STATUS_H

#include <jansson.h>

#include "supervisord/gateway.h"

/** module_status_describe - "module" of the method status (docs/protocol.md); NULL where the source is another one */
json_t *module_status_describe(const struct gateway *gateway);

#endif /* SUPERVISORD_MODULE_STATUS_H */
