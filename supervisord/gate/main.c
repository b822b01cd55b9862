// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultline-gate: what a process that is made beforehand waits in, small, instead of in a copy of the supervisor. It has
 * the application's user, sandbox, group, pipes and working directory already, and executes it when it is told to.
 *
 * Started by faultlined (supervisord/runtime/child.c) with an empty environment and the arguments GO FAILED COUNT, COUNT
 * variables of the environment, one that stands for their end, the program and its arguments. GO and FAILED are
 * descriptors: one byte opens the gate, its end means that nobody needs this process any more, and why the program
 * cannot be executed is told as a struct error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/error.h"

#define ENVIRONMENT 4

int main(int argc, char **argv)
{
	struct error err = { 0 };
	int go, failed, count;
	char **command, byte;

	/* Others of the same user have no business with what is to be its successor. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (argc < ENVIRONMENT + 2)
		_exit(2);
	go = atoi(argv[1]);
	failed = atoi(argv[2]);
	count = atoi(argv[3]);
	if (count < 0 || count > argc - ENVIRONMENT - 2)
		_exit(2);
	argv[ENVIRONMENT + count] = NULL;
	command = argv + ENVIRONMENT + count + 1;
	if (fcntl(go, F_SETFD, FD_CLOEXEC) || fcntl(failed, F_SETFD, FD_CLOEXEC))
		_exit(2);
	if (read(go, &byte, 1) != 1)
		_exit(1);
	execve(command[0], command, argv + ENVIRONMENT);
	err.code = -errno;
	snprintf(err.text, sizeof(err.text), "execute %s: %s", command[0], strerror(errno));
	if (write(failed, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}
