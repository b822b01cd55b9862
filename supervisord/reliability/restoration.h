/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Restoration means (346 by the center's countermeasure, 348 by the gateway's
 * own): carries out what was decided against a fault (S38, S39).
 */
#ifndef SUPERVISORD_RESTORATION_H
#define SUPERVISORD_RESTORATION_H

#include "supervisord/reliability/fault.h"

/** restoration_start - carry out @fault->countermeasure; ends in fault_end() */
void restoration_start(struct fault *fault);

#endif /* SUPERVISORD_RESTORATION_H */
