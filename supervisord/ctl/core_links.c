// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of libraries. A debugger finds it by DT_DEBUG in the program's
 * dynamic section: struct r_debug, and a struct link_map for each file. All
 * three are made up here, at an address where the process had nothing.
 */
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisord/ctl/core.h"
#include "supervisord/ctl/image.h"

#define LINKS_MAX 256
#define NAME_MAX_LEN 4096
#define PLACE_STEP (1ULL << 32)

/** struct links - @map: of the file's begin; @bias: what its addresses are moved by */
struct links {
	struct {
		const struct core_map *map;
		uint64_t bias;
		uint64_t dynamic;
	} link[LINKS_MAX];
	size_t count;
};

static bool place_is_free(const struct core *core, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < core->n_maps; i++)
		if (core->maps[i].start < to && from < core->maps[i].end)
			return false;
	for (size_t i = 0; i < core->n_segments; i++)
		if (core->segments[i].address < to &&
		    from < core->segments[i].address + core->segments[i].size)
			return false;
	return true;
}

static uint64_t place_find(const struct core *core, size_t size)
{
	uint64_t address = PLACE_STEP;

	while (address < 1ULL << 46 && !place_is_free(core, address, address + size))
		address += PLACE_STEP;
	return address;
}

static void warn(struct core *core, const char *what, const char *why)
{
	if (core->warn)
		core->warn(core->user, what, why);
}

/* A debugger takes the program's name from its command line, so it has none here. */
static const char *link_name(const struct links *links, size_t i)
{
	return i ? links->link[i].map->name : "";
}

/* r_debug, the link_maps, their names. */
static void list_add(struct core *core, const struct links *links, uint64_t *debug_address)
{
	size_t head = sizeof(struct r_debug) + links->count * sizeof(struct link_map);
	size_t size = head, name = head;
	struct r_debug *debug;
	struct link_map *map;
	uint64_t at, maps;
	char *bytes;

	for (size_t i = 0; i < links->count; i++)
		size += strlen(link_name(links, i)) + 1;
	bytes = calloc(1, size);
	if (!bytes)
		return;
	at = place_find(core, size);
	maps = at + sizeof(*debug);
	debug = (void *)bytes;
	debug->r_version = 1;
	debug->r_map = (void *)maps;
	map = (void *)(debug + 1);
	for (size_t i = 0; i < links->count; i++) {
		map[i].l_addr = links->link[i].bias;
		map[i].l_name = (void *)(at + name);
		map[i].l_ld = (void *)links->link[i].dynamic;
		map[i].l_next = i + 1 < links->count ? (void *)(maps + (i + 1) * sizeof(*map)) : NULL;
		map[i].l_prev = i ? (void *)(maps + (i - 1) * sizeof(*map)) : NULL;
		strcpy(bytes + name, link_name(links, i));
		name += strlen(link_name(links, i)) + 1;
	}
	core_segment_add(core, at, bytes, size);
	*debug_address = at;
}

static void debug_set(struct image *image, uint64_t address)
{
	Elf64_Dyn *dynamic = image->dynamic_bytes;

	for (size_t i = 0; i < image->dynamic_size / sizeof(*dynamic); i++) {
		if (dynamic[i].d_tag == DT_NULL)
			break;
		if (dynamic[i].d_tag == DT_DEBUG)
			dynamic[i].d_un.d_ptr = address;
	}
}

static void link_add(struct core *core, struct links *links, const struct core_map *map)
{
	struct image image;
	const char *why;
	uint64_t bias;
	int ret;

	if (links->count == LINKS_MAX || strlen(map->name) > NAME_MAX_LEN)
		return;
	ret = image_read(&image, map->name, map->build_id, &why);
	/* Data files are mapped as well. */
	if (ret == -ENOEXEC && !map->build_id)
		return;
	if (ret) {
		warn(core, map->name, why);
		return;
	}
	bias = map->start - image.base;
	if (image.machine == core->machine && image.dynamic) {
		links->link[links->count].map = map;
		links->link[links->count].bias = bias;
		links->link[links->count++].dynamic = bias + image.dynamic;
	}
	image_release(&image);
}

void core_links(struct core *core)
{
	const struct core_map *program = core_program(core);
	struct links *links;
	struct image image;
	uint64_t debug = 0;
	const char *why;

	if (!program) {
		warn(core, NULL, "the list of mappings does not tell which is the program: no libraries");
		return;
	}
	if (image_read(&image, program->name, program->build_id, &why)) {
		warn(core, program->name, why);
		return;
	}
	links = image.dynamic && image.machine == core->machine ? calloc(1, sizeof(*links)) : NULL;
	if (links) {
		links->link[0].map = program;
		links->link[0].bias = program->start - image.base;
		links->link[0].dynamic = links->link[0].bias + image.dynamic;
		links->count = 1;
		for (size_t i = 0; i < core->n_maps; i++)
			if (core->maps[i].file && !core->maps[i].offset && &core->maps[i] != program &&
			    (!i || !core->maps[i - 1].file || core->maps[i - 1].name != core->maps[i].name))
				link_add(core, links, &core->maps[i]);
		list_add(core, links, &debug);
		debug_set(&image, debug);
		core_segment_add(core, links->link[0].dynamic, image.dynamic_bytes,
				 image.dynamic_size);
		image.dynamic_bytes = NULL;
	}
	free(links);
	image_release(&image);
}
