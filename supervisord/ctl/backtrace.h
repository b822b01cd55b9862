/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who called whom, out of a fault's capture and the files of this machine. The
 * files are the application's, and nobody vouches for them: they are read in a
 * process of its own, which can neither write nor connect nor take long.
 */
#ifndef SUPERVISORD_CTL_BACKTRACE_H
#define SUPERVISORD_CTL_BACKTRACE_H

#include <jansson.h>

/**
 * backtrace_make - the frames of the thread that faulted, innermost first
 * @data: of a fault, "data"; hostile
 *
 * Return: {"frames": [{"pc", "module", "offset", "build_id", "function",
 * "function_offset", "source"}...], "note"}, of a frame what is known, with
 * "note" where callers may be missing; NULL where the fault has no registers.
 */
json_t *backtrace_make(json_t *data);

#endif /* SUPERVISORD_CTL_BACKTRACE_H */
