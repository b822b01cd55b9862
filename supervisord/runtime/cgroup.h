/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups, version 2 (Documentation/admin-guide/cgroup-v2.rst of the
 * kernel): one for each process of an application, so that its limits hold for
 * all that it starts, and nothing that it starts outlives it.
 */
#ifndef SUPERVISORD_CGROUP_H
#define SUPERVISORD_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"

/**
 * struct cgroups - what this gateway can do with them
 * @base: the folder below which they are made; NULL: none can be made
 * @memory: memory.max is there
 * @processes: pids.max is there
 * @why: when something is missing, why; one line
 */
struct cgroups {
	char *base;
	bool memory;
	bool processes;
	char why[256];
};

/**
 * cgroups_open - look for the mount and make a place
 * @name: of the gateway
 *
 * The place is below the root, beside the group of the supervisor's own service:
 * who restarts that service, or ends all that is left in it, does not mean the
 * applications. Where that cannot be written to, it is the supervisor's own group
 * if it is delegated to it (systemd: Delegate=yes), which puts the supervisor into
 * a group beside it. Call it before any other process is started.
 */
void cgroups_open(struct cgroups *cgroups, const char *name);
/** cgroups_place - put a process that is not an application's into a group of its own there */
void cgroups_place(const struct cgroups *cgroups, const char *name, pid_t pid);
/** cgroups_close - give up the place, once the last process has gone */
void cgroups_close(struct cgroups *cgroups);

/**
 * cgroups_remove - kill what is in the places of supervisors of this gateway that have died, and remove these
 *
 * Return: how many there were; -EBUSY with @err set where processes do not end.
 */
int cgroups_remove(const char *name, struct error *err);

struct cgroup;

/**
 * cgroup_new - a group for a process that is about to be started
 * @name: of the application
 * @id: makes it unique
 * @memory: bytes
 * @processes: and threads
 *
 * Return: the group, freed with cgroup_free(); NULL with @err set.
 */
struct cgroup *cgroup_new(const struct cgroups *cgroups, const char *name, uint64_t id,
			  uint64_t memory, int processes, struct error *err);
/** cgroup_adopt - one that a supervisor before this one has made; NULL when it is not there */
struct cgroup *cgroup_adopt(const char *path);
/** cgroup_leave - forget it; what is in it goes on */
void cgroup_leave(struct cgroup *cgroup);
/** cgroup_free - kill what is left in it and remove it; NULL is taken */
void cgroup_free(struct cgroup *cgroup);

const char *cgroup_path(const struct cgroup *cgroup);
/** cgroup_fd - for clone3(2), CLONE_INTO_CGROUP */
int cgroup_fd(const struct cgroup *cgroup);
/** cgroup_kill - SIGKILL to all that is in it */
void cgroup_kill(const struct cgroup *cgroup);
/** cgroup_out_of_memory - has the kernel killed in it because of memory.max? */
bool cgroup_out_of_memory(const struct cgroup *cgroup);
/** cgroup_frozen - does it stand still because somebody froze it? */
bool cgroup_frozen(const struct cgroup *cgroup);

#endif /* SUPERVISORD_CGROUP_H */
