// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/source.h"

#include <stdbool.h>
#include <stddef.h>

/* Records and what is in them begin at multiples of this. */
#define RECORD_ALIGN 8

static size_t aligned(size_t size)
{
	return (size + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
}

static size_t map_size(const struct faultline_map *map)
{
	return aligned(sizeof(*map) + map->build_id_len + map->name_len);
}

/* Whole mappings in rising addresses, and nothing after them. */
static bool maps_check(const struct faultline_maps *maps, size_t room)
{
	const struct faultline_map *map = (const void *)(maps + 1), *last = NULL;
	size_t left;

	if (room < sizeof(*maps) || maps->len < sizeof(*maps) || maps->len > room ||
	    maps->len > FAULTLINE_MAPS_MAX)
		return false;
	left = maps->len - sizeof(*maps);
	for (unsigned int i = 0; i < maps->count; i++) {
		if (left < sizeof(*map) || left < map_size(map) || map->start >= map->end ||
		    map->build_id_len > FAULTLINE_BUILD_ID_MAX)
			return false;
		if (last && map->start < last->end)
			return false;
		if ((map->flags & FAULTLINE_MAP_SAME) && !last)
			return false;
		left -= map_size(map);
		last = map;
		map = (const void *)((const char *)map + map_size(map));
	}
	return !left;
}

static const struct faultline_maps *maps_behind(const struct faultline_capture *capture)
{
	return (const void *)(capture->stack + aligned(capture->stack_len));
}

const struct faultline_maps *source_record_maps(const struct faultline_record *record)
{
	if (!(record->flags & FAULTLINE_F_MAPS))
		return NULL;
	return maps_behind((const void *)(record + 1));
}

const struct faultline_map *source_map_next(const struct faultline_maps *maps,
					    const struct faultline_map *map)
{
	const char *next = map ? (const char *)map + map_size(map) : (const char *)(maps + 1);

	return next < (const char *)maps + maps->len ? (const void *)next : NULL;
}

const struct faultline_record *
source_record_check(const void *data, size_t size,
		    const struct faultline_capture **capture)
{
	const struct faultline_record *record = data;
	const struct faultline_capture *found;
	size_t room;

	*capture = NULL;
	if (size < sizeof(*record) || record->len > size ||
	    record->len < sizeof(*record) || record->len % RECORD_ALIGN)
		return NULL;
	if (record->comm[sizeof(record->comm) - 1])
		return NULL;
	if (!(record->flags & FAULTLINE_F_CAPTURE))
		return record->flags & FAULTLINE_F_MAPS ? NULL : record;

	room = record->len - sizeof(*record);
	found = (const void *)(record + 1);
	if (room < sizeof(*found))
		return NULL;
	room -= sizeof(*found);
	if (found->nregs > FAULTLINE_REGS_MAX ||
	    found->stack_len > FAULTLINE_STACK_MAX || found->stack_len > room)
		return NULL;
	if ((record->flags & FAULTLINE_F_MAPS) &&
	    (aligned(found->stack_len) > room ||
	     !maps_check(maps_behind(found), room - aligned(found->stack_len))))
		return NULL;
	*capture = found;
	return record;
}
