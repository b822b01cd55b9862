// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/evidence.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/text.h"

#define FILE_MAX 4096
#define MAPS_MAX 49152
#define ENTRIES_MAX 64

DEFINE_CLEANUP(DIR *, closedir)

/* What a file of /proc says, cut at @max bytes; null where it cannot be read. */
static json_t *text_of(const char *path, size_t max)
{
	__cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	__cleanup_free char *text = fd < 0 ? NULL : malloc(max);
	size_t size = 0;
	ssize_t n;

	if (!text)
		return json_null();
	while (size < max && (n = read(fd, text + size, max - size)) > 0)
		size += n;
	/* Names in it are the application's own. */
	text_plain(text, size, true);
	return json_stringn(text, size);
}

static json_t *text_below(const char *folder, const char *name, size_t max)
{
	__cleanup_free char *path = alloc_format("%s/%s", folder, name);

	return text_of(path, max);
}

static json_t *link_below(const char *folder, const char *name)
{
	__cleanup_free char *path = alloc_format("%s/%s", folder, name);
	char target[256];
	ssize_t n = readlink(path, target, sizeof(target));
	for (ssize_t i = 0; i < n; i++)
		if (target[i] < ' ' || target[i] > '~')
			target[i] = '?';
	return n < 0 ? json_null() : json_stringn(target, n);
}

/* One member for each entry of a folder, ENTRIES_MAX at most, made by @describe. */
static json_t *entries(const char *process, const char *name,
		       json_t *(*describe)(const char *folder, const char *entry))
{
	__cleanup_free char *folder = alloc_format("%s/%s", process, name);
	__cleanup(closedirp) DIR *dir = opendir(folder);
	struct dirent *entry;
	json_t *object = json_object();

	while (dir && json_object_size(object) < ENTRIES_MAX && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			json_object_set_new(object, entry->d_name,
					    describe(folder, entry->d_name));
	return object;
}

static json_t *thread_describe(const char *folder, const char *entry)
{
	__cleanup_free char *path = alloc_format("%s/%s", folder, entry);

	return json_pack("{s:o, s:o, s:o}", "comm", text_below(path, "comm", 64),
			 "wchan", text_below(path, "wchan", 64),
			 "syscall", text_below(path, "syscall", 256));
}

static json_t *process_describe(pid_t pid)
{
	static const char *const files[] = { "status", "limits", "cgroup", "stat", "io",
					     "schedstat", "oom_score", "stack" };
	char folder[32];
	json_t *object;

	snprintf(folder, sizeof(folder), "/proc/%d", pid);
	if (!pid || access(folder, F_OK))
		return json_null();
	object = json_pack("{s:i}", "pid", pid);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		json_object_set_new(object, files[i], text_below(folder, files[i], FILE_MAX));
	json_object_set_new(object, "maps", text_below(folder, "maps", MAPS_MAX));
	json_object_set_new(object, "files", entries(folder, "fd", link_below));
	json_object_set_new(object, "threads", entries(folder, "task", thread_describe));
	return object;
}

json_t *evidence_collect(pid_t pid)
{
	return json_pack("{s:o, s:{s:o, s:o, s:o}, s:o, s:o}",
			 "process", process_describe(pid),
			 "pressure",
			 "cpu", text_of("/proc/pressure/cpu", FILE_MAX),
			 "io", text_of("/proc/pressure/io", FILE_MAX),
			 "memory", text_of("/proc/pressure/memory", FILE_MAX),
			 "memory", text_of("/proc/meminfo", FILE_MAX),
			 "load", text_of("/proc/loadavg", FILE_MAX));
}
