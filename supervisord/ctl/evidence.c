// SPDX-License-Identifier: GPL-2.0-only
/* What a fault's capture tells, for a person. */
#include <stdio.h>
#include <string.h>

#include "supervisord/ctl/ctl.h"

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
		{ "system call", "syscall" }, { "pc", "pc" }, { "place", "place" }, { NULL },
	};
	json_t *threads = json_object_get(data, "threads");
	json_t *list = json_object_get(threads, "list"), *thread;
	size_t i;
	bool stale = false;

	if (!json_array_size(list))
		return;
	printf("other threads, %zu of %s\n", json_array_size(list), ctl_text(threads, "total"));
	json_array_foreach(list, i, thread)
		stale |= json_is_true(json_object_get(thread, "stale"));
	ctl_table(list, columns, "");
	if (stale)
		puts("  (of a thread in state R, pc is where it last entered the kernel)");
}
