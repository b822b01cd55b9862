/* SPDX-License-Identifier: GPL-2.0-only */
/* Which fault a command is about: one that the gateway knows, or one that was exported. */
#ifndef SUPERVISORD_CTL_FAULT_REQUEST_H
#define SUPERVISORD_CTL_FAULT_REQUEST_H

#include <jansson.h>

#include "supervisord/ctl/ctl.h"

/** struct fault_request - a command's words: ID, or -i FILE, and -o FILE; borrowed, NULL where not given */
struct fault_request {
	const char *id;
	const char *input;
	const char *output;
};

/** fault_request_parse - words from @argv[2] on; false where they are off */
bool fault_request_parse(struct fault_request *request, int argc, char **argv);
/** fault_request_ask - the fault, to be released; an enum ctl_status, told on standard error */
int fault_request_ask(const struct fault_request *request, const struct ctl_options *options, json_t **fault);

#endif /* SUPERVISORD_CTL_FAULT_REQUEST_H */
