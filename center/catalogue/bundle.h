/* SPDX-License-Identifier: GPL-2.0-only */
/* A bundle: application.xml and the payload in a .tar.zst (docs/formats.md). */
#ifndef CENTER_CATALOGUE_BUNDLE_H
#define CENTER_CATALOGUE_BUNDLE_H

#include "lib/application.h"
#include "lib/error.h"

#define BUNDLE_ENTRIES_MAX 65536
#define BUNDLE_UNPACKED_MAX (2LL << 30)

/**
 * bundle_check - verify a bundle wholly
 * @fd: the bundle; its offset is moved
 * @name: names it in errors
 *
 * It is one zstd stream up to its last byte, in it one tar archive up to its
 * end mark; application.xml comes first and is valid; every path stays below
 * the bundle's root and is there once; only files and folders; the program is
 * among them, and may be executed when the runtime is "native". Nothing is unpacked.
 *
 * Return: its application data (322), or NULL with @err set.
 */
struct application *bundle_check(int fd, const char *name, struct error *err);

#endif /* CENTER_CATALOGUE_BUNDLE_H */
