/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults on purpose, for demonstrations and tests:
 *
 *   AIRCON_FAULT=KIND@PROCESSING, as in "segv@set-wind-velocity"
 *
 * segv            the journal's entries become a stale pointer; the next append
 *                 writes through it
 * abort           a check of the application's own fails
 * exit            ends with status 3
 * hang            waits for a lock that nobody gives back
 * stack-overflow  recursion without end
 *
 * It strikes half-way through the processing, when part of what the processing
 * writes is in the unit already; and once: the file "struck" in $STATE_DIRECTORY,
 * created first, keeps it from striking the application that takes over. Without
 * $STATE_DIRECTORY it never strikes.
 */
#ifndef AIR_CONDITIONER_FAULT_H
#define AIR_CONDITIONER_FAULT_H

#include "journal.h"

/** fault_begin - a processing begins; @processing is not copied */
void fault_begin(const char *processing);

/**
 * fault_point - a value of the processing is in the unit
 * @step: which one, from 1
 * @steps: how many there will be
 */
void fault_point(int step, int steps, struct journal *journal);

#endif /* AIR_CONDITIONER_FAULT_H */
