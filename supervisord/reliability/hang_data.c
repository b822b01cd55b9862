// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/hang_data.h"

#include <stdbool.h>
#include <string.h>

#include "supervisord/reliability/source.h"

#define NAME_MAX_SHOWN 64

static const char *const names[] = {
	[FAULTLINE_HANG_DSTATE] = "dstate",
	[FAULTLINE_HANG_STARVED] = "starved",
	[FAULTLINE_HANG_SPIN] = "spin",
	[FAULTLINE_HANG_DEADLOCK] = "deadlock",
	[FAULTLINE_HANG_HEARTBEAT] = "heartbeat",
};

const char *hang_data_name(int code)
{
	if (code < 0 || code >= (int)(sizeof(names) / sizeof(*names)))
		return NULL;
	return names[code];
}

/* At most @size bytes, which may lack their end; what is no plain letter becomes "?". */
static json_t *plain(const char *text, size_t size)
{
	char copy[NAME_MAX_SHOWN + 1] = { 0 };

	for (size_t i = 0; i < size && i < NAME_MAX_SHOWN && text[i]; i++)
		copy[i] = text[i] > ' ' && text[i] < 127 ? text[i] : '?';
	return json_string(copy);
}

static json_t *stack_describe(const struct faultline_kstack_block *block)
{
	const char *at = block->names, *end = (const char *)block + block->block.len;
	json_t *list = json_array();

	for (uint32_t i = 0; i < block->count && at < end && *at; i++) {
		size_t room = end - at, len = strnlen(at, room);

		json_array_append_new(list, plain(at, len));
		at += len < room ? len + 1 : len;
	}
	return list;
}

static void number(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void add_thread(json_t *hang, const struct faultline_hang_block *block)
{
	number(hang, "cpu_ns", block->cpu_ns);
	number(hang, "user_ns", block->user_ns);
	number(hang, "system_ns", block->system_ns);
	number(hang, "waited_ns", block->waited_ns);
	number(hang, "slept", block->slept);
	number(hang, "preempted", block->preempted);
	number(hang, "bytes", block->bytes);
	number(hang, "cpu", block->cpu);
}

static void add_loop(json_t *hang, const struct faultline_hang_block *block)
{
	number(hang, "samples", block->samples);
	number(hang, "same", block->same);
	if (!block->samples)
		return;
	json_object_set_new(hang, "ip_low", json_sprintf("0x%llx", (unsigned long long)block->ip_low));
	json_object_set_new(hang, "ip_high", json_sprintf("0x%llx", (unsigned long long)block->ip_high));
}

static void add_state(json_t *hang, const struct faultline_hang_block *block)
{
	const char state = block->state;

	if (block->state > ' ' && block->state < 127)
		json_object_set_new(hang, "state", json_stringn(&state, 1));
	if (block->syscall >= 0)
		number(hang, "system_call", block->syscall);
	if (block->wchan[0])
		json_object_set_new(hang, "waits_in", plain(block->wchan, sizeof(block->wchan)));
	if (block->block.flags & FAULTLINE_HANG_F_IOWAIT)
		json_object_set_new(hang, "iowait", json_true());
	if (block->block.flags & FAULTLINE_HANG_F_MEMSTALL)
		json_object_set_new(hang, "memory_stall", json_true());
}

json_t *hang_data_describe(const struct faultline_record *record)
{
	const struct faultline_hang_block *block =
		source_block_find(record, FAULTLINE_BLOCK_HANG, sizeof(*block));
	const struct faultline_kstack_block *stack =
		source_block_find(record, FAULTLINE_BLOCK_KSTACK, sizeof(*stack));
	const char *name = hang_data_name(record->code);
	json_t *hang;

	if ((record->type != FAULTLINE_RECORD_HANG && record->type != FAULTLINE_RECORD_HANG_OVER) ||
	    !block || !name)
		return NULL;
	hang = json_pack("{s:s}", "verdict", name);
	number(hang, "duration_ns", block->duration_ns);
	number(hang, "threshold_ns", block->threshold_ns);
	number(hang, "lost_ns", block->lost_ns);
	add_state(hang, block);
	if (record->code <= FAULTLINE_HANG_SPIN)
		add_thread(hang, block);
	if (record->code == FAULTLINE_HANG_STARVED) {
		number(hang, "rivals", block->rivals);
		number(hang, "equals", block->equals);
	}
	if (record->code == FAULTLINE_HANG_SPIN)
		add_loop(hang, block);
	if (record->code == FAULTLINE_HANG_DEADLOCK)
		number(hang, "threads", block->threads);
	if (stack)
		json_object_set_new(hang, "kernel_stack", stack_describe(stack));
	return hang;
}
