/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What keeps an application to itself: a user of its own, no way to privileges,
 * its files (Landlock), its system calls (seccomp), its limits (cgroup v2). The
 * kernels of gateways differ in what they have; what one lacks is said in its
 * log, in "faultctl status" and in the data of each fault.
 */
#ifndef SUPERVISORD_ISOLATION_H
#define SUPERVISORD_ISOLATION_H

#include <jansson.h>

#include "lib/error.h"
#include "supervisord/runtime/cgroup.h"

struct process_setup;

/**
 * struct isolation - what this gateway has
 * @landlock: the kernel's ABI; 0: files are guarded by their modes alone
 * @seccomp: system calls can be filtered
 * @cgroups: limits that hold for an application as a whole
 */
struct isolation {
	int landlock;
	bool seccomp;
	struct cgroups cgroups;
};

/** isolation_open - see what there is, for the gateway of this name; never NULL */
struct isolation *isolation_open(const char *gateway);
/** isolation_log - a line in the log for each thing that is missing */
void isolation_log(const struct isolation *isolation);
void isolation_close(struct isolation *isolation);

/**
 * isolation_describe - {landlock, seccomp, memory, processes, kill, missing}; new reference
 *
 * "memory" and "processes" are "cgroup" or "rlimit": a limit of all its
 * processes, or of each. "kill" is "cgroup" or "session": what its end reaches.
 */
json_t *isolation_describe(const struct isolation *isolation);

/**
 * isolation_enter - in the child, before it executes: give up what is not its own
 *
 * Return: 0, or a negative errno with @err set; the child must end then.
 */
int isolation_enter(const struct isolation *isolation, const struct process_setup *setup,
		    struct error *err);

#endif /* SUPERVISORD_ISOLATION_H */
