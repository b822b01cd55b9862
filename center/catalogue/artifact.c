// SPDX-License-Identifier: GPL-2.0-only
#include "center/catalogue/artifact.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/hex.h"

#define COPY_SIZE (256 << 10)
#define PART_SIZE (1 << 20)
#define INCOMING "incoming-"

DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
DEFINE_CLEANUP(DIR *, closedir)

static int path_join(char path[PATH_MAX], const char *folder, const char *name,
		     struct error *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX)
		return 0;
	return error_set(err, -ENAMETOOLONG, "%s: path too long", folder);
}

/* With the lock held nobody else's copy is here: what is left over is of a process that died. */
static void leftovers_remove(const char *folder)
{
	__cleanup(closedirp) DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, INCOMING, strlen(INCOMING)))
			unlinkat(dirfd(dir), entry->d_name, 0);
}

static int incoming_create(struct artifact *artifact, const char *data, struct error *err)
{
	char lock[PATH_MAX];
	int ret;

	ret = path_join(artifact->folder, data, "artifacts", err);
	if (!ret)
		ret = folder_make(artifact->folder, 0750, err);
	if (!ret)
		ret = path_join(lock, artifact->folder, "lock", err);
	if (!ret)
		ret = path_join(artifact->path, artifact->folder, INCOMING "XXXXXX", err);
	if (ret)
		return ret;
	artifact->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (artifact->lock < 0 || flock(artifact->lock, LOCK_EX) < 0)
		return error_set(err, -errno, "%s: %m", lock);
	leftovers_remove(artifact->folder);
	artifact->fd = mkostemp(artifact->path, O_CLOEXEC);
	if (artifact->fd < 0)
		return error_set(err, -errno, "%s: %m", artifact->path);
	store_give(data, artifact->folder);
	store_give(data, lock);
	store_give(data, artifact->path);
	return 0;
}

static int source_open(const char *source, struct error *err)
{
	__cleanup_close int fd = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, -errno, "%s: %m", source);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s: not a regular file; name a bundle",
				 source);
	return steal_fd(&fd);
}

static int source_copy(struct artifact *artifact, const char *source, EVP_MD_CTX *hash,
		       struct error *err)
{
	__cleanup_close int fd = source_open(source, err);
	__cleanup_free char *chunk = malloc(COPY_SIZE);
	ssize_t n;
	int ret;

	if (fd < 0)
		return fd;
	if (!chunk)
		return error_set(err, -ENOMEM, "%s: out of memory", source);
	while ((n = read(fd, chunk, COPY_SIZE))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno, "%s: %m", source);
		artifact->size += n;
		if (artifact->size > ARTIFACT_SIZE_MAX)
			return error_set(err, -EFBIG, "%s: over %lld MiB; make the bundle smaller",
					 source, ARTIFACT_SIZE_MAX >> 20);
		ret = fd_write(artifact->fd, chunk, n);
		if (ret)
			return error_set(err, ret, "%s: %s", artifact->path, strerror(-ret));
		EVP_DigestUpdate(hash, chunk, n);
	}
	return 0;
}

static void hash_finish(EVP_MD_CTX *hash, char hex[SHA256_HEX_LEN + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;

	EVP_DigestFinal_ex(hash, digest, &size);
	hex_write(hex, digest, SHA256_HEX_LEN / 2);
}

static struct artifact *artifact_begin(const char *data, EVP_MD_CTX *hash, struct error *err)
{
	__cleanup_artifact struct artifact *artifact = calloc(1, sizeof(*artifact));

	if (!artifact || !hash || !EVP_DigestInit_ex(hash, EVP_sha256(), NULL)) {
		error_set(err, -ENOMEM, "%s: out of memory", data);
		return NULL;
	}
	artifact->fd = -1;
	artifact->lock = -1;
	return incoming_create(artifact, data, err) ? NULL : steal_pointer(&artifact);
}

struct artifact *artifact_receive(const char *data, const char *source, struct error *err)
{
	__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *hash = EVP_MD_CTX_new();
	__cleanup_artifact struct artifact *artifact = artifact_begin(data, hash, err);

	if (!artifact || source_copy(artifact, source, hash, err))
		return NULL;
	hash_finish(hash, artifact->sha256);
	return steal_pointer(&artifact);
}

int artifact_keep(struct artifact *artifact, struct error *err)
{
	char folder[PATH_MAX + 3];
	char path[PATH_MAX + 3 + SHA256_HEX_LEN + 1];
	int ret;

	snprintf(folder, sizeof(folder), "%s/%.2s", artifact->folder, artifact->sha256);
	snprintf(path, sizeof(path), "%s/%s", folder, artifact->sha256);
	ret = folder_make(folder, 0750, err);
	if (!ret)
		ret = folder_sync(artifact->folder, err);
	if (ret)
		return ret;
	store_give(artifact->folder, folder);
	if (fchmod(artifact->fd, 0640) < 0 || fsync(artifact->fd) < 0 ||
	    rename(artifact->path, path) < 0)
		return error_set(err, -errno, "%s: %m", path);
	artifact->path[0] = '\0';
	return folder_sync(folder, err);
}

int artifact_share(struct artifact *artifact, struct store *store, struct error *err)
{
	__cleanup_free char *part = malloc(PART_SIZE);
	int64_t offset = 0;
	ssize_t n;

	if (!part)
		return error_set(err, -ENOMEM, "out of memory");
	while ((n = pread(artifact->fd, part, PART_SIZE, offset)) > 0) {
		int ret = store_run(store_statement(store, err, STATEMENT_ARTIFACT_PART_PUT, "sib",
						    artifact->sha256, offset / PART_SIZE, part,
						    (size_t)n), err);

		if (ret)
			return ret;
		offset += n;
	}
	return n < 0 ? error_set(err, -errno, "%s: %m", artifact->sha256) : 0;
}

/* One part to the end of the copy. */
static int part_fetch(struct artifact *artifact, struct store *store, const char *sha256,
		      int64_t number, EVP_MD_CTX *hash, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_ARTIFACT_PART_GET, "si", sha256, number);
	int ret = statement ? store_step(statement, err) : err->code;
	const void *bytes;
	size_t size;

	if (ret <= 0)
		return ret ? ret : error_set(err, -EIO, "artifact %s: a part is missing in the store",
					     sha256);
	bytes = statement_blob(statement, 0, &size);
	EVP_DigestUpdate(hash, bytes, size);
	ret = fd_write(artifact->fd, bytes, size);
	return ret ? error_set(err, ret, "%s: %s", artifact->path, strerror(-ret)) : 0;
}

static int64_t parts_count(struct store *store, const char *sha256, struct error *err)
{
	__cleanup_statement struct statement *statement =
		store_statement(store, err, STATEMENT_ARTIFACT_PARTS, "s", sha256);
	int ret = statement ? store_step(statement, err) : err->code;

	return ret > 0 ? statement_integer(statement, 0) : ret;
}

int artifact_fetch(struct store *store, const char *sha256, struct error *err)
{
	__cleanup(EVP_MD_CTX_freep) EVP_MD_CTX *hash = EVP_MD_CTX_new();
	__cleanup_artifact struct artifact *artifact = NULL;
	int64_t parts, size;
	int fd = artifact_open(store->data, sha256, &size);

	if (fd >= 0)
		return close(fd);
	parts = parts_count(store, sha256, err);
	if (parts <= 0)
		return parts ? (int)parts : -ENOENT;
	artifact = artifact_begin(store->data, hash, err);
	for (int64_t i = 0; artifact && i < parts; i++)
		if (part_fetch(artifact, store, sha256, i, hash, err))
			return err->code;
	if (!artifact)
		return err->code;
	hash_finish(hash, artifact->sha256);
	return strcmp(artifact->sha256, sha256) ?
	       error_set(err, -EBADMSG, "artifact %s: what the store has is not that; restore the database from a backup",
			 sha256) : artifact_keep(artifact, err);
}

void artifact_free(struct artifact *artifact)
{
	if (artifact->path[0] && artifact->fd >= 0)
		unlink(artifact->path);
	if (artifact->fd >= 0)
		close(artifact->fd);
	if (artifact->lock >= 0)
		close(artifact->lock);
	free(artifact);
}

int artifact_open(const char *data, const char *sha256, int64_t *size)
{
	__cleanup_close int fd = -1;
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/artifacts/%.2s/%s", data, sha256, sha256) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*size = st.st_size;
	return steal_fd(&fd);
}
