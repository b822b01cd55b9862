// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/fault_blocks.h"

#include <stdio.h>
#include <string.h>

#include "lib/hex.h"
#include "supervisord/reliability/fault_record.h"
#include "supervisord/reliability/mappings.h"
#include "supervisord/reliability/source.h"

static const char *const what_names[] = {
	[FAULTLINE_ADDRESS_NULL] = "null",
	[FAULTLINE_ADDRESS_UNMAPPED] = "unmapped",
	[FAULTLINE_ADDRESS_PROTECTION] = "protection",
	[FAULTLINE_ADDRESS_STACK] = "stack",
	[FAULTLINE_ADDRESS_BEYOND] = "beyond",
	[FAULTLINE_ADDRESS_KERNEL] = "kernel",
	[FAULTLINE_ADDRESS_NONE] = "none",
};

static json_t *hex(uint64_t value)
{
	return json_sprintf("0x%llx", (unsigned long long)value);
}

static void neighbour_add(json_t *object, const char *name, uint64_t start, uint64_t end,
			  uint32_t flags)
{
	const char rights[] = {
		flags & FAULTLINE_MAP_READ ? 'r' : '-', flags & FAULTLINE_MAP_WRITE ? 'w' : '-',
		flags & FAULTLINE_MAP_EXEC ? 'x' : '-', flags & FAULTLINE_MAP_SHARED ? 's' : 'p',
	};

	if (end)
		json_object_set_new(object, name,
				    json_pack("{s:o, s:o, s:s%}", "start", hex(start),
					      "end", hex(end), "rights", rights, sizeof(rights)));
}

static void add_address(json_t *data, const struct faultline_record *record)
{
	const struct faultline_address *from =
		source_block_find(record, FAULTLINE_BLOCK_ADDRESS, sizeof(*from));
	json_t *object;

	if (!from || from->what >= sizeof(what_names) / sizeof(*what_names) ||
	    !what_names[from->what])
		return;
	object = json_pack("{s:o, s:s}", "address", hex(from->address), "what",
			   what_names[from->what]);
	if (from->access)
		json_object_set_new(object, "access", json_string(
			from->access & FAULTLINE_MAP_EXEC ? "execute" :
			from->access & FAULTLINE_MAP_WRITE ? "write" : "read"));
	neighbour_add(object, "below", from->below_start, from->below_end, from->below_flags);
	neighbour_add(object, "above", from->above_start, from->above_end, from->above_flags);
	json_object_set_new(data, "fault_address", object);
}

static void add_syscall(json_t *data, const struct faultline_record *record)
{
	const struct faultline_syscall *call =
		source_block_find(record, FAULTLINE_BLOCK_SYSCALL, sizeof(*call));
	json_t *arguments;

	if (!call)
		return;
	arguments = json_array();
	for (size_t i = 0; i < sizeof(call->args) / sizeof(*call->args); i++)
		json_array_append_new(arguments, hex(call->args[i]));
	json_object_set_new(data, "syscall", json_pack("{s:I, s:o}", "number",
						       (json_int_t)call->nr, "arguments", arguments));
}

static json_t *thread_describe(const struct faultline_thread *thread,
			       const struct faultline_maps *maps)
{
	const char state[] = { thread->state >= 'A' && thread->state <= 'z' ? thread->state : '?' };
	json_t *object = json_pack("{s:i, s:o, s:s%}", "tid", thread->tid, "comm", fault_record_comm(thread->comm),
				   "state", state, sizeof(state));
	json_t *place = maps && thread->pc ? mappings_place(maps, thread->pc) : NULL;

	if (thread->pc) {
		json_object_set_new(object, "pc", hex(thread->pc));
		json_object_set_new(object, "sp", hex(thread->sp));
	}
	if (place)
		json_object_set_new(object, "place", place);
	if (thread->syscall >= 0)
		json_object_set_new(object, "syscall", json_integer(thread->syscall));
	if (thread->flags & FAULTLINE_THREAD_STALE)
		json_object_set_new(object, "stale", json_true());
	return object;
}

static void add_threads(json_t *data, const struct faultline_record *record)
{
	const struct faultline_threads *from =
		source_block_find(record, FAULTLINE_BLOCK_THREADS, sizeof(*from));
	json_t *list;

	if (!from || from->count > (from->block.len - sizeof(*from)) / sizeof(from->threads[0]))
		return;
	list = json_array();
	for (uint32_t i = 0; i < from->count; i++)
		json_array_append_new(list, thread_describe(&from->threads[i],
							    source_record_maps(record)));
	json_object_set_new(data, "threads", json_pack("{s:I, s:o}", "total",
						       (json_int_t)from->total, "list", list));
}

static void add_fpregs(json_t *data, const struct faultline_record *record)
{
	const struct faultline_fpregs *from =
		source_block_find(record, FAULTLINE_BLOCK_FPREGS, sizeof(*from));
	char text[2 * sizeof(from->regs) + 1];

	if (!from)
		return;
	hex_write(text, from->regs, sizeof(from->regs));
	json_object_set_new(data, "fpregs", json_string(text));
}

static void add_auxv(json_t *data, const struct faultline_record *record)
{
	const struct faultline_auxv *from =
		source_block_find(record, FAULTLINE_BLOCK_AUXV, sizeof(*from));
	json_t *words;

	if (!from)
		return;
	words = json_array();
	for (size_t i = 0; i < (from->block.len - sizeof(*from)) / sizeof(from->words[0]) &&
			   i < FAULTLINE_AUXV_MAX; i++)
		json_array_append_new(words, hex(from->words[i]));
	json_object_set_new(data, "auxv", words);
}

void fault_blocks_add(json_t *data, const struct faultline_record *record)
{
	add_address(data, record);
	add_syscall(data, record);
	add_threads(data, record);
	add_fpregs(data, record);
	add_auxv(data, record);
}
