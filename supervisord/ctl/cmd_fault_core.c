// SPDX-License-Identifier: GPL-2.0-only
/* faultctl fault core: what a debugger opens. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/text.h"
#include "supervisord/ctl/core.h"
#include "supervisord/ctl/ctl.h"
#include "supervisord/ctl/fault_request.h"

static void warn(void *user, const char *what, const char *why)
{
	if (what)
		fprintf(stderr, "faultctl: %s: %s; left out\n", what, why);
	else
		fprintf(stderr, "faultctl: %s\n", why);
}

static int write_core(const char *path, json_t *fault)
{
	struct error error = {};
	int fd __cleanup_close = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		fprintf(stderr, "faultctl: %s: %s\n", path, errno == EEXIST ?
			"there is such a file already; name another one" : strerror(errno));
		return CTL_FAILED;
	}
	if (!core_write(fd, json_object_get(fault, "data"), warn, NULL, &error))
		return CTL_OK;
	fprintf(stderr, "faultctl: %s: %s\n", path, error.text);
	unlink(path);
	return CTL_FAILED;
}

/* The program, as far as the mappings tell. */
static const char *program_of(json_t *fault)
{
	json_t *map;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(fault, "data"), "maps"), i, map)
		if (json_is_true(json_object_get(map, "program")) && json_object_get(map, "name"))
			return json_string_value(json_object_get(map, "name"));
	return "PROGRAM";
}

static void print_written(json_t *written)
{
	printf("%s is written; open it with: gdb %s %s\n", ctl_text(written, "core"),
	       ctl_text(written, "program"), ctl_text(written, "core"));
}

int ctl_fault_core(const struct ctl_options *options, int argc, char **argv)
{
	struct fault_request request = {};
	json_t *fault = NULL;
	char *name __cleanup_free = NULL;
	int status;

	if (!fault_request_parse(&request, argc, argv))
		return ctl_usage(&ctl_fault_command);
	status = fault_request_ask(&request, options, &fault);
	if (status)
		return status;
	if (!request.output) {
		name = alloc_format("%s.core", request.id ? request.id :
				    ctl_text(fault, "id"));
		/* An id is a name; one in a file that somebody sent may be anything. */
		text_clean(name);
		for (char *c = name; *c; c++)
			if (*c == '/')
				*c = '_';
		request.output = name;
	}
	status = write_core(request.output, fault);
	if (!status)
		ctl_show_result(options, json_pack("{s:s, s:s}", "core", request.output, "program",
						   program_of(fault)), print_written);
	json_decref(fault);
	return status;
}
