/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an operator changes while the gateway runs, as it was when it was good last: copies in the
 * state folder. A supervisor that starts anew and finds such a file bad goes on by the copy, as the
 * one before it did.
 */
#ifndef SUPERVISORD_LAST_GOOD_H
#define SUPERVISORD_LAST_GOOD_H

#include <sys/stat.h>

#include "supervisord/gateway.h"

/** last_good_path - where the copy of @path is, or would be; freed with free() */
char *last_good_path(const struct gateway *gateway, const char *path);

/**
 * last_good_keep - the file at @path is good: make its copy where that is not the same
 * @read: the file as it was when it was read; one that is another by now is not kept
 *
 * What cannot be kept is logged alone.
 */
void last_good_keep(const struct gateway *gateway, const char *path, const struct stat *read);

/** last_good_drop - there is no such file any more, and shall not be again */
void last_good_drop(const struct gateway *gateway, const char *path);

#endif /* SUPERVISORD_LAST_GOOD_H */
