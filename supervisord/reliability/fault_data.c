// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/fault_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "supervisord/reliability/detector.h"
#include "supervisord/reliability/mappings.h"
#include "supervisord/reliability/source.h"
#include "supervisord/runtime/isolation.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/run.h"
#include "supervisord/settings.h"

/* Of the last EVENTS_KEPT events the newest EVENTS_WHOLE come with their data. */
#define EVENTS_KEPT 200
#define EVENTS_WHOLE 20

/* In the order in which they are given up when all is too long. */
static const char *const heavy[] = { "report", "script", "stack", "registers" };

/* In the order of struct user_regs_struct, sys/user.h. */
static const char *const x86_64_names[] = {
	"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8",
	"rax", "rcx", "rdx", "rsi", "rdi", "orig_rax", "rip", "cs", "eflags",
	"rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
};

static json_t *hex(uint64_t value)
{
	return json_sprintf("0x%llx", (unsigned long long)value);
}

/* struct user_pt_regs of arm64: x0 to x30, sp, pc, pstate. */
static const char *arm64_name(int i, char *buffer)
{
	static const char *const special[] = { "sp", "pc", "pstate" };

	if (i > 30)
		return i - 31 < 3 ? special[i - 31] : NULL;
	sprintf(buffer, "x%d", i);
	return buffer;
}

static const char *register_name(const struct faultline_capture *capture, int i,
				 char *buffer)
{
	if (capture->arch == FAULTLINE_ARCH_AARCH64)
		return arm64_name(i, buffer);
	if (capture->arch == FAULTLINE_ARCH_X86_64 &&
	    i < (int)(sizeof(x86_64_names) / sizeof(*x86_64_names)))
		return x86_64_names[i];
	return NULL;
}

static json_t *registers(const struct faultline_capture *capture)
{
	json_t *object = json_object();
	char buffer[8];

	for (int i = 0; i < capture->nregs && i < FAULTLINE_REGS_MAX; i++) {
		const char *name = register_name(capture, i, buffer);

		if (name)
			json_object_set_new(object, name, hex(capture->regs[i]));
	}
	return object;
}

/* 0 where it is not known which register it is. */
static uint64_t program_counter(const struct faultline_capture *capture)
{
	unsigned int i = capture->arch == FAULTLINE_ARCH_AARCH64 ? 32 : 16;

	if (capture->arch != FAULTLINE_ARCH_AARCH64 && capture->arch != FAULTLINE_ARCH_X86_64)
		return 0;
	return i < capture->nregs ? capture->regs[i] : 0;
}

static void add_mappings(json_t *data, const struct fault_evidence *evidence)
{
	const struct faultline_maps *maps = source_record_maps(evidence->record);
	json_t *place;

	if (!maps)
		return;
	place = mappings_place(maps, program_counter(evidence->capture));
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

	for (uint32_t i = 0; i < capture->stack_len; i++)
		sprintf(text + 2 * i, "%02x", capture->stack[i]);
	text[capture->stack_len * 2] = '\0';
	object = json_pack("{s:o, s:i, s:s}", "address", hex(capture->stack_addr),
			   "bytes", capture->stack_len, "hex", text);
	free(text);
	return object;
}

/* A thread names itself as it likes; JSON takes UTF-8 alone. */
static json_t *comm(const struct faultline_record *record)
{
	char text[FAULTLINE_COMM_LEN + 1] = { 0 };

	for (int i = 0; i < FAULTLINE_COMM_LEN && record->comm[i]; i++)
		text[i] = record->comm[i] >= ' ' && record->comm[i] < 127 ?
			  record->comm[i] : '?';
	return json_string(text);
}

json_t *fault_data_record(const struct faultline_record *record)
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
				   "comm", comm(record));
	char name[16];

	if (record->signo)
		json_object_set_new(object, "signal",
				    json_string(detector_signal_name(record->signo, name)));
	if (record->fault_addr || (record->flags & FAULTLINE_F_KERNEL))
		json_object_set_new(object, "address", hex(record->fault_addr));
	if (record->flags & FAULTLINE_F_SENT)
		json_object_set_new(object, "sender",
				    json_pack("{s:i, s:i}", "pid", record->sender_tgid,
					      "uid", (int)record->sender_uid));
	return object;
}

static json_t *gateway_describe(const struct gateway *gateway)
{
	struct utsname name;

	uname(&name);
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", gateway->settings->name,
			 "version", FAULTLINE_VERSION, "kernel", name.release,
			 "machine", name.machine, "source",
			 gateway->source_ops ? gateway->source_ops->name : "none");
}

static json_t *events(struct store *store, const char *application)
{
	json_t *all = store_events(store, &(struct store_filter){
		.application = application, .bare = true, .limit = EVENTS_KEPT });
	json_t *whole = store_events(store, &(struct store_filter){
		.application = application, .limit = EVENTS_WHOLE });
	json_t *row;
	size_t i;

	json_array_foreach(whole, i, row)
		json_array_set(all, i, row);
	json_decref(whole);
	return all;
}

/* Drops the older half of events and log first, then what is heavy, and says so. */
static void bound(json_t *data)
{
	json_t *events = json_object_get(data, "events"), *log = json_object_get(data, "log");
	size_t i = 0;

	while (json_dumpb(data, NULL, 0, JSON_COMPACT | JSON_REAL_PRECISION(15)) > FAULT_DATA_MAX) {
		json_object_set_new(data, "cut", json_true());
		if (json_array_size(events)) {
			for (size_t n = json_array_size(events) / 2; json_array_size(events) > n;)
				json_array_remove(events, json_array_size(events) - 1);
		} else if (json_array_size(log)) {
			for (size_t n = json_array_size(log) / 2; json_array_size(log) > n;)
				json_array_remove(log, 0);
		} else if (i < sizeof(heavy) / sizeof(*heavy)) {
			json_object_del(data, heavy[i++]);
		} else {
			return;
		}
	}
}

json_t *fault_data_collect(struct app *app, const struct fault_evidence *evidence)
{
	struct gateway *gateway = app->gateway;
	json_t *data = json_object();

	if (evidence->record)
		json_object_set_new(data, "kernel", fault_data_record(evidence->record));
	if (evidence->capture) {
		json_object_set_new(data, "registers", registers(evidence->capture));
		json_object_set_new(data, "stack", stack(evidence->capture));
		json_object_set_new(data, "capture_ns",
				    json_integer(evidence->capture->cost_ns));
		add_mappings(data, evidence);
	}
	if (evidence->report)
		json_object_set(data, "report", evidence->report);
	if (evidence->log)
		json_object_set(data, "log", evidence->log);
	json_object_set_new(data, "script", run_describe(gateway, app));
	json_object_set_new(data, "gateway", gateway_describe(gateway));
	json_object_set_new(data, "isolation", isolation_describe(gateway->isolation));
	json_object_set_new(data, "events",
			    events(gateway->store, app->name));
	bound(data);
	return data;
}
