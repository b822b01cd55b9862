/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps that all objects share. The one that is loaded first makes them, the
 * others are given the same ones by their names (supervisord/reliability/
 * probes_object.c).
 */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

#include <bpf/bpf_helpers.h>

#include "kernel.h"
#include "probes.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PROBES_RING_SIZE);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROBES_PROCESSES_MAX);
	__type(key, u32);
	__type(value, struct probes_process);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROBES_WATCHES_MAX);
	__type(key, u32);
	__type(value, struct probes_watch);
} watches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PROBES_WATCHES_MAX);
	__type(key, u32);
	__type(value, struct probes_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct probes_counters);
} counters SEC(".maps");

/* Alone in .bss, which is one map: no object has another variable without a value. */
struct probes_shared shared;

#define count(counter)							\
	({								\
		u32 _zero = 0;						\
		struct probes_counters *_counters =			\
			bpf_map_lookup_elem(&counters, &_zero);		\
		if (_counters)						\
			__sync_fetch_and_add(&_counters->counter, 1);	\
	})

/* The entry of a watched process, NULL for all others. */
static __always_inline struct probes_process *process_find(u32 tgid)
{
	if (!*PROBES_FILTER(&shared, tgid))
		return NULL;
	return bpf_map_lookup_elem(&processes, &tgid);
}

#endif /* MAPS_BPF_H */
