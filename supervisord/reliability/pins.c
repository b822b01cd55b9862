// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"

uint64_t pins_hash(const void *data, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
	return hash;
}

static int root_mount(struct error *err)
{
	struct statfs fs;

	if (!statfs(PINS_ROOT, &fs) && fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", PINS_ROOT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return error_set(err, -errno, "cannot mount the BPF file system at %s: %s",
				 PINS_ROOT, strerror(errno));
	return 0;
}

/* Whoever may write where the file system lies could have been here first. */
static int folder_open(const char *path, struct error *err)
{
	__cleanup_close int fd = -1;
	struct stat st;

	if (mkdir(path, 0700) && errno != EEXIST)
		return error_set(err, -errno, "%s: cannot be made: %s", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (st.st_uid != geteuid() || st.st_mode & 077)
		return error_set(err, -EPERM, "%s: belongs to another user or is open to others: remove it",
				 path);
	return steal_fd(&fd);
}

static int folder_lock(const char *path, struct error *err)
{
	struct stat locked, named;

	for (;;) {
		__cleanup_close int fd = folder_open(path, err);

		if (fd < 0)
			return fd;
		if (flock(fd, LOCK_EX | LOCK_NB))
			return error_set(err, errno == EWOULDBLOCK ? -EBUSY : -errno,
					 "%s: %s", path, errno == EWOULDBLOCK ?
					 "another supervisor holds it" : strerror(errno));
		/* Between the two steps it may have been removed by the one who held it. */
		if (!fstat(fd, &locked) && !stat(path, &named) && locked.st_ino == named.st_ino)
			return steal_fd(&fd);
	}
}

int pins_open(struct pins *pins, const char *owner, struct error *err)
{
	__cleanup_close int base = -1;
	int ret = root_mount(err);

	pins->folder = -1;
	if (ret)
		return ret;
	base = folder_open(PINS_BASE, err);
	if (base < 0)
		return base;
	snprintf(pins->path, sizeof(pins->path), "%s/%016llx", PINS_BASE,
		 (unsigned long long)pins_hash(owner, strlen(owner)));
	pins->folder = folder_lock(pins->path, err);
	return pins->folder < 0 ? pins->folder : 0;
}

static void pins_path(const struct pins *pins, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", pins->path, name);
}

int pins_get(const struct pins *pins, const char *name)
{
	char path[sizeof(pins->path) + NAME_MAX];
	int fd;

	if (pins->folder < 0)
		return -EBADF;
	pins_path(pins, name, path, sizeof(path));
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int pins_put(const struct pins *pins, const char *name, int fd)
{
	char path[sizeof(pins->path) + NAME_MAX];

	if (pins->folder < 0)
		return -EBADF;
	pins_path(pins, name, path, sizeof(path));
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

static DIR *folder_list(const struct pins *pins)
{
	int fd = pins->folder < 0 ? -1 : openat(pins->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder && fd >= 0)
		close(fd);
	return folder;
}

/* The next name with this beginning, or NULL. */
static const char *folder_next(DIR *folder, const char *prefix)
{
	struct dirent *entry;

	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.' && !strncmp(entry->d_name, prefix, strlen(prefix)))
			return entry->d_name;
	return NULL;
}

int pins_each(const struct pins *pins, const char *prefix,
	      int (*fn)(void *user, const char *name, int fd), void *user)
{
	DIR *folder = folder_list(pins);
	const char *name;
	int ret = 0, fd;

	if (!folder)
		return -EBADF;
	while (!ret && (name = folder_next(folder, prefix))) {
		fd = pins_get(pins, name);
		ret = fd < 0 ? fd : fn(user, name, fd);
	}
	closedir(folder);
	return ret;
}

void pins_clear(const struct pins *pins, const char *prefix)
{
	DIR *folder = folder_list(pins);
	const char *name;

	if (!folder)
		return;
	while ((name = folder_next(folder, prefix)))
		unlinkat(dirfd(folder), name, 0);
	closedir(folder);
}

void pins_close(struct pins *pins)
{
	if (pins->folder < 0)
		return;
	/* Only where it is empty, and while it is locked. */
	rmdir(pins->path);
	close(pins->folder);
	pins->folder = -1;
}
