/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault detector (343), the half in user space: is what happened a fault, and
 * of which kind? Kinds are dotted names, from the general to the special.
 */
#ifndef SUPERVISORD_DETECTOR_H
#define SUPERVISORD_DETECTOR_H

#include <jansson.h>
#include <linux/faultline.h>
#include <stdbool.h>

#include "lib/name.h"

/** struct verdict - what the detector says of an event */
struct verdict {
	bool fault;
	char kind[KIND_MAX_LEN + 1];
};

/** detector_signal_name - "SIGSEGV", "SIGRT34" for @signo; static or in @buffer (16 bytes) */
const char *detector_signal_name(int signo, char *buffer);

/** detector_record - a kernel record of a process whose end nobody asked for */
struct verdict detector_record(const struct faultline_record *record);

/** detector_status - likewise an end as wait(2) tells it */
struct verdict detector_status(int status);

/** detector_notification - an application's own report: {name, severity} */
struct verdict detector_notification(const json_t *params);

#endif /* SUPERVISORD_DETECTOR_H */
