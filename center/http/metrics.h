/* SPDX-License-Identifier: GPL-2.0-only */
/* What the center counts, for Prometheus. */
#ifndef CENTER_HTTP_METRICS_H
#define CENTER_HTTP_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

/**
 * struct metrics - counters since the center was started
 * @answers: by the first digit of their status, from 1
 * @faults: reports of faults that are durable, repeated ones too
 * @outcomes: likewise of outcomes
 * @unstored: reports that could not be stored
 * @limited: reports that were put off because their gateway sends too much
 * @denied: requests without the right token
 * @bytes: bodies of reports that were stored
 * @changes: of the list of countermeasures, made over HTTP here
 */
struct metrics {
	_Atomic uint64_t answers[6];
	_Atomic uint64_t faults;
	_Atomic uint64_t outcomes;
	_Atomic uint64_t unstored;
	_Atomic uint64_t limited;
	_Atomic uint64_t denied;
	_Atomic uint64_t bytes;
	_Atomic uint64_t changes;
};

#endif /* CENTER_HTTP_METRICS_H */
