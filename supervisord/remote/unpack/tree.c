// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/unpack/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* One part of a path; "." and "" are no part, but no danger either. */
static int part_check(const char *part, size_t size)
{
	if (size > NAME_MAX || (size == 2 && !memcmp(part, "..", 2)))
		return -EINVAL;
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)part[i] < ' ' || part[i] == 0x7f || part[i] == '\\')
			return -EINVAL;
	return 0;
}

int tree_path_clean(const char *name, char *path, struct error *err)
{
	size_t size = 0;
	int depth = 0;

	if (!name || !*name || *name == '/' || strlen(name) >= TREE_PATH_MAX)
		goto refuse;
	for (const char *part = name; *part;) {
		size_t n = strcspn(part, "/");

		if (part_check(part, n))
			goto refuse;
		if (n && !(n == 1 && *part == '.')) {
			if (++depth > TREE_DEPTH_MAX)
				goto refuse;
			if (size)
				path[size++] = '/';
			memcpy(path + size, part, n);
			size += n;
		}
		part += n + (part[n] == '/');
	}
	path[size] = '\0';
	return 0;
refuse:
	return error_set(err, -EINVAL, "the bundle holds the path '%.100s', which may not be in one",
			 name ? name : "");
}

/* Opens one part below @folder and cannot leave it, whatever the part turns out to be. */
static int part_open(int folder, const char *part, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = flags | O_NOFOLLOW | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int fd = syscall(__NR_openat2, folder, part, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* Descends into a folder, which is made when it is not there. */
static int part_enter(int folder, const char *part)
{
	if (mkdirat(folder, part, 0755) && errno != EEXIST)
		return -errno;
	return part_open(folder, part, O_DIRECTORY | O_RDONLY, 0);
}

/* Opens the folder that the last part of @path is in; *last is that part. */
static int tree_parent(int root, const char *path, char last[NAME_MAX + 1])
{
	__cleanup_close int folder = fcntl(root, F_DUPFD_CLOEXEC, 0);

	if (folder < 0)
		return -errno;
	for (;;) {
		size_t n = strcspn(path, "/");
		int next;

		memcpy(last, path, n);
		last[n] = '\0';
		if (!path[n])
			return steal_fd(&folder);
		next = part_enter(folder, last);
		if (next < 0)
			return next;
		close(folder);
		folder = next;
		path += n + 1;
	}
}

int tree_folder(int root, const char *path, struct error *err)
{
	__cleanup_close int parent = -1;
	__cleanup_close int folder = -1;
	char last[NAME_MAX + 1];

	if (!*path)
		return 0;
	parent = tree_parent(root, path, last);
	folder = parent < 0 ? parent : part_enter(parent, last);
	if (folder < 0)
		return error_set(err, folder, "folder %s cannot be made: %s", path,
				 strerror(-folder));
	return 0;
}

int tree_file(int root, const char *path, bool executable, struct error *err)
{
	__cleanup_close int parent = -1;
	char last[NAME_MAX + 1];
	int fd;

	parent = tree_parent(root, path, last);
	fd = parent < 0 ? parent : part_open(parent, last, O_WRONLY | O_CREAT | O_EXCL,
					      executable ? 0755 : 0644);
	if (fd < 0)
		return error_set(err, fd, "file %s cannot be written: %s", path, strerror(-fd));
	return fd;
}
