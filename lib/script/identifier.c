// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table of our own: 60,000 identifiers in jansson's objects, or libxml2's tables, whose
 * lists grow long, cost twice to three times as much as all else that is done with a
 * script. Open addressing, linear probing, at most half full.
 *
 * A table of 100,000 does not stay in a processor's nearest caches beside the script itself. So the
 * slot of a name is fetched when the name is read, and looked at some names later.
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

static bool slot_has(const struct identifiers *identifiers, uint32_t slot,
		     const struct identifier_use *use)
{
	const struct identifier *found;

	if ((slot ^ use->hash) & ~NUMBER_MASK)
		return false;
	found = &identifiers->known[(slot & NUMBER_MASK) - 1];
	return found->hash == use->hash && found->length == use->length &&
	       !memcmp(found->name, use->name, use->length);
}

/* Where it is, or would be. */
static uint32_t *slot_find(const struct identifiers *identifiers, const struct identifier_use *use)
{
	size_t mask = identifiers->n_slots - 1;
	size_t i = use->hash & mask;

	while (identifiers->slots[i] && !slot_has(identifiers, identifiers->slots[i], use))
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
static struct identifier *identifier_take(struct identifiers *identifiers,
					  const struct identifier_use *use)
{
	uint32_t *slot;

	if (2 * identifiers->n_known >= identifiers->n_slots && slots_grow(identifiers))
		return NULL;
	slot = slot_find(identifiers, use);
	if (*slot)
		return &identifiers->known[(*slot & NUMBER_MASK) - 1];
	*slot = (use->hash & ~NUMBER_MASK) | (identifiers->n_known + 1);
	identifiers->known[identifiers->n_known] = (struct identifier){
		.name = use->name, .hash = use->hash, .length = use->length };
	return &identifiers->known[identifiers->n_known++];
}

/* The places of those that are awaited are in the order of their numbers. */
static int place_keep(struct identifiers *identifiers, struct place place)
{
	size_t n = identifiers->n_awaited;

	/* Doubled whenever it is full: at powers of two. */
	if (!(n & (n - 1))) {
		struct place *grown = reallocarray(identifiers->awaited, n ? 2 * n : 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		identifiers->awaited = grown;
	}
	identifiers->awaited[identifiers->n_awaited++] = place;
	return 0;
}

static int use_settle(struct identifiers *identifiers, const struct identifier_use *use)
{
	struct identifier *known = identifier_take(identifiers, use);

	if (!known)
		return -ENOMEM;
	if (use->declares) {
		if (known->declared)
			return -EEXIST;
		known->declared = 1;
	} else if (!known->declared && !known->awaited) {
		known->awaited = 1;
		return place_keep(identifiers, use->place);
	}
	return 0;
}

int identifiers_settle(struct identifiers *identifiers)
{
	unsigned int n = identifiers->n_waiting;
	int ret = 0;

	identifiers->n_waiting = 0;
	for (unsigned int i = 0; i < n && !ret; i++) {
		ret = use_settle(identifiers, &identifiers->waiting[i]);
		if (ret == -EEXIST)
			identifiers->twice = identifiers->waiting[i];
	}
	return ret;
}

int identifier_use(struct identifiers *identifiers, const struct identifier_use *use)
{
	struct identifier_use *waiting = &identifiers->waiting[identifiers->n_waiting];

	if (!identifiers->n_slots && slots_grow(identifiers))
		return -ENOMEM;
	*waiting = *use;
	waiting->hash = name_hash(identifiers, use->name, use->length);
	__builtin_prefetch(&identifiers->slots[waiting->hash & (identifiers->n_slots - 1)], 1);
	return ++identifiers->n_waiting == IDENTIFIERS_WAITING ? identifiers_settle(identifiers) : 0;
}

const char *identifier_missing(const struct identifiers *identifiers, size_t *length,
			       struct place *place)
{
	const struct place *awaited = identifiers->awaited;

	for (size_t i = 0; i < identifiers->n_known; i++) {
		const struct identifier *known = &identifiers->known[i];

		if (known->awaited && !known->declared) {
			*length = known->length;
			*place = *awaited;
			return known->name;
		}
		awaited += known->awaited;
	}
	return NULL;
}

void identifiers_end(struct identifiers *identifiers)
{
	free(identifiers->slots);
	free(identifiers->known);
	free(identifiers->awaited);
	memset(identifiers, 0, sizeof(*identifiers));
}
