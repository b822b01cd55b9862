/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A halt of the whole gateway: how the boot before this one ended, and for how
 * long nothing was recorded. A mark in the store says how it was meant to end; the
 * kernel's own words come from pstore.
 */
#ifndef SUPERVISORD_HALT_H
#define SUPERVISORD_HALT_H

#include <jansson.h>
#include <stdbool.h>

struct gateway;

/**
 * halt_open - find out whether the gateway was halted, record it, and have the center told
 * @by_watchdog: the hardware says that its watchdog has reset it
 *
 * Before any other event of this supervisor is recorded.
 */
void halt_open(struct gateway *gateway, bool by_watchdog);

/** halt_expected - the supervisor ends in order: should the gateway end now too, then it was meant to */
void halt_expected(struct gateway *gateway);

/** halt_reboot - likewise for a fault's countermeasure; 0 once that is on disk, or a negative errno */
int halt_reboot(struct gateway *gateway, const char *fault);

/** halt_not_expected - what halt_reboot() said did not happen */
void halt_not_expected(struct gateway *gateway);

/**
 * halt_describe - the last one
 *
 * Return: new reference, {reason, booted, last_event?, gap_s?, fault?}; NULL: none is known.
 */
json_t *halt_describe(const struct gateway *gateway);

#endif /* SUPERVISORD_HALT_H */
