/* SPDX-License-Identifier: GPL-2.0-only */
/* The unwinding itself; it reads the files of the application, so it runs confined (backtrace.c). */
#ifndef SUPERVISORD_CTL_UNWIND_H
#define SUPERVISORD_CTL_UNWIND_H

#include <jansson.h>

#include "supervisord/ctl/core.h"
#include "supervisord/ctl/libdw.h"

/**
 * unwind - frames from the registers, the stack and the files
 * @core: with its mappings and its stack (core_parse())
 * @frames: an array, to which they are added
 *
 * Return: why they end before the thread's first function; NULL where they do not.
 */
const char *unwind(const struct libdw *libdw, const struct core *core, json_t *frames);

/** unwind_frame - a frame, as far as the mappings alone tell; @lookup: an address of the instruction itself */
json_t *unwind_frame(const struct core *core, uint64_t pc, uint64_t lookup);

#endif /* SUPERVISORD_CTL_UNWIND_H */
