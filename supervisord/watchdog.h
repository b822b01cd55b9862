/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who watches the supervisor: the service manager that started it (sd_notify(3)),
 * and the machine's watchdog, which resets the gateway when nobody feeds it. Both
 * are fed from the event loop, so that a loop that stands still is noticed.
 */
#ifndef SUPERVISORD_WATCHDOG_H
#define SUPERVISORD_WATCHDOG_H

#include <jansson.h>
#include <stdbool.h>

struct gateway;
struct watchdog;

/**
 * watchdog_open - begin to feed what is there
 *
 * A device that cannot be had is logged, and the gateway does its work without it.
 */
void watchdog_open(struct gateway *gateway);

/** watchdog_close - no more; with @leave the device goes on to the next supervisor, else it is switched off */
void watchdog_close(struct gateway *gateway, bool leave);

/** watchdog_has_reset - does the device say that it was what ended the boot before this one? */
bool watchdog_has_reset(const struct gateway *gateway);

/** watchdog_describe - new reference: {manager_s?, device?, device_s?, error?} */
json_t *watchdog_describe(const struct gateway *gateway);

/** watchdog_manager_notify - tell the service manager how the supervisor stands: READY=1 */
void watchdog_manager_notify(const char *state);

#endif /* SUPERVISORD_WATCHDOG_H */
