// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table of our own: 60,000 identifiers in jansson's objects, or libxml2's tables, whose
 * lists grow long, cost twice to three times as much as all else that is done with a
 * script. Open addressing, linear probing, at most half full.
 */
#include "lib/script/identifier.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/script/interpretation.h"

#define SLOTS_FIRST 64

/* struct identifier - @name: the script's, of @length bytes */
struct identifier {
	const char *name;
	uint32_t hash;
	uint32_t length : 30;
	uint32_t awaited : 1;
	uint32_t declared : 1;
};

/*
 * A slot has the number of an identifier, from 1 on, and above it a part of its hash that tells
 * most others apart without a look at them: 0 is a free one. So the slots of 60,000
 * fit into a processor's cache; a script is too short for 2^24.
 */
#define NUMBER_BITS 24
#define NUMBER_MASK ((1U << NUMBER_BITS) - 1)
_Static_assert(SCRIPT_SIZE_MAX <= NUMBER_MASK + 1, "identifiers are numbered");

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

static bool slot_has(const struct identifiers *identifiers, uint32_t slot, const char *name,
		     size_t length, uint32_t hash)
{
	const struct identifier *found;

	if ((slot ^ hash) & ~NUMBER_MASK)
		return false;
	found = &identifiers->known[(slot & NUMBER_MASK) - 1];
	return found->hash == hash && found->length == length && !memcmp(found->name, name, length);
}

/* Where it is, or would be. */
static uint32_t *slot_find(const struct identifiers *identifiers, const char *name, size_t length,
			   uint32_t hash)
{
	size_t mask = identifiers->n_slots - 1;
	size_t i = hash & mask;

	while (identifiers->slots[i] &&
	       !slot_has(identifiers, identifiers->slots[i], name, length, hash))
		i = (i + 1) & mask;
	return &identifiers->slots[i];
}

static void slot_fill(uint32_t *slots, size_t n_slots, uint32_t hash, uint32_t number)
{
	size_t i = hash & (n_slots - 1);

	while (slots[i])
		i = (i + 1) & (n_slots - 1);
	slots[i] = (hash & ~NUMBER_MASK) | number;
}

static int slots_grow(struct identifiers *identifiers)
{
	size_t n = identifiers->n_slots ? 2 * identifiers->n_slots : SLOTS_FIRST;
	uint32_t *slots = calloc(n, sizeof(*slots));
	struct identifier *known = reallocarray(identifiers->known, n / 2, sizeof(*known));

	if (known)
		identifiers->known = known;
	if (!slots || !known) {
		free(slots);
		return -ENOMEM;
	}
	if (!identifiers->n_slots && getrandom(&identifiers->seed, sizeof(identifiers->seed),
					       GRND_NONBLOCK) < 0)
		identifiers->seed = (uintptr_t)slots;
	for (size_t i = 0; i < identifiers->n_known; i++)
		slot_fill(slots, n, known[i].hash, i + 1);
	free(identifiers->slots);
	identifiers->slots = slots;
	identifiers->n_slots = n;
	return 0;
}

/* What is known of a name, which is put in where it is not yet; NULL: no memory. */
static struct identifier *identifier_take(struct identifiers *identifiers, const char *name,
					  size_t length)
{
	uint32_t hash, *slot;

	if (2 * identifiers->n_known >= identifiers->n_slots && slots_grow(identifiers))
		return NULL;
	hash = name_hash(identifiers, name, length);
	slot = slot_find(identifiers, name, length, hash);
	if (*slot)
		return &identifiers->known[(*slot & NUMBER_MASK) - 1];
	*slot = (hash & ~NUMBER_MASK) | (identifiers->n_known + 1);
	identifiers->known[identifiers->n_known] =
		(struct identifier){ .name = name, .hash = hash, .length = length };
	return &identifiers->known[identifiers->n_known++];
}

int identifier_declare(struct identifiers *identifiers, const char *name)
{
	struct identifier *known = identifier_take(identifiers, name, strlen(name));

	if (!known)
		return -ENOMEM;
	if (known->declared)
		return -EEXIST;
	if (known->awaited)
		identifiers->n_awaited--;
	known->declared = 1;
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
	struct identifier *known = identifier_take(identifiers, name, length);

	if (!known)
		return -ENOMEM;
	if (known->declared || known->awaited)
		return 0;
	known->awaited = 1;
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
		uint32_t slot = *slot_find(identifiers, reference->name, reference->length, hash);

		if (identifiers->known[(slot & NUMBER_MASK) - 1].declared)
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
	free(identifiers->known);
	free(identifiers->references);
	memset(identifiers, 0, sizeof(*identifiers));
}
