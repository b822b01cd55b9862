/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The folder that a bundle is unpacked into. Every name is walked part by part
 * below it, through real folders alone, so that no name of an archive leads out.
 */
#ifndef SUPERVISORD_UNPACK_TREE_H
#define SUPERVISORD_UNPACK_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

#define TREE_PATH_MAX 1024
#define TREE_DEPTH_MAX 32

/**
 * tree_path_clean - check a name of an archive
 * @name: hostile; "./" in front and "/" behind are as tar writes them
 * @path: TREE_PATH_MAX bytes for the relative path; "" for the folder itself
 *
 * Return: 0, or -EINVAL with @err set: absolute, with "..", empty parts or
 * control characters, or too long or deep.
 */
int tree_path_clean(const char *name, char *path, struct error *err);

/** tree_folder - make a folder and those above it, mode 0755; 0 when it is there */
int tree_folder(int root, const char *path, struct error *err);

/**
 * tree_file - create a file, mode 0755 or 0644, and the folders above it
 *
 * Return: its descriptor, or a negative errno with @err set: -EEXIST when
 * there is something by that name.
 */
int tree_file(int root, const char *path, bool executable, struct error *err);

#endif /* SUPERVISORD_UNPACK_TREE_H */
