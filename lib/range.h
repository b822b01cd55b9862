/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The range of operation of an application, as it was learnt: the files, programs,
 * addresses and capabilities that it used while it was verified (dtd/range.dtd,
 * docs/probes.md).
 */
#ifndef LIB_RANGE_H
#define LIB_RANGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/error.h"

/* What is done with a file, in bits; the kernel's records have the same. */
#define RANGE_ACCESS_READ	(1U << 0)
#define RANGE_ACCESS_WRITE	(1U << 1)
#define RANGE_ACCESS_EXECUTE	(1U << 2)

enum range_type {
	RANGE_FILE,
	RANGE_FOLDER,
	RANGE_FAMILY,
	RANGE_ADDRESS,
	RANGE_LOCAL,
	RANGE_CAPABILITY,
};

/**
 * struct range_entry - one thing that is within the range
 * @name: of files, folders (without a slash at its end) and local sockets
 * @access: of files and folders
 * @number: of families and capabilities
 * @family: of addresses, as are the following
 * @bind: bind to it, not connect
 * @port: 0: any
 * @address: IPv4 in the first four bytes; all 0: any
 */
struct range_entry {
	enum range_type type;
	char *name;
	unsigned int access;
	int number;
	int family;
	bool bind;
	uint16_t port;
	uint8_t address[16];
};

/**
 * struct range - the range of an application
 * @incomplete: not all could be noted
 */
struct range {
	char *application;
	char *version;
	bool incomplete;
	struct range_entry *entries;
	size_t count;
	size_t room;
};

/** struct range_places - what {state} and {bundle} stand for; either may be NULL */
struct range_places {
	const char *state;
	const char *bundle;
};

struct range *range_new(const char *application, const char *version);
void range_free(struct range *range);
DEFINE_CLEANUP(struct range *, range_free)
#define __cleanup_range __cleanup(range_freep)

/** range_add - add what is not in it yet; accesses to the same path add up; @entry is copied */
void range_add(struct range *range, const struct range_entry *entry);

/** range_read - read and check a file; NULL with @err set */
struct range *range_read(const char *path, struct error *err);

/** range_print - as a file of its own; names that XML cannot hold are left out, and it says that it is not complete */
void range_print(const struct range *range, FILE *file);

/** range_write - write it as a whole, or not at all; 0 or a negative errno with @err set */
int range_write(const struct range *range, const char *path, struct error *err);

/**
 * range_generalise - from what was seen once to what is to be expected
 *
 * The state folder and the bundle stand for all in them; so does a folder of
 * which RANGE_SIBLINGS files were opened likewise, one in which a file was written
 * whose name is another one each time, and /proc where another process was looked
 * at.
 */
void range_generalise(struct range *range, const struct range_places *places);

#define RANGE_SIBLINGS 8

/** range_path - a path of the range with its places filled in; to be freed; NULL where the place is not known */
char *range_path(const char *path, const struct range_places *places);

/** range_family_name, range_capability_name - name, or number in @buffer (12 bytes) */
const char *range_family_name(int family, char *buffer);
const char *range_capability_name(int capability, char *buffer);

/** range_family_number, range_capability_number - of a name, or of a number as text; -1: it is neither */
int range_family_number(const char *name);
int range_capability_number(const char *name);

/** range_access_name - "read write" and the like, in @buffer (20 bytes) */
const char *range_access_name(unsigned int access, char *buffer);

#endif /* LIB_RANGE_H */
