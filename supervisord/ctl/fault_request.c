// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/fault_request.h"

#include <stdio.h>
#include <string.h>

#include "lib/fault_export.h"

bool fault_request_parse(struct fault_request *request, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		const char **to = &request->id;

		if (!strcmp(argv[i], "-o") || !strcmp(argv[i], "-i")) {
			to = argv[i][1] == 'o' ? &request->output : &request->input;
			if (++i == argc)
				return false;
		}
		if (*to || !*argv[i])
			return false;
		*to = argv[i];
	}
	return !request->id != !request->input;
}

/* What "fault export" wrote, on whichever machine. */
static int read_export(const char *path, json_t **fault)
{
	struct error err = { 0 };

	*fault = fault_export_read(path, &err);
	if (*fault)
		return CTL_OK;
	fprintf(stderr, "faultctl: %s\n", err.text);
	return CTL_FAILED;
}

int fault_request_ask(const struct fault_request *request, const struct ctl_options *options, json_t **fault)
{
	if (request->input)
		return read_export(request->input, fault);
	return ctl_ask(options, "fault", json_pack("{s:s}", "id", request->id), NULL, NULL, fault);
}
