// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table of our own: 60,000 identifiers in jansson's objects, or libxml2's tables, whose
 * lists grow long, cost twice to three times as much as all else that is done with a
 * script. Open addressing, linear probing, four bytes a slot: a name is not kept, but read in
 * the document, where it stands.
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

/* At first there is a slot for so many bytes of the document, from SLOTS_FIRST to SLOTS_MANY. */
#define SLOT_BYTES 32
#define SLOTS_FIRST 64
#define SLOTS_MANY (128 << 10)

/*
 * A slot has the place of an identifier, which is that of the first tag that has it or refers to it, whether
 * a tag has it, and a part of its hash that tells most others apart without a look at them.
 * At 0 there is no name: that is a free slot.
 */
#define AT_BITS 24
#define AT_MASK ((1U << AT_BITS) - 1)
#define DECLARED (1U << AT_BITS)
#define TAG_MASK (~0U << (AT_BITS + 1))
_Static_assert(SCRIPT_SIZE_MAX <= AT_MASK + 1, "a place fits");

/* struct respelling - a value that the document, from @at on, writes otherwise */
struct respelling {
	uint32_t at;
	uint32_t length;
	const char *value;
};

static uint64_t rotated(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotated(v[1], 13) ^ v[0];
	v[3] = rotated(v[3], 16) ^ v[2];
	v[0] = rotated(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotated(v[3], 21) ^ v[0];
	v[1] = rotated(v[1], 17) ^ v[2];
	v[2] = rotated(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein), by the bytes as this machine reads them: who does not know the key cannot make names collide. */
static uint32_t name_hash(const struct identifiers *identifiers, const char *name, size_t length)
{
	const uint64_t *key = identifiers->key;
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			  key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
	const char *end = name + (length & ~(size_t)7);
	uint64_t word;

	for (; name < end; name += 8) {
		memcpy(&word, name, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)length << 56;
	for (size_t i = 0; i < (length & 7); i++)
		word |= (uint64_t)(unsigned char)name[i] << 8 * i;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static bool name_ends(char c)
{
	return (unsigned char)c <= ' ' || c == '"' || c == '\'';
}

static size_t name_length(const char *name)
{
	size_t n = 0;

	while (!name_ends(name[n]))
		n++;
	return n;
}

static const struct respelling *respelling_find(const struct identifiers *identifiers, uint32_t at)
{
	const struct respelling *found = identifiers->respellings;
	size_t n = identifiers->n_respellings;

	/* The last that does not begin behind it. */
	while (n > 1) {
		if (found[n / 2].at <= at) {
			found += n / 2;
			n -= n / 2;
		} else {
			n /= 2;
		}
	}
	return n && at - found->at < found->length ? found : NULL;
}

static const char *name_at(const struct identifiers *identifiers, uint32_t at)
{
	const struct respelling *respelling = respelling_find(identifiers, at);

	return respelling ? respelling->value + (at - respelling->at) : identifiers->text + at;
}

/* What ends the one name is in no other: so nobody reads beyond it. */
static bool slot_has(const struct identifiers *identifiers, uint32_t slot,
		     const struct identifier_use *use)
{
	const char *name;
	size_t i = 0;

	if ((slot ^ use->hash) & TAG_MASK)
		return false;
	name = name_at(identifiers, slot & AT_MASK);
	while (i < use->length && name[i] == use->name[i])
		i++;
	return i == use->length && name_ends(name[i]);
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

/* A slot that moves to its place in the table, which has become larger. */
static void slot_move(const struct identifiers *identifiers, uint32_t *slot)
{
	const char *name = name_at(identifiers, *slot & AT_MASK);
	size_t i = name_hash(identifiers, name, name_length(name));
	uint32_t moved = *slot;

	*slot = 0;
	while (identifiers->slots[i &= identifiers->n_slots - 1])
		i++;
	identifiers->slots[i] = moved;
}

/* As many as the document may have use for. */
static int slots_begin(struct identifiers *identifiers)
{
	size_t n = SLOTS_FIRST;

	while (n < SLOTS_MANY && n < identifiers->size / SLOT_BYTES)
		n *= 2;
	identifiers->slots = calloc(n, sizeof(*identifiers->slots));
	if (!identifiers->slots)
		return -ENOMEM;
	identifiers->n_slots = n;
	if (getrandom(identifiers->key, sizeof(identifiers->key), GRND_NONBLOCK) < 0)
		identifiers->key[0] = (uintptr_t)identifiers->slots;
	return 0;
}

/*
 * Twice as many, in the memory of those that are there. One is moved after the other from behind a
 * free one on: each finds a place in the new half, or the one that it had, or one
 * before it that has been moved already.
 */
static int slots_grow(struct identifiers *identifiers)
{
	size_t old = identifiers->n_slots, begin = 0;
	uint32_t *slots = reallocarray(identifiers->slots, 2 * old, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	memset(slots + old, 0, old * sizeof(*slots));
	identifiers->slots = slots;
	identifiers->n_slots = 2 * old;
	while (slots[begin])
		begin++;
	for (size_t i = begin + 1; i < begin + old; i++)
		if (slots[i & (old - 1)])
			slot_move(identifiers, &slots[i & (old - 1)]);
	return 0;
}

/* Where they are many, it costs less to look farther for a name than to have more of them. */
static bool slots_full(const struct identifiers *identifiers)
{
	size_t n = identifiers->n_slots;

	return identifiers->n_known >= (n < SLOTS_MANY ? n / 2 : n / 8 * 7);
}

static int use_settle(struct identifiers *identifiers, const struct identifier_use *use)
{
	uint32_t declares = use->declares ? DECLARED : 0;
	uint32_t *slot;

	if (slots_full(identifiers) && slots_grow(identifiers))
		return -ENOMEM;
	slot = slot_find(identifiers, use);
	if (*slot & declares)
		return -EEXIST;
	if (!*slot) {
		*slot = (use->hash & TAG_MASK) | use->at;
		identifiers->n_known++;
		identifiers->n_missing++;
	}
	if (declares)
		identifiers->n_missing--;
	*slot |= declares;
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

	if (!identifiers->n_slots && slots_begin(identifiers))
		return -ENOMEM;
	*waiting = *use;
	waiting->hash = name_hash(identifiers, use->name, use->length);
	__builtin_prefetch(&identifiers->slots[waiting->hash & (identifiers->n_slots - 1)], 1);
	return ++identifiers->n_waiting == IDENTIFIERS_WAITING ? identifiers_settle(identifiers) : 0;
}

int identifiers_respell(struct identifiers *identifiers, uint32_t at, const char *value, uint32_t length)
{
	size_t n = identifiers->n_respellings;

	/* Doubled whenever it is full: at powers of two. */
	if (!(n & (n - 1))) {
		struct respelling *grown =
			reallocarray(identifiers->respellings, n ? 2 * n : 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		identifiers->respellings = grown;
	}
	identifiers->respellings[identifiers->n_respellings++] =
		(struct respelling){ .at = at, .length = length, .value = value };
	return 0;
}

const char *identifier_missing(const struct identifiers *identifiers, size_t *length, uint32_t *at)
{
	const struct respelling *respelling;
	uint32_t first = AT_MASK;
	const char *name;

	if (!identifiers->n_missing)
		return NULL;
	for (size_t i = 0; i < identifiers->n_slots; i++) {
		uint32_t slot = identifiers->slots[i];

		if (slot && !(slot & DECLARED) && (slot & AT_MASK) < first)
			first = slot & AT_MASK;
	}
	name = name_at(identifiers, first);
	*length = name_length(name);
	respelling = respelling_find(identifiers, first);
	*at = respelling ? respelling->at : first;
	return name;
}

void identifiers_end(struct identifiers *identifiers)
{
	free(identifiers->slots);
	free(identifiers->respellings);
	memset(identifiers, 0, sizeof(*identifiers));
}
