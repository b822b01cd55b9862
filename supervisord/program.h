/* SPDX-License-Identifier: GPL-2.0-only */
/* The gateway's own helper programs, which stand beside the daemon. */
#ifndef SUPERVISORD_PROGRAM_H
#define SUPERVISORD_PROGRAM_H

#include <limits.h>

/**
 * program_beside - path of the program @name in the folder of the running one
 * @path: PATH_MAX bytes
 *
 * Return: 0 or a negative errno.
 */
int program_beside(const char *name, char *path);

#endif /* SUPERVISORD_PROGRAM_H */
