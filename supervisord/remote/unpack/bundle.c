// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/unpack/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "supervisord/remote/unpack/tree.h"

static void reader_free(struct archive *reader)
{
	archive_read_free(reader);
}

DEFINE_CLEANUP(struct archive *, reader_free)

/**
 * struct bundle - an unpacking under way
 * @refused: why reading failed, where it was not the archive's fault
 */
struct bundle {
	struct digest *digest;
	int root;
	unsigned int entries;
	uint64_t bytes;
	struct error refused;
};

static la_ssize_t bundle_read(struct archive *reader, void *user, const void **data)
{
	struct bundle *bundle = user;
	ssize_t n = digest_read(bundle->digest, data, &bundle->refused);

	if (n < 0)
		archive_set_error(reader, -n, "%s", bundle->refused.text);
	return n < 0 ? ARCHIVE_FATAL : n;
}

/* The archive is at fault, or what it is read from. */
static int bundle_fail(const struct bundle *bundle, struct archive *reader, struct error *err)
{
	if (bundle->refused.code)
		return error_set(err, bundle->refused.code, "%s", bundle->refused.text);
	return error_set(err, -EILSEQ, "the bundle is not a whole .tar.zst archive: %s",
			 archive_error_string(reader) ?: "it is damaged");
}

static int bundle_count(struct bundle *bundle, uint64_t size, struct error *err)
{
	bundle->bytes += size;
	if (bundle->bytes > BUNDLE_BYTES_MAX)
		return error_set(err, -EFBIG, "the bundle unpacks to more than %llu MiB",
				 BUNDLE_BYTES_MAX >> 20);
	if (bundle->bytes > BUNDLE_RATIO_FREE + bundle->digest->done * BUNDLE_RATIO_MAX)
		return error_set(err, -EFBIG, "the bundle unpacks to more than %d times its size: "
				 "it is taken for a bomb", BUNDLE_RATIO_MAX);
	return 0;
}

static int file_fill(int fd, const char *data, size_t size, const char *path, struct error *err)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return error_set(err, -errno, "file %s cannot be written: %s", path,
					 strerror(errno));
		if (n > 0) {
			data += n;
			size -= n;
		}
	}
	return 0;
}

static int bundle_file(struct bundle *bundle, struct archive *reader, struct archive_entry *entry,
		       const char *path, struct error *err)
{
	int64_t left = archive_entry_size(entry);
	__cleanup_close int fd = -1;
	int r;

	fd = tree_file(bundle->root, path, archive_entry_perm(entry) & 0100, err);
	if (fd < 0)
		return fd;
	for (;;) {
		const void *data;
		size_t size;
		int64_t offset;

		r = archive_read_data_block(reader, &data, &size, &offset);
		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK)
			return bundle_fail(bundle, reader, err);
		r = bundle_count(bundle, size, err);
		if (!r && (uint64_t)left < size)
			r = error_set(err, -EINVAL, "file %s is longer than its entry says", path);
		if (!r)
			r = file_fill(fd, data, size, path, err);
		if (r)
			return r;
		left -= size;
	}
	return left ? error_set(err, -EINVAL, "file %s is shorter than its entry says", path) : 0;
}

static int bundle_entry(struct bundle *bundle, struct archive *reader,
			struct archive_entry *entry, struct error *err)
{
	const char *name = archive_entry_pathname(entry);
	mode_t type = archive_entry_filetype(entry);
	char path[TREE_PATH_MAX];
	int r;

	/* One layer of Zstandard is what a bundle has; libarchive would peel off more. */
	if (archive_filter_count(reader) != 2 || archive_filter_code(reader, 0) != ARCHIVE_FILTER_ZSTD)
		return error_set(err, -EINVAL, "the bundle is not compressed once with Zstandard");
	if (++bundle->entries > BUNDLE_ENTRIES_MAX)
		return error_set(err, -EFBIG, "the bundle holds more than %d files and folders",
				 BUNDLE_ENTRIES_MAX);
	r = tree_path_clean(name ?: archive_entry_pathname_utf8(entry), path, err);
	if (r)
		return r;
	if (archive_entry_hardlink(entry) || archive_entry_symlink(entry) ||
	    (type != AE_IFREG && type != AE_IFDIR))
		return error_set(err, -EINVAL, "the bundle's entry %s is neither file nor folder", path);
	if (archive_entry_sparse_count(entry))
		return error_set(err, -EINVAL, "the bundle's file %s has holes: pack it without", path);
	if (type == AE_IFDIR)
		return tree_folder(bundle->root, path, err);
	if (!*path || archive_entry_size(entry) < 0)
		return error_set(err, -EINVAL, "the bundle holds a file without a name or size");
	return bundle_file(bundle, reader, entry, path, err);
}

int bundle_unpack(struct digest *digest, int root, struct error *err)
{
	struct bundle bundle = { .digest = digest, .root = root };
	struct archive *reader __cleanup(reader_freep) = archive_read_new();
	struct archive_entry *entry;
	int r;

	if (!reader || archive_read_support_filter_zstd(reader) != ARCHIVE_OK ||
	    archive_read_support_format_tar(reader) != ARCHIVE_OK)
		return error_set(err, -ENOMEM, "libarchive reads no .tar.zst here");
	if (archive_read_open(reader, &bundle, NULL, bundle_read, NULL) != ARCHIVE_OK)
		return bundle_fail(&bundle, reader, err);
	while ((r = archive_read_next_header(reader, &entry)) != ARCHIVE_EOF) {
		if (r != ARCHIVE_OK)
			return bundle_fail(&bundle, reader, err);
		r = bundle_entry(&bundle, reader, entry, err);
		if (r)
			return r;
	}
	return bundle.entries ? 0 : error_set(err, -EINVAL, "the bundle is empty");
}
