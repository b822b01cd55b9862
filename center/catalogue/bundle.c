// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <libxml/xmlstring.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/xmlfile.h"

#define BLOCK_SIZE (64 << 10)
#define CHUNK_SIZE (256 << 10)
#define TAR_END_SIZE 1024

DEFINE_CLEANUP(struct archive *, archive_read_free)
#define __cleanup_archive __cleanup(archive_read_freep)

/* What is known of a bundle while its entries go by. */
struct bundle {
	const char *name;
	struct application *application;
	void *paths;
	int entries;
	bool program_found;
	struct error *err;
};

static int bundle_error(struct bundle *bundle, struct archive *archive)
{
	const char *why = archive_error_string(archive);

	return error_set(bundle->err, -EBADMSG,
			 "%s: damaged or cut short (%s); fetch or make the bundle again",
			 bundle->name, why ? why : "no bundle");
}

static struct archive *bundle_open(struct bundle *bundle, int fd,
				   int (*format)(struct archive *))
{
	__cleanup_archive struct archive *archive = archive_read_new();

	if (!archive) {
		error_set(bundle->err, -ENOMEM, "%s: out of memory", bundle->name);
		return NULL;
	}
	archive_read_support_filter_zstd(archive);
	format(archive);
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    archive_read_open_fd(archive, fd, BLOCK_SIZE) != ARCHIVE_OK) {
		bundle_error(bundle, archive);
		return NULL;
	}
	return steal_pointer(&archive);
}

/*
 * Reads the zstd stream to its last byte. The tar reader stops at the end mark and
 * would not see that what follows is missing; and it takes an archive without one.
 */
static int stream_check(struct bundle *bundle, int fd)
{
	__cleanup_archive struct archive *archive =
		bundle_open(bundle, fd, archive_read_support_format_raw);
	__cleanup_free char *chunk = malloc(CHUNK_SIZE);
	struct archive_entry *entry;
	int64_t size = 0, zeros = 0;
	ssize_t n;

	if (!archive)
		return bundle->err->code;
	if (!chunk)
		return error_set(bundle->err, -ENOMEM, "%s: out of memory", bundle->name);
	if (archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return bundle_error(bundle, archive);
	if (archive_filter_code(archive, 0) != ARCHIVE_FILTER_ZSTD)
		return error_set(bundle->err, -EBADMSG,
				 "%s: not compressed with zstd; a bundle is a .tar.zst",
				 bundle->name);
	while ((n = archive_read_data(archive, chunk, CHUNK_SIZE)) > 0) {
		ssize_t tail = n;

		size += n;
		if (size > BUNDLE_UNPACKED_MAX)
			return error_set(bundle->err, -EFBIG, "%s: over %lld MiB when unpacked",
					 bundle->name, BUNDLE_UNPACKED_MAX >> 20);
		while (tail && !chunk[tail - 1])
			tail--;
		zeros = tail ? n - tail : zeros + n;
	}
	if (n < 0)
		return bundle_error(bundle, archive);
	if (zeros < TAR_END_SIZE)
		return error_set(bundle->err, -EBADMSG,
				 "%s: the archive in it has no end; make the bundle again",
				 bundle->name);
	return 0;
}

/* A path that stays below the root, in the one way to write it. */
static bool path_valid(const char *path)
{
	if (!*path || strlen(path) >= PATH_MAX / 2)
		return false;
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '\\')
			return false;
	for (;;) {
		size_t len = strcspn(path, "/");

		if (!len || len > NAME_MAX || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (!path[len])
			return true;
		path += len + 1;
		/* A folder's path may end in its slash. */
		if (!*path)
			return true;
	}
}

static int path_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Nothing may be there twice: the second would replace what was checked. */
static int path_note(struct bundle *bundle, const char *path)
{
	__cleanup_free char *copy = strdup(path);
	char **found;

	if (!copy)
		return error_set(bundle->err, -ENOMEM, "%s: out of memory", bundle->name);
	copy[strlen(copy) - (copy[strlen(copy) - 1] == '/')] = '\0';
	found = tsearch(copy, &bundle->paths, path_compare);
	if (!found)
		return error_set(bundle->err, -ENOMEM, "%s: out of memory", bundle->name);
	if (*found != copy)
		return error_set(bundle->err, -EBADMSG, "%s: \"%s\" is in it twice",
				 bundle->name, path);
	steal_pointer(&copy);
	return 0;
}

static int entry_check(struct bundle *bundle, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	mode_t type = archive_entry_filetype(entry);

	if (!path || !xmlCheckUTF8((const unsigned char *)path))
		return error_set(bundle->err, -EBADMSG, "%s: a path in it is not UTF-8",
				 bundle->name);
	if (!path_valid(path))
		return error_set(bundle->err, -EBADMSG,
				 "%s: \"%s\" is not a path below its root; paths there have no leading /, \".\" or \"..\"",
				 bundle->name, path);
	if (archive_entry_hardlink(entry) || archive_entry_symlink(entry) ||
	    (type != AE_IFREG && type != AE_IFDIR))
		return error_set(bundle->err, -EBADMSG,
				 "%s: \"%s\" is neither a file nor a folder; links and devices cannot be in a bundle",
				 bundle->name, path);
	if (archive_entry_perm(entry) & (S_ISUID | S_ISGID))
		return error_set(bundle->err, -EBADMSG,
				 "%s: \"%s\" is set-user-id or set-group-id; take that away",
				 bundle->name, path);
	if (++bundle->entries > BUNDLE_ENTRIES_MAX)
		return error_set(bundle->err, -EFBIG, "%s: over %d files", bundle->name,
				 BUNDLE_ENTRIES_MAX);
	return path_note(bundle, path);
}

/* Application data are read by path: here the path is one of a file in memory. */
static struct application *data_parse(struct bundle *bundle, const char *text, size_t size)
{
	__cleanup_close int fd = memfd_create(APPLICATION_FILE, MFD_CLOEXEC);
	struct application *application;
	struct error why = {};
	char path[64];

	if (fd < 0 || write(fd, text, size) != (ssize_t)size) {
		error_set(bundle->err, -errno, "%s: %m", APPLICATION_FILE);
		return NULL;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	application = application_read(path, &why);
	if (!application) {
		size_t len = strlen(path);
		const char *rest = strncmp(why.text, path, len) ? why.text : why.text + len;

		error_at(bundle->err, why.code, why.line, why.column, "%s: %s%s%s",
			 bundle->name, APPLICATION_FILE, rest == why.text ? ": " : "",
			 rest);
	}
	return application;
}

static int data_read(struct bundle *bundle, struct archive *archive,
		     struct archive_entry *entry)
{
	int64_t size = archive_entry_size(entry);
	__cleanup_free char *text = NULL;

	if (strcmp(archive_entry_pathname(entry), APPLICATION_FILE) ||
	    archive_entry_filetype(entry) != AE_IFREG)
		return error_set(bundle->err, -EBADMSG, "%s: begins with \"%s\"; "
				 APPLICATION_FILE " must come first in a bundle",
				 bundle->name, archive_entry_pathname(entry));
	if (size < 0 || size > XMLFILE_SIZE_MAX)
		return error_set(bundle->err, -EFBIG, "%s: " APPLICATION_FILE
				 " has %lld bytes, %d are allowed", bundle->name,
				 (long long)size, XMLFILE_SIZE_MAX);
	text = malloc(size + 1);
	if (!text)
		return error_set(bundle->err, -ENOMEM, "%s: out of memory", bundle->name);
	if (archive_read_data(archive, text, size) != size)
		return bundle_error(bundle, archive);
	bundle->application = data_parse(bundle, text, size);
	return bundle->application ? 0 : bundle->err->code;
}

static int program_check(struct bundle *bundle, struct archive_entry *entry)
{
	const struct application *app = bundle->application;

	if (strcmp(archive_entry_pathname(entry), app->program) ||
	    archive_entry_filetype(entry) != AE_IFREG)
		return 0;
	if (!strcmp(app->runtime, "native") && !(archive_entry_perm(entry) & 0111))
		return error_set(bundle->err, -EBADMSG,
				 "%s: the program \"%s\" is not executable; chmod +x it and make the bundle again",
				 bundle->name, app->program);
	bundle->program_found = true;
	return 0;
}

static int entries_check(struct bundle *bundle, int fd)
{
	__cleanup_archive struct archive *archive =
		bundle_open(bundle, fd, archive_read_support_format_tar);
	struct archive_entry *entry;
	int ret;

	if (!archive)
		return bundle->err->code;
	while ((ret = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
		ret = entry_check(bundle, entry);
		if (!ret && !bundle->application)
			ret = data_read(bundle, archive, entry);
		else if (!ret)
			ret = program_check(bundle, entry);
		if (ret)
			return ret;
	}
	if (ret != ARCHIVE_EOF)
		return bundle_error(bundle, archive);
	if (!bundle->application)
		return error_set(bundle->err, -EBADMSG, "%s: the archive is empty",
				 bundle->name);
	if (!bundle->program_found)
		return error_set(bundle->err, -EBADMSG, "%s: its program \"%s\" is not in it",
				 bundle->name, bundle->application->program);
	return 0;
}

struct application *bundle_check(int fd, const char *name, struct error *err)
{
	struct bundle bundle = { .name = name, .err = err };
	int ret;

	ret = stream_check(&bundle, fd);
	if (!ret)
		ret = entries_check(&bundle, fd);
	tdestroy(bundle.paths, free);
	if (ret) {
		application_free(bundle.application);
		return NULL;
	}
	return bundle.application;
}
