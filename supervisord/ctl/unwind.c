// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/unwind.h"

#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "supervisord/ctl/image.h"
#include "supervisord/reliability/registers.h"

/* A recursion without end has as many as its piece of stack holds. */
#define FRAMES_MAX 128
/* Of the machines here, numbered by DWARF: x86-64 has 16 and the return address, AArch64 x0 to sp. */
#define REGISTERS_MAX 32

/**
 * struct unwinding - of one thread
 * @registers: to begin with
 * @called: the thread called what is not there, and @registers are those of its caller
 * @missing: for the caller of the last frame memory was wanted that is not in the capture
 */
struct unwinding {
	const struct libdw *libdw;
	const struct core *core;
	json_t *frames;
	Dwfl *dwfl;
	Dwarf_Word pc;
	Dwarf_Word registers[REGISTERS_MAX];
	unsigned int n_registers;
	bool called;
	bool missing;
};

static const char *const x86_64_dwarf[] = {
	"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
};

static const char *dwarf_name(uint16_t machine, unsigned int i, char *buffer)
{
	if (machine == EM_AARCH64)
		return i < 32 ? registers_name(machine, i, buffer) : NULL;
	return i < sizeof(x86_64_dwarf) / sizeof(*x86_64_dwarf) ? x86_64_dwarf[i] : NULL;
}

/* ---- what libdw asks ---- */

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	if (*thread)
		return 0;
	*thread = arg;
	return 1;
}

static bool memory_word(const struct core *core, uint64_t address, Dwarf_Word *word)
{
	for (size_t i = 0; i < core->n_segments; i++) {
		const struct core_segment *segment = &core->segments[i];

		if (address < segment->address || segment->size < sizeof(*word) ||
		    address - segment->address > segment->size - sizeof(*word))
			continue;
		memcpy(word, (char *)segment->bytes + (address - segment->address), sizeof(*word));
		return true;
	}
	return false;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *arg)
{
	struct unwinding *unwinding = arg;

	if (memory_word(unwinding->core, address, result))
		return true;
	unwinding->missing = true;
	return false;
}

static bool registers_set(Dwfl_Thread *thread, void *arg)
{
	const struct unwinding *unwinding = arg;

	unwinding->libdw->dwfl_thread_state_register_pc(thread, unwinding->pc);
	return unwinding->libdw->dwfl_thread_state_registers(thread, 0, unwinding->n_registers,
							     unwinding->registers);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.memory_read = memory_read,
	.set_initial_registers = registers_set,
};

/* ---- frames ---- */

/* One with an offset other than 0 may have lost the mapping before it, with which its build id came. */
static const struct core_map *map_find(const struct core *core, uint64_t address, const char **build_id)
{
	const struct core_map *first = NULL;

	for (size_t i = 0; i < core->n_maps; i++) {
		const struct core_map *map = &core->maps[i];

		if (map->build_id || !first || first->name != map->name)
			first = map;
		if (map->start <= address && address < map->end) {
			*build_id = first->build_id;
			return map;
		}
	}
	return NULL;
}

static json_t *hex(uint64_t value)
{
	return json_sprintf("0x%llx", (unsigned long long)value);
}

json_t *unwind_frame(const struct core *core, uint64_t pc, uint64_t lookup)
{
	const char *build_id = NULL;
	const struct core_map *map = map_find(core, lookup, &build_id);
	json_t *frame = json_pack("{s:o}", "pc", hex(pc));

	if (!map || !map->name)
		return frame;
	json_object_set_new(frame, "module", json_string(map->name));
	json_object_set_new(frame, "offset", hex(pc - (map->start - map->offset)));
	if (build_id)
		json_object_set_new(frame, "build_id", json_string(build_id));
	return frame;
}

/* Names come out of a file that may hold anything. */
static json_t *plain(const char *text)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", text);
	text_plain(copy, strlen(copy), false);
	return json_string(copy);
}

static void symbol_add(const struct unwinding *unwinding, json_t *frame, Dwarf_Addr pc, Dwarf_Addr lookup)
{
	const struct libdw *libdw = unwinding->libdw;
	Dwfl_Module *module = libdw->dwfl_addrmodule(unwinding->dwfl, lookup);
	Dwfl_Line *line;
	const char *name;
	GElf_Off offset;
	GElf_Sym symbol;
	int number;

	if (!module)
		return;
	name = libdw->dwfl_module_addrinfo(module, lookup, &offset, &symbol, NULL, NULL, NULL);
	if (name) {
		json_object_set_new(frame, "function", plain(name));
		json_object_set_new(frame, "function_offset", hex(offset + (pc - lookup)));
	}
	line = libdw->dwfl_module_getsrc(module, lookup);
	name = line ? libdw->dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL) : NULL;
	if (name) {
		json_t *file = plain(name);

		json_object_set_new(frame, "source", json_sprintf("%s:%d", json_string_value(file), number));
		json_decref(file);
	}
}

static int frame_add(Dwfl_Frame *state, void *arg)
{
	struct unwinding *unwinding = arg;
	bool activation;
	Dwarf_Addr pc, lookup;
	json_t *frame;

	unwinding->missing = false;
	if (!unwinding->libdw->dwfl_frame_pc(state, &pc, &activation))
		return DWARF_CB_ABORT;
	/* A caller's address is where it goes on; the call is before that. */
	lookup = pc - (!activation || (unwinding->called && json_array_size(unwinding->frames) == 1));
	frame = unwind_frame(unwinding->core, pc, lookup);
	symbol_add(unwinding, frame, pc, lookup);
	json_array_append_new(unwinding->frames, frame);
	return json_array_size(unwinding->frames) < FRAMES_MAX ? DWARF_CB_OK : DWARF_CB_ABORT;
}

/* ---- files ---- */

/* Of each file the first mapping places it; one that is gone or another build by now has no functions. */
static void modules_report(const struct unwinding *unwinding)
{
	const struct core *core = unwinding->core;

	for (size_t i = 0; i < core->n_maps; i++) {
		const struct core_map *map = &core->maps[i];
		struct image image;
		const char *why;

		if (!map->file || map->offset || (i && map[-1].name == map->name) ||
		    image_read(&image, map->name, map->build_id, &why))
			continue;
		if (image.machine == core->machine)
			unwinding->libdw->dwfl_report_elf(unwinding->dwfl, map->name, map->name, -1,
							  map->start - image.base, true);
		image_release(&image);
	}
}

static void registers_read(struct unwinding *unwinding)
{
	const struct core *core = unwinding->core;
	json_t *from = json_object_get(core->data, "registers");
	char buffer[REGISTER_NAME_SIZE];
	unsigned int n = 0;

	for (const char *name; n < REGISTERS_MAX && (name = dwarf_name(core->machine, n, buffer)); n++)
		unwinding->registers[n] = core_number(from, name);
	unwinding->n_registers = n;
	unwinding->pc = core_number(from, registers_name(core->machine, registers_pc(core->machine), buffer));
}

/* A call of what is not there, as by a null pointer, has no function of its own; its caller is where a return would go. */
static void call_undo(struct unwinding *unwinding)
{
	const struct core *core = unwinding->core;
	const char *build_id;
	Dwarf_Word back;

	if (!core->n_maps || map_find(core, unwinding->pc, &build_id))
		return;
	if (core->machine == EM_AARCH64)
		back = unwinding->registers[30];
	else if (memory_word(core, unwinding->registers[7], &back))
		unwinding->registers[7] += sizeof(back);
	else
		return;
	if (!map_find(core, back - 1, &build_id))
		return;
	json_array_append_new(unwinding->frames, unwind_frame(core, unwinding->pc, unwinding->pc));
	unwinding->pc = back;
	if (core->machine == EM_X86_64)
		unwinding->registers[16] = back;
	unwinding->called = true;
}

static const char *frames_add(struct unwinding *unwinding)
{
	const struct libdw *libdw = unwinding->libdw;
	const char *why;
	bool whole;

	libdw->dwfl_report_begin(unwinding->dwfl);
	modules_report(unwinding);
	libdw->dwfl_report_end(unwinding->dwfl, NULL, NULL);
	registers_read(unwinding);
	call_undo(unwinding);
	whole = libdw->dwfl_attach_state(unwinding->dwfl, NULL, 1, &thread_callbacks, unwinding) &&
		!libdw->dwfl_getthread_frames(unwinding->dwfl, 1, frame_add, unwinding);
	if (json_array_size(unwinding->frames) >= FRAMES_MAX)
		return "more follow";
	/* To libdw a caller that is not to be found is none, like that of the first function. */
	if (unwinding->missing)
		return "the stack that was captured ends here";
	if (whole)
		return NULL;
	if (!unwinding->core->n_maps)
		return "the mappings were not captured: the callers are not known";
	why = libdw->dwfl_errmsg(-1);
	return why ? why : "the callers cannot be found";
}

const char *unwind(const struct libdw *libdw, const struct core *core, json_t *frames)
{
	static char *debug_path;
	const Dwfl_Callbacks callbacks = {
		.find_debuginfo = libdw->dwfl_standard_find_debuginfo,
		.section_address = libdw->dwfl_offline_section_address,
		.debuginfo_path = &debug_path,
	};
	struct unwinding unwinding = { .libdw = libdw, .core = core, .frames = frames };
	const char *why;

	unwinding.dwfl = libdw->dwfl_begin(&callbacks);
	if (!unwinding.dwfl)
		return "no memory";
	why = frames_add(&unwinding);
	if (!json_array_size(frames))
		json_array_append_new(frames, unwind_frame(core, unwinding.pc, unwinding.pc));
	/* Its reasons are static, or the thread's own: they outlive this. */
	libdw->dwfl_end(unwinding.dwfl);
	return why;
}
