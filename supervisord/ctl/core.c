// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/core.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

/* Of the stack, far more than a capture has. */
#define STACK_MAX (1 << 20)
#define PAGE 4096

uint64_t core_number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value);
	unsigned long long number;
	char *end;

	if (json_is_integer(value))
		return json_integer_value(value);
	if (!text || strncmp(text, "0x", 2))
		return 0;
	errno = 0;
	number = strtoull(text, &end, 16);
	return *end || errno ? 0 : number;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void *core_bytes(const json_t *digits, size_t max, size_t *size)
{
	const char *text = json_string_value(digits);
	size_t length = json_string_length(digits);
	unsigned char *bytes;

	if (!text || length % 2 || !length || length / 2 > max)
		return NULL;
	bytes = malloc(length / 2);
	for (size_t i = 0; bytes && i < length / 2; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			free(bytes);
			return NULL;
		}
		bytes[i] = high << 4 | low;
	}
	*size = length / 2;
	return bytes;
}

void core_segment_add(struct core *core, uint64_t address, void *bytes, size_t size)
{
	if (!bytes || !size || core->n_segments == CORE_SEGMENTS_MAX || address + size < address) {
		free(bytes);
		return;
	}
	core->segments[core->n_segments++] = (struct core_segment){ address, size, bytes };
}

/* One without a name is of the same file as that before, where it has an offset. */
static void maps_parse(struct core *core)
{
	struct core_map *last = NULL;
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(core->data, "maps"), i, entry) {
		struct core_map map = {
			.start = core_number(entry, "start"), .end = core_number(entry, "end"),
			.offset = core_number(entry, "offset"),
			.name = json_string_value(json_object_get(entry, "name")),
			.build_id = json_string_value(json_object_get(entry, "build_id")),
			.file = json_object_get(entry, "offset") != NULL,
			.program = json_is_true(json_object_get(entry, "program")),
		};

		if (map.start >= map.end || (last && map.start < last->end))
			continue;
		if (core->n_maps == CORE_MAPS_MAX)
			break;
		if (map.file && !map.name && last && last->file)
			map.name = last->name;
		map.file = map.file && map.name;
		last = &core->maps[core->n_maps];
		core->maps[core->n_maps++] = map;
	}
}

/* Programs are mapped below their libraries, but for one that an interpreter was told to run. */
const struct core_map *core_program(const struct core *core)
{
	for (size_t i = 0; i < core->n_maps; i++)
		if (core->maps[i].file && core->maps[i].program && !core->maps[i].offset)
			return &core->maps[i];
	return NULL;
}

static void stack_add(struct core *core)
{
	const json_t *stack = json_object_get(core->data, "stack");
	size_t size = 0;
	void *bytes = core_bytes(json_object_get(stack, "hex"), STACK_MAX, &size);

	if (bytes)
		core_segment_add(core, core_number(stack, "address"), bytes, size);
	else if (core->warn)
		core->warn(core->user, NULL, "the capture has no stack: a backtrace will have one frame");
}

static void header_fill(Elf64_Ehdr *ehdr, const struct core *core)
{
	memcpy(ehdr->e_ident, ELFMAG, SELFMAG);
	ehdr->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr->e_ident[EI_VERSION] = EV_CURRENT;
	ehdr->e_type = ET_CORE;
	ehdr->e_machine = core->machine;
	ehdr->e_version = EV_CURRENT;
	ehdr->e_phoff = sizeof(*ehdr);
	ehdr->e_ehsize = sizeof(*ehdr);
	ehdr->e_phentsize = sizeof(Elf64_Phdr);
	ehdr->e_phnum = 1 + core->n_segments;
}

static bool file_write(FILE *file, const struct core *core, const void *notes, size_t size)
{
	Elf64_Ehdr ehdr = {};
	Elf64_Phdr phdr = { .p_type = PT_NOTE, .p_align = 4, .p_filesz = size };
	uint64_t at;

	header_fill(&ehdr, core);
	phdr.p_offset = sizeof(ehdr) + ehdr.e_phnum * sizeof(phdr);
	fwrite(&ehdr, sizeof(ehdr), 1, file);
	fwrite(&phdr, sizeof(phdr), 1, file);
	at = phdr.p_offset + size;
	for (size_t i = 0; i < core->n_segments; i++) {
		const struct core_segment *segment = &core->segments[i];

		phdr = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = at,
				     .p_vaddr = segment->address, .p_filesz = segment->size,
				     .p_memsz = segment->size, .p_align = 1 };
		fwrite(&phdr, sizeof(phdr), 1, file);
		at += segment->size;
	}
	fwrite(notes, 1, size, file);
	for (size_t i = 0; i < core->n_segments; i++)
		fwrite(core->segments[i].bytes, 1, core->segments[i].size, file);
	return !fflush(file) && !ferror(file);
}

/* The machine by its registers' names. */
uint16_t core_machine(const json_t *registers)
{
	if (json_object_get(registers, "rip"))
		return EM_X86_64;
	return json_object_get(registers, "pstate") ? EM_AARCH64 : EM_NONE;
}

int core_parse(struct core *core, struct error *err)
{
	core->machine = core_machine(json_object_get(core->data, "registers"));
	if (core->machine == EM_NONE)
		return error_set(err, -ENODATA, "this fault has no registers: its record came without a capture");
	maps_parse(core);
	stack_add(core);
	return 0;
}

void core_free(struct core *core)
{
	for (size_t i = 0; core && i < core->n_segments; i++)
		free(core->segments[i].bytes);
	free(core);
}

static int core_build(struct core *core, FILE *file, struct error *err)
{
	char *notes __cleanup_free = NULL;
	FILE *stream;
	size_t size;
	int ret = core_parse(core, err);

	if (ret)
		return ret;
	core_links(core);
	stream = open_memstream(&notes, &size);
	if (!stream)
		return error_set(err, -ENOMEM, "no memory");
	ret = core_notes(core, stream, err);
	if (fclose(stream) && !ret)
		ret = error_set(err, -ENOMEM, "no memory");
	if (ret)
		return ret;
	errno = EIO;
	if (!file_write(file, core, notes, size))
		return error_set(err, -errno, "%s", strerror(errno));
	return 0;
}

int core_write(int fd, json_t *data, core_warn_fn warn, void *user, struct error *err)
{
	struct core *core = calloc(1, sizeof(*core));
	FILE *file = core ? fdopen(dup(fd), "w") : NULL;
	int ret;

	if (file) {
		*core = (struct core){ .data = data, .warn = warn, .user = user };
		ret = core_build(core, file, err);
		if (fclose(file) && !ret)
			ret = error_set(err, -errno, "%s", strerror(errno));
	} else {
		ret = error_set(err, -ENOMEM, "no memory");
	}
	core_free(core);
	return ret;
}
