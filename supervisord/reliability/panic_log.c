// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/panic_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/text.h"

#define FOLDER "/sys/fs/pstore"

DEFINE_CLEANUP(DIR *, closedir)

static const char *folder(void)
{
	const char *other = getenv("FAULTLINE_PSTORE");

	return other ? other : FOLDER;
}

/* Of the kernel's log alone: a console's or a tracer's entries are others' business. */
static int is_log(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "dmesg-", strlen("dmesg-"));
}

/* The end of a file, where the panic itself stands. */
static json_t *text_of(int fd, size_t max)
{
	__cleanup_free char *text = malloc(2 * max);
	size_t size = 0;
	ssize_t n;

	/* Sizes that pstore tells and positions in it are not to be relied on: it is read through. */
	while (text && (n = read(fd, text + size, 2 * max - size)) > 0) {
		size += n;
		if (size == 2 * max) {
			memmove(text, text + max, max);
			size = max;
		}
	}
	if (!text || !size)
		return NULL;
	n = size > max ? size - max : 0;
	/* A reset may have left anything in that memory. */
	text_plain(text + n, size - n, true);
	return json_stringn(text + n, size - n);
}

/* {name, key, text}; NULL: not to be read, or no news. */
static json_t *entry_read(int dir, const char *name, const json_t *known, size_t max)
{
	__cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	json_t *key, *other, *text;
	struct stat st;
	size_t i;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	key = json_sprintf("%.200s %lld.%09ld", name, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	if (!key)
		return NULL;
	json_array_foreach(known, i, other)
		if (json_equal(key, other)) {
			json_decref(key);
			return NULL;
		}
	text = text_of(fd, max);
	if (!text) {
		json_decref(key);
		return NULL;
	}
	return json_pack("{s:s, s:o, s:o}", "name", name, "key", key, "text", text);
}

json_t *panic_log_read(const json_t *known)
{
	struct dirent **names = NULL;
	int n = scandir(folder(), &names, is_log, alphasort);
	__cleanup_close int dir = open(folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_t *entries = json_array();
	size_t left = PANIC_LOG_MAX;

	for (int i = 0; i < n; i++) {
		json_t *entry = NULL;

		if (dir >= 0 && left && json_array_size(entries) < PANIC_LOG_ENTRIES_MAX)
			entry = entry_read(dir, names[i]->d_name, known,
					   left < PANIC_LOG_ENTRY_MAX ? left : PANIC_LOG_ENTRY_MAX);
		if (entry) {
			left -= json_string_length(json_object_get(entry, "text"));
			json_array_append_new(entries, entry);
		}
		free(names[i]);
	}
	free(names);
	return entries;
}

json_t *panic_log_remove(const json_t *entries)
{
	__cleanup_close int dir = open(folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_t *left = json_array(), *entry;
	size_t i;

	json_array_foreach(entries, i, entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));

		if (dir < 0 || (unlinkat(dir, name, 0) < 0 && errno != ENOENT)) {
			log_warning("%s/%s stays, though it is recorded: %s", folder(), name, strerror(errno));
			json_array_append(left, json_object_get(entry, "key"));
		}
	}
	return left;
}
