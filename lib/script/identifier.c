// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table of our own: 60,000 identifiers in jansson's objects, or libxml2's tables, whose
 * lists grow long, cost twice to three times as much as all else that is done with a
 * script. Open addressing, linear probing, at most half full.
 */
#include "lib/script/identifier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_FIRST 64

/* struct identifier - @name: the script's, of @length bytes; NULL: the slot is free */
struct identifier {
	const char *name;
	uint32_t hash;
	uint32_t length : 30;
	uint32_t awaited : 1;
	uint32_t declared : 1;
};

/* struct reference - to a name that was not declared then */
struct reference {
	const char *name;
	uint32_t length;
	struct place place;
};

/*
 * FNV-1a (Fowler, Noll, Vo) from a start that nobody can know, and a step of MurmurHash3's end
 * (Appleby), without which names that are numbered lie side by side.
 */
static uint32_t name_hash(const struct identifiers *identifiers, const char *name, size_t length)
{
	uint64_t hash = identifiers->seed;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3;
	return (hash ^ hash >> 33) * 0xff51afd7ed558ccd >> 32;
}

/* Where it is, or would be. */
static struct identifier *slot_find(const struct identifiers *identifiers, const char *name,
				    size_t length, uint32_t hash)
{
	size_t mask = identifiers->n_slots - 1;
	size_t i = hash & mask;

	while (identifiers->slots[i].name &&
	       (identifiers->slots[i].hash != hash || identifiers->slots[i].length != length ||
		memcmp(identifiers->slots[i].name, name, length)))
		i = (i + 1) & mask;
	return &identifiers->slots[i];
}

static int slots_grow(struct identifiers *identifiers)
{
	size_t n = identifiers->n_slots ? 2 * identifiers->n_slots : SLOTS_FIRST;
	struct identifiers grown = *identifiers;

	if (!identifiers->n_slots &&
	    getrandom(&grown.seed, sizeof(grown.seed), GRND_NONBLOCK) < 0)
		grown.seed = (uintptr_t)&grown;
	grown.slots = calloc(n, sizeof(*grown.slots));
	grown.n_slots = n;
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < identifiers->n_slots; i++) {
		const struct identifier *old = &identifiers->slots[i];

		if (old->name)
			*slot_find(&grown, old->name, old->length, old->hash) = *old;
	}
	free(identifiers->slots);
	*identifiers = grown;
	return 0;
}

/* The slot of a name, which is put in where it is not yet; NULL: no memory. */
static struct identifier *slot_take(struct identifiers *identifiers, const char *name, size_t length)
{
	struct identifier *slot;
	uint32_t hash;

	if (2 * identifiers->n_known >= identifiers->n_slots && slots_grow(identifiers))
		return NULL;
	hash = name_hash(identifiers, name, length);
	slot = slot_find(identifiers, name, length, hash);
	if (!slot->name) {
		*slot = (struct identifier){ .name = name, .hash = hash, .length = length };
		identifiers->n_known++;
	}
	return slot;
}

int identifier_declare(struct identifiers *identifiers, const char *name)
{
	struct identifier *slot = slot_take(identifiers, name, strlen(name));

	if (!slot)
		return -ENOMEM;
	if (slot->declared)
		return -EEXIST;
	if (slot->awaited)
		identifiers->n_awaited--;
	slot->declared = 1;
	return 0;
}

static int reference_keep(struct identifiers *identifiers, const struct reference *reference)
{
	size_t n = identifiers->n_references;

	/* Doubled whenever it is full: at powers of two. */
	if (!(n & (n - 1))) {
		struct reference *grown = reallocarray(identifiers->references, n ? 2 * n : 1,
						       sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		identifiers->references = grown;
	}
	identifiers->references[identifiers->n_references++] = *reference;
	return 0;
}

int identifier_refer(struct identifiers *identifiers, const char *name, size_t length)
{
	struct identifier *slot = slot_take(identifiers, name, length);

	if (!slot)
		return -ENOMEM;
	if (slot->declared || slot->awaited)
		return 0;
	slot->awaited = 1;
	identifiers->n_awaited++;
	return 1;
}

int identifier_await(struct identifiers *identifiers, const char *name, size_t length,
		     struct place place)
{
	return reference_keep(identifiers, &(struct reference){
		.name = name, .length = length, .place = place });
}

const char *identifier_missing(const struct identifiers *identifiers, size_t *length,
			       struct place *place)
{
	for (size_t i = 0; identifiers->n_awaited && i < identifiers->n_references; i++) {
		const struct reference *reference = &identifiers->references[i];
		uint32_t hash = name_hash(identifiers, reference->name, reference->length);

		if (slot_find(identifiers, reference->name, reference->length, hash)->declared)
			continue;
		*length = reference->length;
		*place = reference->place;
		return reference->name;
	}
	return NULL;
}

void identifiers_end(struct identifiers *identifiers)
{
	free(identifiers->slots);
	free(identifiers->references);
	memset(identifiers, 0, sizeof(*identifiers));
}
