/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole files and folders. */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lib/error.h"

/**
 * file_read - read a whole regular file
 * @max: refuse more bytes than this, -EFBIG
 * @size: bytes read, without the zero byte that is put behind them; may be NULL
 *
 * Return: the content, freed with free(), or NULL with @err set.
 */
char *file_read(const char *path, size_t max, size_t *size, struct error *err);

/** fd_read - likewise from offset 0 of an open regular file or memfd; @what names it */
char *fd_read(int fd, const char *what, size_t max, size_t *size, struct error *err);

/** fd_write - write all of @data; 0 or a negative errno */
int fd_write(int fd, const void *data, size_t size);

/**
 * file_write - replace a file durably: temporary file, fsync, rename, fsync of the folder
 *
 * What a power cut leaves in the midst of it is a hidden file beside it, ".NAME." and
 * six characters more, until file_settle() takes it away.
 *
 * Return: 0, or a negative errno with @err set and the old file as it was.
 */
int file_write(const char *path, const void *data, size_t size, mode_t mode,
	       struct error *err);

/** file_same - is it the same file, and not written to between @a and @b? */
bool file_same(const struct stat *a, const struct stat *b);

/** file_settle - remove what writes of @path that were cut short left; only while nobody writes it */
void file_settle(const char *path);

/** folder_make - create a folder and those above it; 0 when it is there */
int folder_make(const char *path, mode_t mode, struct error *err);

/** folder_remove - remove a folder and all below it, never following a link; 0 when it is not there */
int folder_remove(const char *path, struct error *err);

/** folder_sync - make renames in a folder durable */
int folder_sync(const char *path, struct error *err);

#endif /* LIB_FILE_H */
