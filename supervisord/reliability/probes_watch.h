/* SPDX-License-Identifier: GPL-2.0-only */
/* Watches in the maps of the probes: who is watched, and from when on. */
#ifndef SUPERVISORD_PROBES_WATCH_H
#define SUPERVISORD_PROBES_WATCH_H

#include <stdint.h>
#include <sys/types.h>

#include "bpf/probes.h"
#include "lib/error.h"

/** struct probes_watches - the maps of the base object */
struct probes_watches {
	int processes;
	int watches;
	struct probes_shared *shared;
};

/** probes_watch_set - as source_ops::watch */
int probes_watch_set(const struct probes_watches *watches, pid_t pid, uint64_t cookie,
		     struct error *err);

#endif /* SUPERVISORD_PROBES_WATCH_H */
