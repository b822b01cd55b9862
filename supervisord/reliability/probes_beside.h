/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probes beside the module: of what it does not see itself, programs hand records to it, by its function
 * faultline_emit(). So there is one stream, one sequence and one ledger; whose watch a process is they ask the module
 * as well. They hold the module as long as they are there: those of limits until the supervisor is gone, those of
 * ranges, which have names in a folder of pins, until no range is left.
 */
#ifndef SUPERVISORD_PROBES_BESIDE_H
#define SUPERVISORD_PROBES_BESIDE_H

#include "supervisord/reliability/source.h"

struct probes_beside;

/**
 * probes_beside_open - load them; never fails as a whole: probes_beside_blind() says what is not seen
 * @owner: as for source_ops::open(); NULL: nothing outlives this process
 */
struct probes_beside *probes_beside_open(const char *owner);

/** probes_beside_blind - one line, or NULL */
const char *probes_beside_blind(const struct probes_beside *beside);

/** probes_beside_parts - as source_ops::parts */
int probes_beside_parts(const struct probes_beside *beside, struct source_part *parts, int room);

/**
 * probes_beside_statistics - add what they left out, and what they cost
 *
 * Of records the module keeps count.
 */
void probes_beside_statistics(const struct probes_beside *beside, struct source_statistics *statistics);

/** probes_beside_range_possible, probes_beside_range, probes_beside_learnt - as in struct source_ops */
int probes_beside_range_possible(const struct probes_beside *beside, struct error *err);
int probes_beside_range(struct probes_beside *beside, uint32_t watch,
			const struct source_range *range, struct error *err);
void probes_beside_learnt(const struct probes_beside *beside, uint32_t set, bool forget,
			  struct range *to);

/** probes_beside_gone - a watch has ended */
void probes_beside_gone(struct probes_beside *beside, uint32_t watch);

/** probes_beside_close - end as wanted: nothing stays in the kernel. NULL is fine */
void probes_beside_close(struct probes_beside *beside);

#endif /* SUPERVISORD_PROBES_BESIDE_H */
