/* SPDX-License-Identifier: GPL-2.0-only */
/* Notifying means (1322): the countermeasure as the gateway is told of it (S373). */
#ifndef CENTER_FAULT_NOTIFIER_H
#define CENTER_FAULT_NOTIFIER_H

#include <jansson.h>

#include "center/fault/list.h"
#include "center/fault/obtaining.h"

/**
 * notifier_countermeasure - {action, attempts, window_s, backoff_ms, then} as JSON text
 *
 * Return: to be freed; NULL without memory.
 */
char *notifier_countermeasure(const struct countermeasure *countermeasure);

/**
 * notifier_answer - the answer to a fault
 * @countermeasure: as notifier_countermeasure() wrote it when the fault came first
 *
 * Return: JSON text, to be freed; NULL without memory.
 */
char *notifier_answer(const struct fault_id *id, const char *countermeasure,
		      int64_t policy_version);

#endif /* CENTER_FAULT_NOTIFIER_H */
