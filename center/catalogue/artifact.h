/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bundles as files that are named by their content: artifacts/ab/ab12… in the
 * data folder. A file that has its name is whole and never changes. Where several
 * centers share the store, the bundles are in it too, in parts, and each center's
 * folder has those that it has been asked for.
 */
#ifndef CENTER_CATALOGUE_ARTIFACT_H
#define CENTER_CATALOGUE_ARTIFACT_H

#include <limits.h>
#include <stdint.h>

#include "center/digest.h"
#include "center/store/store.h"
#include "lib/cleanup.h"
#include "lib/error.h"

#define ARTIFACT_SIZE_MAX (512LL << 20)

/**
 * struct artifact - a file on its way in
 * @fd: the copy, open for reading and writing
 * @lock: held while it comes in: one at a time
 * @size: bytes
 * @sha256: lower-case hexadecimal
 */
struct artifact {
	int fd;
	int lock;
	int64_t size;
	char folder[PATH_MAX];
	char path[PATH_MAX];
	char sha256[SHA256_HEX_LEN + 1];
};

/**
 * artifact_receive - copy a file next to the artifacts and hash what was copied
 * @data: data folder
 * @source: any readable regular file
 *
 * What is checked, kept and later served is this copy, whatever happens to the source.
 *
 * Return: freed with artifact_free(), which removes the copy if it was not kept;
 * NULL with @err set.
 */
struct artifact *artifact_receive(const char *data, const char *source,
				  struct error *err);

/** artifact_keep - give the copy its name, durably; 0, also when it was there before */
int artifact_keep(struct artifact *artifact, struct error *err);

/** artifact_share - put it into the store as well, within a transaction */
int artifact_share(struct artifact *artifact, struct store *store, struct error *err);

/**
 * artifact_fetch - bring one from the store into the data folder
 * @sha256: checked by the caller with sha256_valid(), and here against the content
 *
 * Return: 0, also when it was there; -ENOENT: it is not in the store; or a negative
 * errno with @err set.
 */
int artifact_fetch(struct store *store, const char *sha256, struct error *err);

void artifact_free(struct artifact *artifact);
DEFINE_CLEANUP(struct artifact *, artifact_free)
#define __cleanup_artifact __cleanup(artifact_freep)

/**
 * artifact_open - open a kept one for reading
 * @sha256: checked by the caller with sha256_valid()
 *
 * Return: a descriptor, or a negative errno.
 */
int artifact_open(const char *data, const char *sha256, int64_t *size);

#endif /* CENTER_CATALOGUE_ARTIFACT_H */
