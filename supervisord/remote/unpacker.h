/* SPDX-License-Identifier: GPL-2.0-only */
/* A running faultline-unpack: a process of its own for hostile bytes. */
#ifndef SUPERVISORD_UNPACKER_H
#define SUPERVISORD_UNPACKER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

struct unpacker;

/**
 * typedef unpacker_done_fn - it has ended
 * @error: NULL when all is verified and in place
 * @cut_short: its input ended too early; why is known to who filled the sink
 */
typedef void (*unpacker_done_fn)(void *user, const char *error, bool cut_short);

/**
 * unpacker_start - unpack a bundle
 * @into: an empty folder
 * @sha256: of the bundle, in hexadecimal digits
 * @size: of the bundle in bytes
 * @sink: set to the pipe that takes the bundle; the caller's
 *
 * Return: valid until @done was called; NULL with @err set.
 */
struct unpacker *unpacker_start(struct ev_loop *loop, const char *into,
				const char *sha256, uint64_t size, int *sink,
				unpacker_done_fn done, void *user, struct error *err);

/** unpacker_drop - end it now, without its done function */
void unpacker_drop(struct unpacker *unpacker);

#endif /* SUPERVISORD_UNPACKER_H */
