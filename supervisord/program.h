/* SPDX-License-Identifier: GPL-2.0-only */
/* The gateway's own helper programs, which stand beside the daemon. */
#ifndef SUPERVISORD_PROGRAM_H
#define SUPERVISORD_PROGRAM_H

#include <limits.h>
#include <sys/types.h>

/* Where a helper finds its end of what it was started with. */
#define PROGRAM_FD 3

/**
 * program_beside - path of the program @name in the folder of the running one
 * @path: PATH_MAX bytes
 *
 * Return: 0 or a negative errno.
 */
int program_beside(const char *name, char *path);

/**
 * program_spawn - start a helper that goes on by itself
 * @fd: it has this one as PROGRAM_FD; 0 and 1 are /dev/null, 2 is ours, and there is no other
 * @arguments: ended by NULL, the name first
 * @environment: all that it gets, ended by NULL
 * @pid: set to its process id
 *
 * No signal is blocked or ignored there. Return: 0 or a negative errno.
 */
int program_spawn(const char *path, int fd, char *const arguments[], char *const environment[],
		  pid_t *pid);

#endif /* SUPERVISORD_PROGRAM_H */
