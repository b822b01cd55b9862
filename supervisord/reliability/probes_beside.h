/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probes beside the module: of what it does not see itself, programs hand records to it, by its function
 * faultline_emit(). So there is one stream, one sequence and one ledger. They are gone with the supervisor, and
 * hold the module as long as they are there.
 */
#ifndef SUPERVISORD_PROBES_BESIDE_H
#define SUPERVISORD_PROBES_BESIDE_H

#include "supervisord/reliability/source.h"

struct probes_beside;

/** probes_beside_open - load them; never fails as a whole: probes_beside_blind() says what is not seen */
struct probes_beside *probes_beside_open(void);

/** probes_beside_blind - one line, or NULL */
const char *probes_beside_blind(const struct probes_beside *beside);

/** probes_beside_parts - as source_ops::parts */
int probes_beside_parts(const struct probes_beside *beside, struct source_part *parts, int room);

/** probes_beside_close - NULL is fine */
void probes_beside_close(struct probes_beside *beside);

#endif /* SUPERVISORD_PROBES_BESIDE_H */
