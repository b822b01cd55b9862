// SPDX-License-Identifier: GPL-2.0-only
#include "lib/range.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/alloc.h"

#define STATE "{state}"
#define BUNDLE "{bundle}"

struct range *range_new(const char *application, const char *version)
{
	struct range *range = alloc_zero(1, sizeof(*range));

	range->application = alloc_format("%s", application);
	range->version = alloc_format("%s", version);
	return range;
}

void range_free(struct range *range)
{
	if (!range)
		return;
	for (size_t i = 0; i < range->count; i++)
		free(range->entries[i].name);
	free(range->entries);
	free(range->application);
	free(range->version);
	free(range);
}

static bool entry_same(const struct range_entry *a, const struct range_entry *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case RANGE_FILE:
	case RANGE_FOLDER:
	case RANGE_LOCAL:
		return !strcmp(a->name, b->name);
	case RANGE_FAMILY:
	case RANGE_CAPABILITY:
		return a->number == b->number;
	case RANGE_ADDRESS:
		return a->family == b->family && a->bind == b->bind && a->port == b->port &&
		       !memcmp(a->address, b->address, sizeof(a->address));
	}
	return false;
}

void range_add(struct range *range, const struct range_entry *entry)
{
	struct range_entry *to;

	for (size_t i = 0; i < range->count; i++)
		if (entry_same(&range->entries[i], entry)) {
			range->entries[i].access |= entry->access;
			return;
		}
	if (range->count == range->room) {
		range->room = range->room ? 2 * range->room : 64;
		range->entries = reallocarray(range->entries, range->room, sizeof(*range->entries));
		if (!range->entries)
			abort();
	}
	to = &range->entries[range->count++];
	*to = *entry;
	to->name = entry->name ? alloc_format("%s", entry->name) : NULL;
}

/* ---- from what was seen to what is to be expected ---- */

static bool is_path(const struct range_entry *entry)
{
	return entry->type == RANGE_FILE || entry->type == RANGE_FOLDER;
}

/* Is @path the folder, or below it? */
static bool below(const char *path, const char *folder)
{
	size_t length = folder ? strlen(folder) : 0;

	return length && !strncmp(path, folder, length) && (!path[length] || path[length] == '/');
}

static bool proc_of_process(const char *path)
{
	return !strncmp(path, "/proc/", 6) && isdigit((unsigned char)path[6]);
}

/* Is it a name that a program makes up anew each time: with its process id, or random (mkstemp(3))? */
static bool name_made_up(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	size_t digits = 0, length = strlen(name);
	bool upper = false, lower = false, digit = false;

	for (const char *c = name; *c; c++) {
		digits = isdigit((unsigned char)*c) ? digits + 1 : 0;
		if (digits == 4)
			return true;
	}
	if (length < 6)
		return false;
	for (const char *c = name + length - 6; *c; c++) {
		if (!isalnum((unsigned char)*c))
			return false;
		upper |= isupper((unsigned char)*c);
		lower |= islower((unsigned char)*c);
		digit |= isdigit((unsigned char)*c);
	}
	return upper + lower + digit >= 2;
}

static size_t siblings(const struct range *range, const struct range_entry *entry, size_t folder)
{
	size_t n = 0;

	for (size_t i = 0; i < range->count; i++) {
		const struct range_entry *other = &range->entries[i];
		const char *slash = other->type == RANGE_FILE ? strrchr(other->name, '/') : NULL;

		n += slash && slash - other->name == (ptrdiff_t)folder && other->access == entry->access &&
		     !strncmp(other->name, entry->name, folder);
	}
	return n;
}

/* The folder that stands for a file; to be freed; NULL: the file stands for itself. */
static char *folder_for(const struct range *range, const struct range_entry *entry,
			const struct range_places *places)
{
	const char *slash = strrchr(entry->name, '/');
	size_t folder = slash ? slash - entry->name : 0;

	if (below(entry->name, places->state))
		return alloc_format(STATE);
	if (below(entry->name, places->bundle))
		return alloc_format(BUNDLE);
	if (!strcmp(entry->name, "/proc/self"))
		return NULL;
	if (proc_of_process(entry->name))
		return alloc_format("/proc");
	/* Never the root folder as a whole. */
	if (!folder || entry->type != RANGE_FILE)
		return NULL;
	if (siblings(range, entry, folder) >= RANGE_SIBLINGS ||
	    (entry->access & RANGE_ACCESS_WRITE && name_made_up(entry->name)))
		return alloc_format("%.*s", (int)folder, entry->name);
	return NULL;
}

/* Does a folder of the range say the same already? */
static bool covered(const struct range *range, const struct range_entry *entry)
{
	for (size_t i = 0; i < range->count; i++) {
		const struct range_entry *other = &range->entries[i];

		if (other->type == RANGE_FOLDER && other != entry && below(entry->name, other->name) &&
		    !(entry->access & ~other->access) &&
		    (entry->type == RANGE_FILE || strcmp(entry->name, other->name)))
			return true;
	}
	return false;
}

static int entry_compare(const void *left, const void *right)
{
	const struct range_entry *a = left, *b = right;

	if (is_path(a) && is_path(b))
		return strcmp(a->name, b->name);
	if (a->type != b->type)
		return (int)a->type - (int)b->type;
	return a->name && b->name ? strcmp(a->name, b->name) : a->number - b->number;
}

void range_generalise(struct range *range, const struct range_places *places)
{
	struct range *seen = range_new("", "");
	size_t kept = 0;

	/* What is its own it may use, whether it has done so yet or not. */
	if (places->state)
		range_add(seen, &(struct range_entry){ .type = RANGE_FOLDER, .name = STATE,
				.access = RANGE_ACCESS_READ | RANGE_ACCESS_WRITE });
	if (places->bundle)
		range_add(seen, &(struct range_entry){ .type = RANGE_FOLDER, .name = BUNDLE,
				.access = RANGE_ACCESS_READ });
	for (size_t i = 0; i < range->count; i++) {
		struct range_entry entry = range->entries[i];
		char *folder = is_path(&entry) ? folder_for(range, &entry, places) : NULL;

		if (folder)
			range_add(seen, &(struct range_entry){ .type = RANGE_FOLDER, .name = folder,
							       .access = entry.access });
		else
			range_add(seen, &entry);
		free(folder);
	}
	for (size_t i = 0; i < range->count; i++)
		free(range->entries[i].name);
	free(range->entries);
	range->entries = seen->entries;
	range->count = seen->count;
	range->room = seen->room;
	seen->entries = NULL;
	seen->count = 0;
	range_free(seen);
	for (size_t i = 0; i < range->count; i++) {
		struct range_entry *entry = &range->entries[i];

		if (is_path(entry) && covered(range, entry))
			entry->access = 0;
	}
	for (size_t i = 0; i < range->count; i++) {
		if (is_path(&range->entries[i]) && !range->entries[i].access)
			free(range->entries[i].name);
		else
			range->entries[kept++] = range->entries[i];
	}
	range->count = kept;
	if (range->count)
		qsort(range->entries, range->count, sizeof(*range->entries), entry_compare);
}

char *range_path(const char *path, const struct range_places *places)
{
	if (!strncmp(path, STATE, strlen(STATE)))
		return places->state ? alloc_format("%s%s", places->state, path + strlen(STATE)) : NULL;
	if (!strncmp(path, BUNDLE, strlen(BUNDLE)))
		return places->bundle ? alloc_format("%s%s", places->bundle, path + strlen(BUNDLE)) : NULL;
	return alloc_format("%s", path);
}
