/* SPDX-License-Identifier: GPL-2.0-only */
/* Watches in the maps of the probes: who is watched, and from when on. */
#ifndef SUPERVISORD_PROBES_WATCH_H
#define SUPERVISORD_PROBES_WATCH_H

#include <stdint.h>
#include <sys/types.h>

#include "bpf/probes.h"
#include "lib/error.h"
#include "supervisord/reliability/source.h"

/** struct probes_watches - the maps of the base object */
struct probes_watches {
	int processes;
	int watches;
	int settings;
	struct probes_shared *shared;
};

/** probes_watch_set - as source_ops::watch */
int probes_watch_set(const struct probes_watches *watches, pid_t pid, uint64_t cookie,
		     const struct source_settings *settings, uint32_t *id, struct error *err);

/** probes_watch_change - as source_ops::change */
int probes_watch_change(const struct probes_watches *watches, uint32_t watch,
			const struct source_settings *settings);

#endif /* SUPERVISORD_PROBES_WATCH_H */
