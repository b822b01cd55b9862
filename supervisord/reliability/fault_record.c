// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/fault_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/text.h"
#include "supervisord/reliability/detector.h"
#include "supervisord/reliability/fault_blocks.h"
#include "supervisord/reliability/hang_data.h"
#include "supervisord/reliability/mappings.h"
#include "supervisord/reliability/range_record.h"
#include "supervisord/reliability/registers.h"
#include "supervisord/reliability/source.h"

static json_t *hex(uint64_t value)
{
	return json_sprintf("0x%llx", (unsigned long long)value);
}

static json_t *registers(const struct faultline_capture *capture)
{
	json_t *object = json_object();
	char buffer[REGISTER_NAME_SIZE];

	for (int i = 0; i < capture->nregs && i < FAULTLINE_REGS_MAX; i++) {
		const char *name = registers_name(capture->arch, i, buffer);

		if (name)
			json_object_set_new(object, name, hex(capture->regs[i]));
	}
	return object;
}

static void add_mappings(json_t *data, const struct faultline_record *record,
			 const struct faultline_capture *capture)
{
	const struct faultline_maps *maps = source_record_maps(record);
	json_t *place;

	if (!maps)
		return;
	place = mappings_place(maps, registers_value(capture,
						     registers_pc(capture->arch)));
	if (place)
		json_object_set_new(data, "pc", place);
	json_object_set_new(data, "maps", mappings_describe(maps));
	json_object_set_new(data, "maps_complete",
			    json_boolean(!(maps->flags & FAULTLINE_MAPS_PARTIAL)));
}

static json_t *stack(const struct faultline_capture *capture)
{
	char *text = malloc(capture->stack_len * 2 + 1);
	json_t *object;

	hex_write(text, capture->stack, capture->stack_len);
	object = json_pack("{s:o, s:i, s:s}", "address", hex(capture->stack_addr),
			   "bytes", capture->stack_len, "hex", text);
	free(text);
	return object;
}

json_t *fault_record_comm(const char comm[FAULTLINE_COMM_LEN])
{
	char text[FAULTLINE_COMM_LEN + 1];

	snprintf(text, sizeof(text), "%.*s", FAULTLINE_COMM_LEN, comm);
	text_plain(text, strlen(text), false);
	return json_string(text);
}

json_t *fault_record_describe(const struct faultline_record *record)
{
	json_t *object = json_pack("{s:I, s:i, s:i, s:i, s:i, s:i, s:b, s:b, s:b, s:b, s:o}",
				   "seq", (json_int_t)record->seq,
				   "pid", record->tgid, "tid", record->tid,
				   "parent", record->ptgid, "uid", (int)record->uid,
				   "code", record->code,
				   "main", record->flags & FAULTLINE_F_MAIN,
				   "core_dump", record->flags & FAULTLINE_F_COREDUMP,
				   "by_kernel", record->flags & FAULTLINE_F_KERNEL,
				   "out_of_memory", record->flags & FAULTLINE_F_OOM,
				   "comm", fault_record_comm(record->comm));
	json_t *hang = hang_data_describe(record);
	char name[16];

	if (hang)
		json_object_set_new(object, "hang", hang);
	if (record->signo)
		json_object_set_new(object, "signal",
				    json_string(detector_signal_name(record->signo, name)));
	if (record->fault_addr || (record->flags & FAULTLINE_F_KERNEL))
		json_object_set_new(object, "address", hex(record->fault_addr));
	if (record->type == FAULTLINE_RECORD_RANGE)
		json_object_set_new(object, "range", range_record_describe(record));
	if (record->flags & FAULTLINE_F_SENT)
		json_object_set_new(object, "sender",
				    json_pack("{s:i, s:i}", "pid", record->sender_tgid,
					      "uid", (int)record->sender_uid));
	return object;
}

void fault_record_add(json_t *data, const struct faultline_record *record,
		      const struct faultline_capture *capture)
{
	json_object_set_new(data, "kernel", fault_record_describe(record));
	if (capture) {
		json_object_set_new(data, "registers", registers(capture));
		json_object_set_new(data, "stack", stack(capture));
		json_object_set_new(data, "capture_ns", json_integer(capture->cost_ns));
		add_mappings(data, record, capture);
	}
	fault_blocks_add(data, record);
}
