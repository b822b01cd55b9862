/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernel events come from (343, the kernel's half): the module or the
 * probes, behind one small table of functions. Both give the same record and
 * keep the same ledger.
 */
#ifndef SUPERVISORD_SOURCE_H
#define SUPERVISORD_SOURCE_H

#include <ev.h>
#include <linux/faultline.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

struct source;

/** struct source_ledger - emitted = delivered + pending + lost */
struct source_ledger {
	uint64_t emitted;
	uint64_t delivered;
	uint64_t pending;
	uint64_t lost;
};

/**
 * typedef source_record_fn - one record, checked: its lengths fit
 * @record: valid during the call
 * @capture: behind it, or NULL
 */
typedef void (*source_record_fn)(void *user, const struct faultline_record *record,
				 const struct faultline_capture *capture);

/**
 * struct source_ops - a source of kernel events
 * @name: "module" or "probes"
 * @blind: one line on what this source cannot see, or NULL
 * @open: attach to the kernel and hand records to @fn from @loop on, those that
 *	were kept for a supervisor before this one first. @owner names the
 *	supervisor for the next one, such as by its state folder; NULL: nothing
 *	needs to be kept. Errors: -ENOENT (the
 *	kernel has no such source), -EPERM, others; @err says what to do.
 * @watch: watch a process and all that it forks from now on, under @cookie.
 *	-EEXIST when it is watched already, -ESRCH, -ENOSPC.
 * @ack: every record up to @seq is stored; idempotent
 * @ledger: read the counters
 * @close: end as wanted: the module goes on watching, the probes are removed.
 *	A supervisor that dies without it leaves both at work.
 */
struct source_ops {
	const char *name;
	const char *(*blind)(const struct source *source);
	int (*open)(struct source **source, struct ev_loop *loop,
		    source_record_fn fn, void *user, const char *owner, struct error *err);
	int (*watch)(struct source *source, pid_t pid, uint64_t cookie,
		     struct error *err);
	int (*ack)(struct source *source, uint64_t seq);
	int (*ledger)(struct source *source, struct source_ledger *ledger);
	void (*close)(struct source *source);
};

extern const struct source_ops source_module;
extern const struct source_ops source_probes;

/**
 * source_record_check - is this a whole record?
 * @data: hostile bytes, aligned to 8
 * @size: how many
 * @capture: the capture in it, or NULL
 *
 * Return: the record, or NULL when lengths do not fit.
 */
const struct faultline_record *
source_record_check(const void *data, size_t size,
		    const struct faultline_capture **capture);

/**
 * source_record_maps - the mappings in a record that passed the check
 * Return: NULL where it has none.
 */
const struct faultline_maps *source_record_maps(const struct faultline_record *record);

/**
 * source_map_next - walk through the mappings of a record that passed the check
 * @map: the one before; NULL to begin
 *
 * A mapping with FAULTLINE_MAP_SAME is never the first. Return: NULL at the end.
 */
const struct faultline_map *source_map_next(const struct faultline_maps *maps,
					    const struct faultline_map *map);

#endif /* SUPERVISORD_SOURCE_H */
