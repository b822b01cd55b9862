/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the probes outlive a supervisor that dies: its maps and links have names
 * in a folder of the BPF file system, and the next supervisor finds them there.
 * The folder belongs to one supervisor at a time.
 */
#ifndef SUPERVISORD_PINS_H
#define SUPERVISORD_PINS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

#define PINS_ROOT "/sys/fs/bpf"
#define PINS_BASE PINS_ROOT "/faultline"

/**
 * struct pins - a folder that is locked for this process
 * @folder: descriptor; -1: there is none, and all below fails with -EBADF
 */
struct pins {
	int folder;
	char path[64];
};

#define PINS_NONE { .folder = -1 }

/**
 * pins_open - lock the folder of an owner, made if need be
 * @owner: who it is for, such as the path of a state folder; only its hash is used
 *
 * The BPF file system is mounted where it is not. Folders are for root alone;
 * one that belongs to somebody else is refused.
 *
 * Return: 0, -EBUSY where another process holds it, -EPERM, others.
 */
int pins_open(struct pins *pins, const char *owner, struct error *err);

/** pins_get - a descriptor of what has this name, or a negative errno */
int pins_get(const struct pins *pins, const char *name);
int pins_put(const struct pins *pins, const char *name, int fd);

/**
 * pins_each - call @fn with a descriptor, which it is given, of everything whose name begins with @prefix
 * Return: what @fn returned when that was not 0; otherwise 0, or a negative errno.
 */
int pins_each(const struct pins *pins, const char *prefix,
	      int (*fn)(void *user, const char *name, int fd), void *user);

/** pins_clear - take names away that begin with @prefix; what nobody has open is gone then */
void pins_clear(const struct pins *pins, const char *prefix);

/** pins_close - give the folder up; its names stay */
void pins_close(struct pins *pins);

/** pins_hash - FNV-1a, 64 bits */
uint64_t pins_hash(const void *data, size_t size);

#endif /* SUPERVISORD_PINS_H */
