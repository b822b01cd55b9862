/* SPDX-License-Identifier: GPL-2.0-only */
/* The identifiers of a script (attributes of the types ID, IDREF and IDREFS): each is there once, and each reference has one. */
#ifndef LIB_SCRIPT_IDENTIFIER_H
#define LIB_SCRIPT_IDENTIFIER_H

#include <stddef.h>
#include <stdint.h>

/* A place in the document; with a line of 0 the column is the number of bytes before it. */
struct place {
	int line;
	int column;
};

struct identifier;

/**
 * struct identifier_use - a name as it stands in a script
 * @length: of the name, in bytes
 * @declares: it is an ID, not a reference
 * @hash: for this module
 * @user: whatever says more about it
 */
struct identifier_use {
	const char *name;
	uint32_t length : 31;
	uint32_t declares : 1;
	uint32_t hash;
	struct place place;
	const void *user;
};

/* So many are looked up together. */
#define IDENTIFIERS_WAITING 32

/**
 * struct identifiers - of one script; all zeros: none yet
 * @twice: what identifiers_settle() found to be declared already
 *
 * All names that it is given are borrowed until identifiers_end().
 */
struct identifiers {
	struct identifier *known;
	size_t n_known;
	uint32_t *slots;
	size_t n_slots;
	uint64_t seed;
	struct place *awaited;
	size_t n_awaited;
	struct identifier_use waiting[IDENTIFIERS_WAITING];
	unsigned int n_waiting;
	struct identifier_use twice;
};

/**
 * identifier_use - a further name
 *
 * What is wrong with it may be told later, by a call for another name or by identifiers_settle().
 *
 * Return: as identifiers_settle().
 */
int identifier_use(struct identifiers *identifiers, const struct identifier_use *use);

/**
 * identifiers_settle - look up all that identifier_use() was given
 *
 * Return: 0; -EEXIST when an ID was there already: the first such is @twice then, and what came after it is forgotten;
 * -ENOMEM.
 */
int identifiers_settle(struct identifiers *identifiers);

/** identifier_missing - the first that was referred to and not declared, of @length bytes, once all are settled; NULL: there is none */
const char *identifier_missing(const struct identifiers *identifiers, size_t *length,
			       struct place *place);

void identifiers_end(struct identifiers *identifiers);

#endif /* LIB_SCRIPT_IDENTIFIER_H */
