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

/* Where the blocks of a record begin whose capture and mappings passed the check. */
static const struct faultline_block *blocks_begin(const struct faultline_record *record)
{
	const struct faultline_maps *maps = source_record_maps(record);

	if (maps)
		return (const void *)((const char *)maps + maps->len);
	if (record->flags & FAULTLINE_F_CAPTURE)
		return (const void *)maps_behind((const void *)(record + 1));
	return (const void *)(record + 1);
}

const struct faultline_block *source_block_next(const struct faultline_record *record,
						const struct faultline_block *block)
{
	const char *next;

	if (!(record->flags & FAULTLINE_F_BLOCKS))
		return NULL;
	next = block ? (const char *)block + block->len : (const char *)blocks_begin(record);
	return next < (const char *)record + record->len ? (const void *)next : NULL;
}

const void *source_block_find(const struct faultline_record *record,
			      enum faultline_block_type type, size_t size)
{
	const struct faultline_block *block = NULL;

	while ((block = source_block_next(record, block)))
		if (block->type == type && block->len >= size)
			return block;
	return NULL;
}

/* Whole blocks up to the record's end. */
static bool blocks_check(const struct faultline_record *record)
{
	const char *at = (const char *)blocks_begin(record);
	const char *end = (const char *)record + record->len;

	while (at < end) {
		const struct faultline_block *block = (const void *)at;

		if ((size_t)(end - at) < sizeof(*block) || block->len < sizeof(*block) ||
		    block->len % RECORD_ALIGN || block->len > (size_t)(end - at))
			return false;
		at += block->len;
	}
	return at == end;
}

/* The capture behind a record of sound length, and its mappings. */
static bool capture_check(const struct faultline_record *record)
{
	const struct faultline_capture *capture = (const void *)(record + 1);
	size_t room = record->len - sizeof(*record);
	size_t stack;

	if (room < sizeof(*capture))
		return false;
	room -= sizeof(*capture);
	stack = aligned(capture->stack_len);
	if (capture->nregs > FAULTLINE_REGS_MAX || capture->stack_len > FAULTLINE_STACK_MAX ||
	    capture->stack_len > room)
		return false;
	if (record->flags & FAULTLINE_F_MAPS)
		return stack <= room && maps_check(maps_behind(capture), room - stack);
	return true;
}

const struct faultline_record *
source_record_check(const void *data, size_t size,
		    const struct faultline_capture **capture)
{
	const struct faultline_record *record = data;

	*capture = NULL;
	if (size < sizeof(*record) || record->len > size ||
	    record->len < sizeof(*record) || record->len % RECORD_ALIGN)
		return NULL;
	if (record->comm[sizeof(record->comm) - 1])
		return NULL;
	if (record->flags & FAULTLINE_F_CAPTURE ? !capture_check(record) :
						  record->flags & FAULTLINE_F_MAPS)
		return NULL;
	if ((record->flags & FAULTLINE_F_BLOCKS) && !blocks_check(record))
		return NULL;
	if (record->flags & FAULTLINE_F_CAPTURE)
		*capture = (const void *)(record + 1);
	return record;
}
