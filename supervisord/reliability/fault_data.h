/* SPDX-License-Identifier: GPL-2.0-only */
/* Fault data collection means (344): what is needed to understand a fault, as JSON. */
#ifndef SUPERVISORD_FAULT_DATA_H
#define SUPERVISORD_FAULT_DATA_H

#include "supervisord/reliability/fault.h"

/* Of fault data as JSON text, in bytes. */
#define FAULT_DATA_MAX (256 << 10)

/**
 * fault_data_collect - signal, process, registers, stack, log, script, the last 200 events
 *
 * Return: new reference; FAULT_DATA_MAX at most, with "cut" where that took something.
 */
json_t *fault_data_collect(struct app *app, const struct fault_evidence *evidence);

/** fault_data_gateway - what there is without an application: versions, and all applications' last events */
json_t *fault_data_gateway(struct gateway *gateway);
/** fault_data_bound - FAULT_DATA_MAX at most, with "cut" where that took something */
void fault_data_bound(json_t *data);

#endif /* SUPERVISORD_FAULT_DATA_H */
