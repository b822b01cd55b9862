/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notifying means (345, 349): tells the center of faults and of outcomes, oldest
 * first, each until the center has it. What is to be told is read from the
 * store, so a restart of the supervisor forgets nothing.
 */
#ifndef SUPERVISORD_NOTIFIER_H
#define SUPERVISORD_NOTIFIER_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"
#include "supervisord/gateway.h"

void notifier_open(struct gateway *gateway);
void notifier_close(struct gateway *gateway);

/** notifier_kick - there is something to tell: do not wait for the back-off */
void notifier_kick(struct gateway *gateway);

#endif /* SUPERVISORD_NOTIFIER_H */
