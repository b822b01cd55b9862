/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A core file out of fault data, for a debugger: registers, the stack, where
 * which file was mapped, and a list of libraries as the dynamic linker has it.
 * The list is made up from the mappings, as the linker's own memory is in no
 * capture; what the program and its libraries have in their files a debugger
 * reads from there.
 */
#ifndef SUPERVISORD_CTL_CORE_H
#define SUPERVISORD_CTL_CORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/error.h"

#define CORE_MAPS_MAX 512
#define CORE_SEGMENTS_MAX 4

/**
 * struct core_map - a mapping
 * @name: NULL where it has none; borrowed
 * @build_id: of the file, where its first mapping is; or NULL; borrowed
 */
struct core_map {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	const char *name;
	const char *build_id;
	bool file;
	bool program;
};

/** struct core_segment - memory of the process; @bytes is owned */
struct core_segment {
	uint64_t address;
	size_t size;
	void *bytes;
};

/**
 * typedef core_warn_fn - told of what the core lacks
 * @what: a file, or NULL
 */
typedef void (*core_warn_fn)(void *user, const char *what, const char *why);

/**
 * struct core - under construction
 * @data: of a fault, "data"; hostile
 * @machine: EM_*
 * @segments: bounded by CORE_SEGMENTS_MAX
 */
struct core {
	json_t *data;
	uint16_t machine;
	struct core_map maps[CORE_MAPS_MAX];
	size_t n_maps;
	struct core_segment segments[CORE_SEGMENTS_MAX];
	size_t n_segments;
	core_warn_fn warn;
	void *user;
};

/**
 * core_write - write a core file
 * @data: of a fault, "data": what anybody may have sent
 * @warn: may be NULL
 *
 * Return: 0; -ENODATA where the fault has no registers, -EINVAL where its data
 * make no sense, -EIO and others where @fd takes it not; @err says it.
 */
int core_write(int fd, json_t *data, core_warn_fn warn, void *user, struct error *err);

/* ---- between the parts ---- */

/**
 * core_parse - what a capture has: the machine, the mappings, the stack
 * @core: all zeros but @data, @warn and @user
 *
 * Return: 0; -ENODATA where the fault has no registers.
 */
int core_parse(struct core *core, struct error *err);
/** core_machine - EM_*, by the names of a capture's registers */
uint16_t core_machine(const json_t *registers);
/** core_free - with its segments; NULL is none */
void core_free(struct core *core);

/** core_number - a member of @object, a number or hexadecimal digits with 0x; 0 where it is neither */
uint64_t core_number(const json_t *object, const char *name);
/** core_bytes - what the hexadecimal digits of a string say, @max bytes at most; NULL where it is none */
void *core_bytes(const json_t *digits, size_t max, size_t *size);
/** core_segment_add - @bytes becomes the core's, whatever happens */
void core_segment_add(struct core *core, uint64_t address, void *bytes, size_t size);

/** core_notes - the notes of @core into @to; 0, or -ENODATA, -EINVAL */
int core_notes(struct core *core, FILE *to, struct error *err);
/** core_links - segments with a list of libraries, for what can be found */
void core_links(struct core *core);
/** core_program - the first mapping of the program's own file; NULL where it is not known */
const struct core_map *core_program(const struct core *core);

#endif /* SUPERVISORD_CTL_CORE_H */
