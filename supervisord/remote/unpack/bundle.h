/* SPDX-License-Identifier: GPL-2.0-only */
/* A bundle (docs/formats.md, "Bundle"): a tar archive, compressed with Zstandard. */
#ifndef SUPERVISORD_UNPACK_BUNDLE_H
#define SUPERVISORD_UNPACK_BUNDLE_H

#include "lib/error.h"
#include "supervisord/remote/unpack/digest.h"

#define BUNDLE_ENTRIES_MAX 10000
#define BUNDLE_BYTES_MAX (512ULL << 20)

/*
 * Unpacked bytes for each byte read, and what is free beyond that: programs
 * and texts shrink to a third or a tenth, a bomb to a ten-thousandth.
 */
#define BUNDLE_RATIO_MAX 200
#define BUNDLE_RATIO_FREE (4ULL << 20)

/**
 * bundle_unpack - write what a bundle holds below a folder
 * @root: the folder, open
 *
 * Regular files and folders alone, owned by whom this process runs as.
 *
 * Return: 0; -EILSEQ when it is not an archive or damaged, which digest_check()
 * can say better; -EINVAL, -EFBIG, -EEXIST or what writing gave, with @err
 * set. What was written stays.
 */
int bundle_unpack(struct digest *digest, int root, struct error *err);

#endif /* SUPERVISORD_UNPACK_BUNDLE_H */
