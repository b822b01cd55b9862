/* SPDX-License-Identifier: GPL-2.0-only */
/* Hangs by the probes: the object that looks for them, loaded while a watch has a threshold. */
#ifndef SUPERVISORD_PROBES_PROGRESS_H
#define SUPERVISORD_PROBES_PROGRESS_H

#include <stdint.h>

#include "bpf/probes.h"
#include "bpf/progress.h"
#include "lib/error.h"
#include "supervisord/reliability/probes_object.h"

/**
 * struct probes_progress
 * @object: its programs; not loaded where its count is 0
 * @base: the object that made the common maps
 * @shared: mapped memory of the programs, NULL while they are not loaded
 */
struct probes_progress {
	struct probes_object *object;
	const struct probes_object *base;
	struct progress_shared *shared;
};

/**
 * probes_progress_resume - go on with what a supervisor before this one left, if it did
 *
 * What nobody could relay meanwhile is not missed: heartbeats are expected anew.
 */
void probes_progress_resume(struct probes_progress *progress, const struct pins *pins);

/** probes_progress_wanted - do these settings need the object? */
bool probes_progress_wanted(const struct probes_settings *settings);

/**
 * probes_progress_begin - look after a watch that has these settings
 * @err: says what the kernel does not take
 *
 * Loads the object where it is not loaded. Return: 0 or a negative errno.
 */
int probes_progress_begin(struct probes_progress *progress, const struct pins *pins, uint32_t watch,
			  const struct probes_settings *settings, struct error *err);

/** probes_progress_beat - the watch has given a sign of life; -ENOENT: it has ended */
int probes_progress_beat(const struct probes_progress *progress, uint32_t watch);

/** probes_progress_tidy - a watch has ended: unload the object if no other one needs it */
void probes_progress_tidy(struct probes_progress *progress, const struct pins *pins);

/** probes_progress_close - forget it; the object is the caller's */
void probes_progress_close(struct probes_progress *progress);

#endif /* SUPERVISORD_PROBES_PROGRESS_H */
