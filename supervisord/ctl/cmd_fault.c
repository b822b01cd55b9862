// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "lib/fault_export.h"
#include "lib/text.h"
#include "supervisord/ctl/ctl.h"
#include "supervisord/ctl/fault_request.h"
#include "supervisord/ctl/libdw.h"

static void print_hang(json_t *kernel)
{
	json_t *hang = json_object_get(kernel, "hang"), *name;
	size_t i;

	printf("kernel          %s[%s], thread %s, uid %s: %s for %.1f s (threshold %.1f s)\n",
	       ctl_text(kernel, "comm"), ctl_text(kernel, "pid"), ctl_text(kernel, "tid"),
	       ctl_text(kernel, "uid"), ctl_text(hang, "verdict"),
	       ctl_number(hang, "duration_ns") / 1e9, ctl_number(hang, "threshold_ns") / 1e9);
	if (json_object_get(hang, "waits_in"))
		printf("  waits in      %s\n", ctl_text(hang, "waits_in"));
	if (json_object_get(hang, "cpu_ns"))
		printf("  CPU           %.1f s used, %.1f s waited for, slept %s time%s\n",
		       ctl_number(hang, "cpu_ns") / 1e9, ctl_number(hang, "waited_ns") / 1e9,
		       ctl_text(hang, "slept"), text_s(ctl_number(hang, "slept")));
	if (json_object_get(hang, "ip_low"))
		printf("  loops in      %s to %s, %s of %s times with the same registers\n",
		       ctl_text(hang, "ip_low"), ctl_text(hang, "ip_high"),
		       ctl_text(hang, "same"), ctl_text(hang, "samples"));
	if (json_array_size(json_object_get(hang, "kernel_stack")))
		printf("  kernel stack\n");
	json_array_foreach(json_object_get(hang, "kernel_stack"), i, name)
		printf("    %s\n", json_string_value(name));
}

static void print_kernel(json_t *data)
{
	json_t *kernel = json_object_get(data, "kernel");

	if (!kernel)
		return;
	if (json_object_get(kernel, "hang")) {
		print_hang(kernel);
		return;
	}
	printf("kernel          %s in %s[%s], thread %s, uid %s\n", ctl_text(kernel, "signal"),
	       ctl_text(kernel, "comm"), ctl_text(kernel, "pid"), ctl_text(kernel, "tid"),
	       ctl_text(kernel, "uid"));
	if (json_object_get(kernel, "address"))
		printf("  address       %s, code %s\n", ctl_text(kernel, "address"),
		       ctl_text(kernel, "code"));
	ctl_print_address(data);
	ctl_print_syscall(data);
	if (json_object_get(kernel, "sender"))
		printf("  sent by       process %s of uid %s\n", ctl_text(kernel, "sender.pid"),
		       ctl_text(kernel, "sender.uid"));
	if (json_object_get(data, "capture_ns"))
		printf("  capture       %s bytes of stack at %s, in %.0f us\n",
		       ctl_text(data, "stack.bytes"), ctl_text(data, "stack.address"),
		       ctl_number(data, "capture_ns") / 1e3);
	if (json_object_get(data, "pc"))
		printf("  pc            %s\n", ctl_text(data, "pc"));
}

static void print_mappings(json_t *data)
{
	json_t *maps = json_object_get(data, "maps"), *map;
	const char *name = "";
	size_t i;

	if (!json_array_size(maps))
		return;
	printf("mappings%s\n", json_is_false(json_object_get(data, "maps_complete")) ?
	       ", those of files before others for want of room" : "");
	json_array_foreach(maps, i, map) {
		/* One with an offset and no name is of the same file as that before. */
		if (json_object_get(map, "name") || !json_object_get(map, "offset"))
			name = ctl_text(map, "name");
		printf("  %-14s  %-14s  %s  %-8s  %s\n", ctl_text(map, "start"),
		       ctl_text(map, "end"), ctl_text(map, "rights"),
		       ctl_text(map, "offset"), name);
	}
}

static void print_registers(json_t *data)
{
	const char *name;
	json_t *value;
	int n = 0;

	json_object_foreach(json_object_get(data, "registers"), name, value)
		printf("%s%-8s %-18s", n++ % 3 ? "  " : n > 1 ? "\n  " : "registers\n  ", name,
		       json_string_value(value));
	if (n)
		putchar('\n');
}

static void print_lines(const char *title, json_t *lines, const char *member)
{
	size_t i;
	json_t *line;

	if (!json_array_size(lines))
		return;
	puts(title);
	json_array_foreach(lines, i, line)
		printf("  %s\n", member ? ctl_text(line, member) : json_string_value(line));
}

static void print_versions(json_t *gateway)
{
	const char *name;
	json_t *version;

	if (!gateway)
		return;
	printf("gateway         %s, kernel %s, %s, events by %s, list of countermeasures %s\n",
	       ctl_text(gateway, "name"), ctl_text(gateway, "kernel"), ctl_text(gateway, "machine"),
	       ctl_text(gateway, "source"), ctl_text(gateway, "policy_version"));
	json_object_foreach(json_object_get(gateway, "versions"), name, version)
		printf("  %-13s %s\n", name, json_string_value(version));
}

/* What was to be done, and who said so. */
static void print_decision(json_t *fault)
{
	const char *why = json_string_value(json_object_get(json_object_get(fault, "decided"), "why"));

	printf("countermeasure  %s", ctl_text(fault, "countermeasure.action"));
	if (ctl_number(fault, "countermeasure.attempts"))
		printf(", %s time%s within %s s, then %s", ctl_text(fault, "countermeasure.attempts"),
		       text_s(ctl_number(fault, "countermeasure.attempts")),
		       ctl_text(fault, "countermeasure.window_s"), ctl_text(fault, "countermeasure.then"));
	if (!why)
		puts("; by the center");
	else if (!strcmp(why, "refused"))
		puts("; it was refused before it could run");
	else
		printf("; by the gateway, %s, version %s\n",
		       strcmp(why, "list") ? "as no answer came in time: its list" : "as the list says",
		       ctl_text(fault, "decided.policy_version"));
}

static void print(json_t *fault)
{
	json_t *data = json_object_get(fault, "data");
	const char *branch = json_string_value(json_object_get(json_object_get(data, "script"), "branch"));

	printf("fault           %s\nkind            %s\napplication     %s %s\n"
	       "time            %s\nstate           %s%s\n",
	       ctl_text(fault, "id"), ctl_text(fault, "kind"), ctl_text(fault, "application"),
	       ctl_text(fault, "version"), ctl_text(fault, "time"), ctl_text(fault, "state"),
	       json_is_true(json_object_get(fault, "reported")) ?
		       ", the center knows" : ", the center does not know yet");
	if (json_object_get(fault, "countermeasure"))
		print_decision(fault);
	if (json_object_get(fault, "outcome"))
		printf("outcome         %s: %s (%s), %.2f ms after the fault\n",
		       ctl_text(fault, "outcome.action"), ctl_text(fault, "outcome.result"),
		       ctl_text(fault, "outcome.detail"),
		       ctl_number(fault, "outcome.duration_ms"));
	if (json_is_object(json_object_get(data, "script")))
		printf("script          %s line %s: %s, step %s of %s%s%s\n",
		       ctl_text(data, "script.service"), ctl_text(data, "script.line"),
		       ctl_text(data, "script.event"), ctl_text(data, "script.step"),
		       ctl_text(data, "script.steps"),
		       branch ? ", branch " : "", branch ? branch : "");
	print_kernel(data);
	ctl_print_backtrace(data);
	ctl_print_threads(data);
	print_registers(data);
	print_mappings(data);
	ctl_print_figures(data);
	print_versions(json_object_get(data, "gateway"));
	print_lines("log", json_object_get(data, "log"), NULL);
	print_lines("events before it, newest first", json_object_get(data, "events"), "text");
}

static int show(const struct ctl_options *options, const struct fault_request *request)
{
	json_t *fault = NULL;
	int status = fault_request_ask(request, options, &fault);

	if (status)
		return status;
	ctl_evidence_name(json_object_get(fault, "data"));
	return ctl_show_result(options, fault, print);
}

static int export(const struct ctl_options *options, const char *id, const char *path)
{
	struct error err = { 0 };
	json_t *fault = NULL;
	int status = fault_request_ask(&(struct fault_request){ .id = id }, options, &fault);

	/* To send to the application's maker. */
	if (!status && fault_export_write(path, fault, &err)) {
		fprintf(stderr, "faultctl: %s\n", err.text);
		status = CTL_FAILED;
	}
	json_decref(fault);
	return status;
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
	struct fault_request request = {};

	if (argc > 2 && !strcmp(argv[1], "core"))
		return ctl_fault_core(options, argc, argv);
	if (argc == 4 && !strcmp(argv[1], "export"))
		return export(options, argv[2], argv[3]);
	if (argc < 3 || strcmp(argv[1], "show") || !fault_request_parse(&request, argc, argv) || request.output)
		return ctl_usage(&ctl_fault_command);
	return show(options, &request);
}

const struct ctl_command ctl_fault_command = {
	"fault", "show ID|-i FILE | export ID FILE | core ID|-i FILE [-o FILE]", "All that is known of a fault",
	"show prints it, with the callers of the function that faulted as far as the files\n"
	"are here (functions: needs " LIBDW_PACKAGE "). export writes it as JSON into FILE, which must\n"
	"not be there yet. core writes a core file that gdb opens with the program; -o names\n"
	"it (ID.core by default). -i takes the fault from what export wrote, here or at the\n"
	"center (\"faultline-center fault export\").\n", run,
};
