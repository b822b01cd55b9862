// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/mappings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/hex.h"
#include "supervisord/reliability/source.h"

static char *map_name(const struct faultline_map *map)
{
	const uint8_t *from = map->data + map->build_id_len;
	char *name = alloc_zero(1, map->name_len + 1);

	for (int i = 0; i < map->name_len; i++)
		name[i] = from[i] >= ' ' && from[i] < 127 && !strchr("\"\\", from[i]) ?
			  from[i] : '?';
	return name;
}

static json_t *map_describe(const struct faultline_map *map)
{
	const char rights[] = {
		map->flags & FAULTLINE_MAP_READ ? 'r' : '-',
		map->flags & FAULTLINE_MAP_WRITE ? 'w' : '-',
		map->flags & FAULTLINE_MAP_EXEC ? 'x' : '-',
		map->flags & FAULTLINE_MAP_SHARED ? 's' : 'p',
	};
	json_t *object = json_pack("{s:o, s:o, s:s%}",
				   "start", json_sprintf("0x%llx", (unsigned long long)map->start),
				   "end", json_sprintf("0x%llx", (unsigned long long)map->end),
				   "rights", rights, sizeof(rights));
	char build_id[2 * FAULTLINE_BUILD_ID_MAX + 1];
	char *name;

	if (map->flags & FAULTLINE_MAP_FILE)
		json_object_set_new(object, "offset",
				    json_sprintf("0x%llx", (unsigned long long)map->offset));
	if (map->flags & FAULTLINE_MAP_PROGRAM)
		json_object_set_new(object, "program", json_true());
	if (map->name_len) {
		name = map_name(map);
		json_object_set_new(object, "name", json_string(name));
		free(name);
	}
	if (map->build_id_len) {
		hex_write(build_id, map->data, map->build_id_len);
		json_object_set_new(object, "build_id", json_string(build_id));
	}
	return object;
}

json_t *mappings_describe(const struct faultline_maps *maps)
{
	const struct faultline_map *map = NULL;
	json_t *array = json_array();

	while ((map = source_map_next(maps, map)))
		json_array_append_new(array, map_describe(map));
	return array;
}

static json_t *place(const struct faultline_map *file, uint64_t address)
{
	char *name = map_name(file);
	const char *slash = strrchr(name, '/');
	/* The base of a mapping without file is where it begins. */
	uint64_t distance = address - (file->start - file->offset);
	json_t *text = json_sprintf("%s+0x%llx",
				    slash ? slash + 1 : *name ? name : "[anonymous]",
				    (unsigned long long)distance);

	free(name);
	return text;
}

json_t *mappings_place(const struct faultline_maps *maps, uint64_t address)
{
	const struct faultline_map *map = NULL, *file = NULL;

	while ((map = source_map_next(maps, map))) {
		if (!(map->flags & FAULTLINE_MAP_SAME))
			file = map;
		if (map->start <= address && address < map->end)
			return place(file, address);
	}
	return maps->flags & FAULTLINE_MAPS_PARTIAL ? NULL : json_string("not mapped");
}
