/* SPDX-License-Identifier: GPL-2.0-only */
/* The process faultline-link, and nothing of what is said to it. */
#ifndef SUPERVISORD_REMOTE_LINK_PROCESS_H
#define SUPERVISORD_REMOTE_LINK_PROCESS_H

#include <sys/types.h>

#include "lib/error.h"
#include "supervisord/remote/link.h"

/**
 * struct link_process - a running faultline-link
 * @pidfd: readable once it has ended; -1 when it does not run
 * @socket: ours of the pair; -1 likewise
 */
struct link_process {
	pid_t pid;
	int pidfd;
	int socket;
};

/**
 * link_process_start - start it with nothing but its socket and our standard error
 * @options: with @program set
 *
 * Return: 0, or a negative errno with @err set.
 */
int link_process_start(struct link_process *process, const struct link_options *options,
		       struct error *err);

/** link_process_kill - SIGKILL; its pidfd tells the end */
void link_process_kill(const struct link_process *process);

/**
 * link_process_end - kill it if it still runs, wait for it, close its descriptors
 *
 * Return: how it ended, for a person: "exit status 1", "signal 9".
 */
const char *link_process_end(struct link_process *process);

#endif /* SUPERVISORD_REMOTE_LINK_PROCESS_H */
