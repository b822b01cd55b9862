/* SPDX-License-Identifier: GPL-2.0-only */
/* The range of operation by the probes: the object that learns, reports and refuses, loaded while a watch has a range. */
#ifndef SUPERVISORD_PROBES_RANGE_H
#define SUPERVISORD_PROBES_RANGE_H

#include <stdint.h>

#include "bpf/probes.h"
#include "bpf/range.h"
#include "lib/error.h"
#include "lib/range.h"
#include "supervisord/reliability/probes_object.h"

/**
 * struct probes_range
 * @part: what is loaded
 * @object: its programs; not loaded where its count is 0
 * @base: the object that made the common maps; NULL beside the module, which has the watches
 * @refused: why the kernel did not take the programs when they were wanted
 */
struct probes_range {
	const struct probes_part *part;
	struct probes_object *object;
	const struct probes_object *base;
	struct error refused;
};

/** probes_range_possible - can this kernel do it? Else @err says what it lacks */
int probes_range_possible(struct error *err);

/** probes_range_able - likewise, and did it take the programs so far? */
int probes_range_able(const struct probes_range *range, struct error *err);

/** probes_range_resume - take over what a supervisor before this one left, if it did */
void probes_range_resume(struct probes_range *range, const struct pins *pins);

/**
 * probes_range_rules - what a set of rules consists of from now on, in place of what it was
 * @set: the caller's number for it, below RANGE_SET_UNIX and not 0
 * @places: what {state} and {bundle} stand for
 *
 * Loads the object where it is not loaded. Return: 0, -E2BIG: more rules than
 * fit, others.
 */
int probes_range_rules(struct probes_range *range, const struct pins *pins, uint32_t set,
		       const struct range *rules, const struct range_places *places,
		       struct error *err);

/**
 * probes_range_set - what is done about a watch's range
 * @mode: RANGE_OFF takes its range away
 * @rules: the same as the set has, for RANGE_REPORT and RANGE_REFUSE
 */
int probes_range_set(struct probes_range *range, const struct pins *pins, uint32_t watch,
		     enum range_mode mode, uint32_t set, const struct range *rules,
		     struct error *err);

/** probes_range_change - as source_ops::range; @watch 0: the rules alone */
int probes_range_change(struct probes_range *range, const struct pins *pins, uint32_t watch,
			const struct source_range *change, struct error *err);

/** probes_range_learnt - add what was learnt for a set to @to; with @forget it is forgotten */
void probes_range_learnt(const struct probes_range *range, uint32_t set, bool forget,
			 struct range *to);

/**
 * probes_range_tidy - watches have ended: unload the object if no other one needs it
 *
 * Beside the module who sees a watch end takes its range away, by RANGE_OFF.
 */
void probes_range_tidy(struct probes_range *range, const struct pins *pins);

#endif /* SUPERVISORD_PROBES_RANGE_H */
