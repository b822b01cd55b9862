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
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

struct range;
struct range_places;
struct source;

/** struct source_ledger - emitted = delivered + pending + lost */
struct source_ledger {
	uint64_t emitted;
	uint64_t delivered;
	uint64_t pending;
	uint64_t lost;
};

/**
 * struct source_settings - settings of a watch, by enum faultline_watch_attr
 * @given: bits of those that are meant; the others stay, or have their defaults
 */
struct source_settings {
	uint32_t given;
	uint64_t value[FAULTLINE_WATCH_A_PAD];
};

static inline void source_settings_give(struct source_settings *settings,
					enum faultline_watch_attr attr, uint64_t value)
{
	settings->given |= 1U << attr;
	settings->value[attr] = value;
}

#define SOURCE_COUNTS_MAX 256
#define SOURCE_COSTS_MAX 48

/**
 * struct source_statistics - what a source tells of itself beside its ledger
 * @value: by enum faultline_stats_attr
 * @lost_full: the probes: lost because the ring was full
 * @lost_died: a supervisor had taken them, and died before it acknowledged them
 * @suppressed: limits that were reached less than a second after the last record of them
 * @skipped: runs of programs that the kernel left out, as the program ran on that CPU already
 * @counts: records that there were, by FAULTLINE_COUNT_A_TYPE and _KIND
 * @costs: of each place in it; all 0 while nobody measures
 */
struct source_statistics {
	uint64_t value[FAULTLINE_STATS_A_PAD];
	uint64_t lost_full;
	uint64_t lost_died;
	uint64_t suppressed;
	uint64_t skipped;
	int n_counts;
	struct source_count {
		uint32_t type;
		uint32_t kind;
		uint64_t records;
	} counts[SOURCE_COUNTS_MAX];
	int n_costs;
	struct source_cost {
		char place[32];
		uint64_t calls;
		uint64_t ns;
		uint64_t worst_ns;
	} costs[SOURCE_COSTS_MAX];
};

#define SOURCE_PARTS_MAX 8

/**
 * struct source_part - a group of BPF programs
 * @programs: how many are in force; 0: the kernel does not take them, blind() has why
 * @memory: bytes of the kernel's for programs and maps, as it counts them
 */
struct source_part {
	const char *name;
	int programs;
	uint64_t memory;
};

/**
 * struct source_range - what is done about the range of a watch (bpf/range.h, docs/probes.md)
 * @mode: enum range_mode
 * @set: a number of its rules, the same for all processes of an application
 * @rules: what is within; NULL while it is learnt
 * @places: what the rules' {state} and {bundle} stand for
 */
struct source_range {
	int mode;
	uint32_t set;
	const struct range *rules;
	const struct range_places *places;
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
 * @watch: watch a process and all that it forks from now on, under @cookie,
 *	with @settings (or NULL); @id is set to the watch's. A source leaves alone
 *	the settings that it has no use for. -EEXIST when it is watched already,
 *	-ESRCH, -ENOSPC; -ERANGE for a setting that is out of bounds.
 * @change: change the settings of a watch that are given. -ENOENT when it has
 *	ended.
 * @heartbeat: the watch has given a sign of life. -ENOENT; -EOPNOTSUPP where the
 *	source does not supervise it.
 * @release: let the held threads of the watch go on. -ENOENT; -EOPNOTSUPP where
 *	the source holds none.
 * @range_possible: 0; -EOPNOTSUPP where the kernel cannot guard ranges, and @err says what it lacks
 * @range: learn, report or refuse, or leave alone, what the watch does; with watch
 *	0 only the rules are changed. -EOPNOTSUPP where it is not possible
 * @learnt: add what was learnt for a set of rules to @to, and forget it if @forget
 *	says so
 * @ack: every record up to @seq is stored; idempotent
 * @ledger: read the counters
 * @statistics: read all that it counts
 * @parts: what it consists of, as BPF programs; how many were filled in
 * @close: end as wanted: the module goes on watching, the probes are removed.
 *	A supervisor that dies without it leaves both at work.
 */
struct source_ops {
	const char *name;
	const char *(*blind)(const struct source *source);
	int (*open)(struct source **source, struct ev_loop *loop,
		    source_record_fn fn, void *user, const char *owner, struct error *err);
	int (*watch)(struct source *source, pid_t pid, uint64_t cookie,
		     const struct source_settings *settings, uint32_t *id,
		     struct error *err);
	int (*change)(struct source *source, uint32_t watch,
		      const struct source_settings *settings);
	int (*heartbeat)(struct source *source, uint32_t watch);
	int (*release)(struct source *source, uint32_t watch);
	int (*range_possible)(const struct source *source, struct error *err);
	int (*range)(struct source *source, uint32_t watch, const struct source_range *range,
		     struct error *err);
	void (*learnt)(struct source *source, uint32_t set, bool forget, struct range *to);
	int (*ack)(struct source *source, uint64_t seq);
	int (*ledger)(struct source *source, struct source_ledger *ledger);
	int (*statistics)(struct source *source, struct source_statistics *statistics);
	int (*parts)(const struct source *source, struct source_part *parts, int room);
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

/**
 * source_block_next - walk through the blocks of a record that passed the check
 * @block: the one before; NULL to begin
 *
 * A block has at least its header; what it is to have beyond that is for the
 * reader of its type to compare with its length. Return: NULL at the end.
 */
const struct faultline_block *source_block_next(const struct faultline_record *record,
						const struct faultline_block *block);

/**
 * source_block_find - the first block of @type that has at least @size bytes
 * Return: NULL where there is none.
 */
const void *source_block_find(const struct faultline_record *record,
			      enum faultline_block_type type, size_t size);

#endif /* SUPERVISORD_SOURCE_H */
