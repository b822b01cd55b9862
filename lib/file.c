// SPDX-License-Identifier: GPL-2.0-only
#include "lib/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* What is not whole yet lies beside its file, hidden, with this behind its name. */
#define SUFFIX ".XXXXXX"

char *fd_read(int fd, const char *what, size_t max, size_t *size, struct error *err)
{
	__cleanup_free char *data = NULL;
	struct stat st;
	size_t done = 0;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		error_set(err, -EINVAL, "%s: not a regular file", what);
		return NULL;
	}
	if ((size_t)st.st_size > max) {
		error_set(err, -EFBIG, "%s: %zu bytes, at most %zu are read", what,
			  (size_t)st.st_size, max);
		return NULL;
	}
	data = malloc(st.st_size + 1);
	if (!data) {
		error_set(err, -ENOMEM, "%s: out of memory", what);
		return NULL;
	}
	while (done < (size_t)st.st_size) {
		ssize_t n = pread(fd, data + done, st.st_size - done, done);

		if (n < 0 && errno != EINTR) {
			error_set(err, -errno, "%s: %m", what);
			return NULL;
		}
		if (!n)
			break;
		if (n > 0)
			done += n;
	}
	data[done] = '\0';
	if (size)
		*size = done;
	return steal_pointer(&data);
}

char *file_read(const char *path, size_t max, size_t *size, struct error *err)
{
	__cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		error_set(err, -errno, "%s: %m", path);
		return NULL;
	}
	return fd_read(fd, path, max, size, err);
}

int fd_write(int fd, const void *content, size_t size)
{
	const char *data = content;

	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -EIO;
		if (n > 0) {
			data += n;
			size -= n;
		}
	}
	return 0;
}

/* Cuts @path to the folder it is in. */
static void path_folder(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		strcpy(path, ".");
	else
		slash[slash == path] = '\0';
}

static const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int file_write(const char *path, const void *data, size_t size, mode_t mode,
	       struct error *err)
{
	const char *name = path_name(path);
	char temporary[PATH_MAX];
	__cleanup_close int fd = -1;
	int ret;

	if (snprintf(temporary, sizeof(temporary), "%.*s.%s" SUFFIX, (int)(name - path),
		     path, name) >= (int)sizeof(temporary))
		return error_set(err, -ENAMETOOLONG, "%s: path too long", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "%s: %m", temporary);
	ret = fd_write(fd, data, size);
	if (!ret && fsync(fd) < 0)
		ret = -errno;
	if (!ret && fchmod(fd, mode) < 0)
		ret = -errno;
	if (!ret && rename(temporary, path) < 0)
		ret = -errno;
	if (ret) {
		unlink(temporary);
		return error_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	path_folder(temporary);
	return folder_sync(temporary, err);
}

bool file_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void file_settle(const char *path)
{
	const char *name = path_name(path);
	size_t length = strlen(name);
	char folder[PATH_MAX];
	const struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s", path);
	path_folder(folder);
	dir = opendir(folder);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] == '.' && !strncmp(entry->d_name + 1, name, length) &&
		    entry->d_name[1 + length] == '.' &&
		    strlen(entry->d_name + 1 + length) == strlen(SUFFIX))
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

int folder_make(const char *path, mode_t mode, struct error *err)
{
	char part[PATH_MAX];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return error_set(err, -ENAMETOOLONG, "%s: path too long", path);
	for (char *p = part + 1; ; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return error_set(err, -errno, "%s: %m", part);
		if (!c)
			return 0;
		*p = c;
	}
}

static int remove_entry(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int folder_remove(const char *path, struct error *err)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 &&
	    errno != ENOENT)
		return error_set(err, -errno, "%s: cannot be removed: %m", path);
	return 0;
}

int folder_sync(const char *path, struct error *err)
{
	__cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return error_set(err, -errno, "%s: cannot be synced: %m", path);
	return 0;
}
