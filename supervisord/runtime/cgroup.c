// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"

/* How long the end waits for processes that have been killed already. */
#define CLOSE_WAIT_MS 500
/* And whoever removes what another one has left, for what it kills itself. */
#define REMOVE_WAIT_MS 10000

/* Below the root: this, the gateway's name, a dot, the supervisor's process. */
#define BASE "faultline-"

struct cgroup {
	char *path;
	int fd;
};

DEFINE_CLEANUP(DIR *, closedir)

static int value_write(int folder, const char *file, const char *value)
{
	__cleanup_close int fd = openat(folder, file, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

/* A file of the kernel's, which is short; "" when there is none. */
static void value_read(int folder, const char *file, char *value, size_t size)
{
	__cleanup_close int fd = openat(folder, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, value, size - 1);

	value[n > 0 ? n : 0] = '\0';
}

/* Is there a line "KEY N" with N above 0? */
static bool value_counts(int folder, const char *file, const char *key)
{
	char text[1024], *save = NULL;

	value_read(folder, file, text, sizeof(text));
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ' ')
			return atoll(line + strlen(key)) > 0;
	return false;
}

/* Where version 2 is mounted; NULL when it is not. */
static char *mount_find(void)
{
	__cleanup_fclose FILE *file = fopen("/proc/self/mountinfo", "re");
	__cleanup_free char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		char point[PATH_MAX];

		if (strstr(line, " - cgroup2 ") &&
		    sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1)
			return alloc_copy(point);
	}
	return NULL;
}

/* The supervisor's own group, "/" for the root. */
static void own_path(char *path, size_t size)
{
	__cleanup_fclose FILE *file = fopen("/proc/self/cgroup", "re");
	__cleanup_free char *line = NULL;
	size_t length = 0;

	snprintf(path, size, "/");
	while (file && getline(&line, &length, file) > 0)
		if (!strncmp(line, "0::", 3))
			snprintf(path, size, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
}

/* Children can have them only once the parent's processes, and their parents', hand them down. */
static void controllers_enable(int folder)
{
	value_write(folder, "cgroup.subtree_control", "+memory");
	value_write(folder, "cgroup.subtree_control", "+pids");
}

/* A group with processes of its own cannot hand controllers down: the supervisor steps aside. */
static void step_aside(int own)
{
	char only[32], there[64];
	__cleanup_close int aside = -1;

	snprintf(only, sizeof(only), "%d\n", getpid());
	value_read(own, "cgroup.procs", there, sizeof(there));
	if (strcmp(only, there) || (mkdirat(own, "supervisor", 0755) < 0 && errno != EEXIST))
		return;
	aside = openat(own, "supervisor", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	value_write(aside, "cgroup.procs", "0");
}

/* Groups of processes that have gone; one with a process in it stays. */
static void sweep(const char *base)
{
	__cleanup(closedirp) DIR *folder = opendir(base);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    strcmp(entry->d_name, "supervisor"))
			unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
}

/* Places of supervisors that were killed; a gateway that runs beside this one keeps its own. */
static void abandoned_remove(const char *mount)
{
	__cleanup(closedirp) DIR *folder = opendir(mount);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		const char *pid = strrchr(entry->d_name, '.');
		__cleanup_free char *base = NULL;

		if (strncmp(entry->d_name, BASE, strlen(BASE)) || !pid || atoi(pid + 1) <= 0 ||
		    !kill(atoi(pid + 1), 0) || errno != ESRCH)
			continue;
		base = alloc_format("%s/%s", mount, entry->d_name);
		sweep(base);
		rmdir(base);
	}
}

/* Kills what is in the groups below. */
static void groups_kill(const char *base)
{
	__cleanup(closedirp) DIR *folder = opendir(base);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		__cleanup_free char *file = NULL;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		file = alloc_format("%s/cgroup.kill", entry->d_name);
		value_write(dirfd(folder), file, "1");
	}
}

static bool base_remove(const char *base)
{
	for (int i = 0; i < REMOVE_WAIT_MS / 10; i++) {
		groups_kill(base);
		sweep(base);
		if (!rmdir(base))
			return true;
		usleep(10000);
	}
	return false;
}

int cgroups_remove(const char *name, struct error *err)
{
	__cleanup_free char *mount = mount_find(), *prefix = alloc_format(BASE "%s.", name);
	__cleanup(closedirp) DIR *folder = mount ? opendir(mount) : NULL;
	struct dirent *entry;
	int removed = 0;

	while (folder && (entry = readdir(folder))) {
		const char *pid = entry->d_name + strlen(prefix);
		__cleanup_free char *base = NULL;

		if (strncmp(entry->d_name, prefix, strlen(prefix)) || !*pid ||
		    strspn(pid, "0123456789") != strlen(pid) || atoi(pid) <= 0 ||
		    !kill(atoi(pid), 0) || errno != ESRCH)
			continue;
		base = alloc_format("%s/%s", mount, entry->d_name);
		if (!base_remove(base))
			return error_set(err, -EBUSY, "%s: its processes do not end", base);
		removed++;
	}
	return removed;
}

static void controllers_find(struct cgroups *cgroups, int base)
{
	char text[256];

	value_read(base, "cgroup.subtree_control", text, sizeof(text));
	cgroups->memory = strstr(text, "memory");
	cgroups->processes = strstr(text, "pids");
	if (!cgroups->memory || !cgroups->processes)
		snprintf(cgroups->why, sizeof(cgroups->why),
			 "cgroup v2 has no controller for %s at %.150s",
			 cgroups->memory ? "processes" : "memory", cgroups->base);
}

void cgroups_open(struct cgroups *cgroups, const char *name)
{
	__cleanup_free char *mount = mount_find();
	__cleanup_close int own = -1, base = -1;
	char path[PATH_MAX];

	if (!mount) {
		snprintf(cgroups->why, sizeof(cgroups->why), "cgroup v2 is not mounted");
		return;
	}
	abandoned_remove(mount);
	cgroups->base = alloc_format("%s/" BASE "%s.%d", mount, name, getpid());
	if (!mkdir(cgroups->base, 0755) || errno == EEXIST) {
		own = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} else {
		snprintf(cgroups->why, sizeof(cgroups->why), "%.150s: %s", cgroups->base,
			 strerror(errno));
		free(steal_pointer(&cgroups->base));
		own_path(path, sizeof(path));
		if (!strcmp(path, "/"))
			return;
		cgroups->why[0] = '\0';
		cgroups->base = alloc_format("%s%s", mount, path);
		own = open(cgroups->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		step_aside(own);
	}
	controllers_enable(own);
	base = open(cgroups->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	controllers_enable(base);
	controllers_find(cgroups, base);
	sweep(cgroups->base);
}

void cgroups_place(const struct cgroups *cgroups, const char *name, pid_t pid)
{
	__cleanup_free char *path = NULL;
	__cleanup_close int fd = -1;
	char text[16];

	if (!cgroups->base)
		return;
	path = alloc_format("%s/%s", cgroups->base, name);
	mkdir(path, 0755);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(text, sizeof(text), "%d", pid);
	value_write(fd, "cgroup.procs", text);
}

void cgroups_close(struct cgroups *cgroups)
{
	if (!cgroups->base)
		return;
	for (int i = 0; i < CLOSE_WAIT_MS; i++) {
		sweep(cgroups->base);
		/* One below the root goes as a whole; the supervisor's own is systemd's. */
		if (!rmdir(cgroups->base) || errno != EBUSY || faccessat(AT_FDCWD, cgroups->base,
									 F_OK, 0) < 0)
			break;
		if (!strstr(cgroups->base, "/" BASE))
			break;
		usleep(1000);
	}
	free(steal_pointer(&cgroups->base));
}

static int limits_set(const struct cgroups *cgroups, int fd, uint64_t memory, int processes)
{
	char text[32];
	int ret = 0;

	if (cgroups->memory) {
		snprintf(text, sizeof(text), "%" PRIu64, memory);
		ret = value_write(fd, "memory.max", text);
		/* Not there without swap; a limit that swap goes around is none. */
		value_write(fd, "memory.swap.max", "0");
		value_write(fd, "memory.oom.group", "1");
	}
	if (!ret && cgroups->processes) {
		snprintf(text, sizeof(text), "%d", processes);
		ret = value_write(fd, "pids.max", text);
	}
	return ret;
}

struct cgroup *cgroup_new(const struct cgroups *cgroups, const char *name, uint64_t id,
			  uint64_t memory, int processes, struct error *err)
{
	struct cgroup *cgroup = alloc_zero(1, sizeof(*cgroup));
	int ret = 0;

	sweep(cgroups->base);
	cgroup->path = alloc_format("%s/%s.%" PRIx64, cgroups->base, name, id);
	cgroup->fd = -1;
	if (mkdir(cgroup->path, 0755) < 0)
		ret = -errno;
	if (!ret) {
		cgroup->fd = open(cgroup->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ret = cgroup->fd < 0 ? -errno :
				       limits_set(cgroups, cgroup->fd, memory, processes);
	}
	if (!ret)
		return cgroup;
	error_set(err, ret, "%s: %s", cgroup->path, strerror(-ret));
	cgroup_free(cgroup);
	return NULL;
}

struct cgroup *cgroup_adopt(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cgroup *cgroup;

	if (fd < 0)
		return NULL;
	cgroup = alloc_zero(1, sizeof(*cgroup));
	cgroup->path = alloc_copy(path);
	cgroup->fd = fd;
	return cgroup;
}

void cgroup_leave(struct cgroup *cgroup)
{
	if (!cgroup)
		return;
	closep(&cgroup->fd);
	free(cgroup->path);
	free(cgroup);
}

void cgroup_free(struct cgroup *cgroup)
{
	if (!cgroup)
		return;
	if (cgroup->fd >= 0)
		cgroup_kill(cgroup);
	/* What was just killed may take a moment: then the next one sweeps it. */
	rmdir(cgroup->path);
	cgroup_leave(cgroup);
}

const char *cgroup_path(const struct cgroup *cgroup)
{
	return cgroup->path;
}

int cgroup_fd(const struct cgroup *cgroup)
{
	return cgroup->fd;
}

void cgroup_kill(const struct cgroup *cgroup)
{
	value_write(cgroup->fd, "cgroup.kill", "1");
}

bool cgroup_out_of_memory(const struct cgroup *cgroup)
{
	return value_counts(cgroup->fd, "memory.events", "oom_kill");
}

bool cgroup_frozen(const struct cgroup *cgroup)
{
	return value_counts(cgroup->fd, "cgroup.events", "frozen");
}
