// SPDX-License-Identifier: GPL-2.0-only
/* What a fault's capture tells, for a person. */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "supervisord/ctl/backtrace.h"
#include "supervisord/ctl/core.h"
#include "supervisord/ctl/ctl.h"
#include "supervisord/ctl/syscalls.h"

static void call_name(json_t *object, uint16_t machine, const char *number, const char *name)
{
	json_t *value = json_object_get(object, number);
	const char *known = json_is_integer(value) ? syscall_name(machine, json_integer_value(value)) : NULL;

	if (known)
		json_object_set_new(object, name, json_string(known));
}

void ctl_evidence_name(json_t *data)
{
	uint16_t machine = core_machine(json_object_get(data, "registers"));
	json_t *threads = json_object_get(json_object_get(data, "threads"), "list"), *thread;
	json_t *backtrace = backtrace_make(data);
	size_t i;

	call_name(json_object_get(data, "syscall"), machine, "number", "name");
	json_array_foreach(threads, i, thread)
		call_name(thread, machine, "syscall", "syscall_name");
	if (backtrace)
		json_object_set_new(data, "backtrace", backtrace);
}

/* The path of a file may be long, and its end tells most. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* What a file of the application says goes to no terminal as it is. */
static void print_clean(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 127 ? '?' : *text);
}

static void print_frame(size_t i, json_t *frame)
{
	printf("  #%-2zu ", i);
	if (json_object_get(frame, "module")) {
		print_clean(base_name(ctl_text(frame, "module")));
		printf("+%s", ctl_text(frame, "offset"));
	} else {
		printf("%s", ctl_text(frame, "pc"));
	}
	if (json_object_get(frame, "function")) {
		printf("  ");
		print_clean(ctl_text(frame, "function"));
		printf("+%s", ctl_text(frame, "function_offset"));
	}
	if (json_object_get(frame, "source")) {
		printf("  ");
		print_clean(ctl_text(frame, "source"));
	}
	putchar('\n');
}

/* Each file once: an address and a build id find the function on any machine that has the file. */
static void print_modules(json_t *frames)
{
	json_t *seen = json_object(), *frame;
	size_t i;

	json_array_foreach(frames, i, frame) {
		const char *module = json_string_value(json_object_get(frame, "module"));

		if (!module || json_object_get(seen, module))
			continue;
		json_object_set_new(seen, module, json_true());
		printf("  in ");
		print_clean(module);
		printf(", build id %s\n", ctl_text(frame, "build_id"));
	}
	json_decref(seen);
}

void ctl_print_backtrace(json_t *data)
{
	json_t *backtrace = json_object_get(data, "backtrace"), *frame;
	json_t *frames = json_object_get(backtrace, "frames");
	size_t i;

	if (!json_array_size(frames))
		return;
	puts("backtrace");
	json_array_foreach(frames, i, frame)
		print_frame(i, frame);
	if (json_object_get(backtrace, "note")) {
		printf("  (");
		print_clean(ctl_text(backtrace, "note"));
		puts(")");
	}
	print_modules(frames);
}

static const struct {
	const char *what;
	const char *text;
} addresses[] = {
	{ "null", "a null pointer, or a member behind one" },
	{ "unmapped", "nothing is mapped there" },
	{ "protection", "the mapping does not allow it" },
	{ "stack", "the end of the stack: it is used up" },
	{ "beyond", "behind the end of the mapped file, or the file cannot be read" },
	{ "kernel", "the kernel's part of the address space" },
	{ "none", "not told by the processor: no valid address at all, or a privileged instruction" },
};

static const char *address_text(const char *what)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		if (!strcmp(addresses[i].what, what))
			return addresses[i].text;
	return what;
}

static void print_neighbour(json_t *address, const char *name, const char *title)
{
	json_t *map = json_object_get(address, name);

	if (map)
		printf("  %-13s %s to %s, %s\n", title, ctl_text(map, "start"),
		       ctl_text(map, "end"), ctl_text(map, "rights"));
}

void ctl_print_address(json_t *data)
{
	json_t *address = json_object_get(data, "fault_address");
	const char *what = ctl_text(address, "what");
	const char *access = json_string_value(json_object_get(address, "access"));

	if (!address)
		return;
	printf("  access        %s%s%s\n", access ? access : "", access ? ": " : "",
	       address_text(what));
	if (!strcmp(what, "protection") || !strcmp(what, "beyond")) {
		print_neighbour(address, "below", "mapping");
		return;
	}
	print_neighbour(address, "below", "below it");
	print_neighbour(address, "above", "above it");
}

void ctl_print_syscall(json_t *data)
{
	json_t *call = json_object_get(data, "syscall"), *argument;
	size_t i;

	if (!call)
		return;
	printf("  system call   %s(", json_object_get(call, "name") ? ctl_text(call, "name") :
						ctl_text(call, "number"));
	json_array_foreach(json_object_get(call, "arguments"), i, argument)
		printf("%s%s", i ? ", " : "", json_is_string(argument) ?
		       json_string_value(argument) : "-");
	puts(")");
}

void ctl_print_threads(json_t *data)
{
	static const struct ctl_column columns[] = {
		{ "  thread", "tid" }, { "name", "comm" }, { "state", "state" },
		{ "system call", "syscall_shown" }, { "pc", "pc" }, { "place", "place" }, { NULL },
	};
	json_t *threads = json_object_get(data, "threads");
	json_t *list = json_object_get(threads, "list"), *thread;
	size_t i;
	bool stale = false;

	if (!json_array_size(list))
		return;
	printf("other threads, %zu of %s\n", json_array_size(list), ctl_text(threads, "total"));
	json_array_foreach(list, i, thread) {
		stale |= json_is_true(json_object_get(thread, "stale"));
		json_object_set(thread, "syscall_shown", json_object_get(thread, "syscall_name") ?:
				json_object_get(thread, "syscall"));
	}
	ctl_table(list, columns, "");
	if (stale)
		puts("  (of a thread in state R, pc is where it last entered the kernel)");
}
