/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One request and its answer, by libcurl. HTTP/1.1 over kept connections, no
 * redirect followed, certificates always verified.
 */
#ifndef SUPERVISORD_LINK_TRANSFER_H
#define SUPERVISORD_LINK_TRANSFER_H

#include <curl/curl.h>

#include "supervisord/link/control.h"

/**
 * struct transfer_options - what is the same for all
 * @ca: file of trusted certificates, NULL for the system's
 * @stall_s: seconds with next to nothing moved after which a transfer fails
 * @verbose: log what libcurl does
 */
struct transfer_options {
	const char *ca;
	long stall_s;
	bool verbose;
};

/** transfers_init - set up libcurl, before the sandbox; 0 or -ENOMEM */
int transfers_init(const struct transfer_options *options);
/** transfers_exit - end all and free everything */
void transfers_exit(void);

/**
 * transfer_start - begin one; takes what is in @request
 *
 * Return: 0, also when it could not be begun, which is answered; -EPROTO with
 * @err set when the id is in use or a descriptor is of the wrong type.
 */
int transfer_start(struct control_request *request, struct error *err);

/** transfer_cancel - end one without an answer; nothing when there is none of that id */
void transfer_cancel(int id);

/**
 * transfers_run - do what can be done now, answer what is finished
 *
 * Return: 0, or -EPIPE when the supervisor is gone.
 */
int transfers_run(void);

/**
 * transfers_wait - sleep until there is something to do for a transfer or in @control
 *
 * Return: 0, or a negative errno.
 */
int transfers_wait(int control);

#endif /* SUPERVISORD_LINK_TRANSFER_H */
