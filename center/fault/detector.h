/* SPDX-License-Identifier: GPL-2.0-only */
/* Fault countermeasure detector means (1321): fault data and list to countermeasure (S372). */
#ifndef CENTER_FAULT_DETECTOR_H
#define CENTER_FAULT_DETECTOR_H

#include "center/fault/list.h"
#include "center/fault/obtaining.h"

/**
 * detector_choose - the countermeasure for a fault
 *
 * Of the entries that match, the one whose kind is longest; of those, one that names
 * the application before one that does not; of those likewise the version; of those
 * likewise the group. Two entries that match and are alike in all four have the same
 * key, and the list has a key once: so the order is total.
 *
 * Return: borrowed from @list; where nothing matches, an entry of action "none".
 */
const struct countermeasure *detector_choose(const struct list *list,
					     const struct fault *fault);

#endif /* CENTER_FAULT_DETECTOR_H */
