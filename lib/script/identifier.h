/* SPDX-License-Identifier: GPL-2.0-only */
/* The identifiers of a script (attributes of the types ID, IDREF and IDREFS): each is there once, and each reference has one. */
#ifndef LIB_SCRIPT_IDENTIFIER_H
#define LIB_SCRIPT_IDENTIFIER_H

#include <stddef.h>
#include <stdint.h>

struct respelling;

/**
 * struct identifier_use - a name as it stands in a script
 * @name: ended by a blank, a quotation mark or a zero
 * @length: of it, in bytes
 * @declares: it is an ID, not a reference
 * @at: bytes of the document before it, which tells it from all others
 * @hash: for this module
 * @user: whatever says more about it
 */
struct identifier_use {
	const char *name;
	uint32_t length : 31;
	uint32_t declares : 1;
	uint32_t at;
	uint32_t hash;
	const void *user;
};

/* So many are looked up together. */
#define IDENTIFIERS_WAITING 32

/**
 * struct identifiers - of one script; all zeros but for @text and @size: none yet
 * @text: the document, of @size bytes, borrowed until identifiers_end()
 * @key: nobody can know it
 * @twice: what identifiers_settle() found to be declared already
 */
struct identifiers {
	const char *text;
	size_t size;
	uint32_t *slots;
	size_t n_slots;
	size_t n_known;
	size_t n_missing;
	uint64_t key[2];
	struct respelling *respellings;
	size_t n_respellings;
	struct identifier_use waiting[IDENTIFIERS_WAITING];
	unsigned int n_waiting;
	struct identifier_use twice;
};

/**
 * identifiers_respell - the document writes a value other than it is, with character references in it
 * @at: where it begins there, behind all that this was said of before
 * @value: what it is, borrowed until identifiers_end(); a name that begins at @value + n is @at + n to identifier_use()
 *
 * Return: 0; -ENOMEM.
 */
int identifiers_respell(struct identifiers *identifiers, uint32_t at, const char *value, uint32_t length);

/**
 * identifier_use - a further name
 *
 * It is borrowed until it is looked up, and read in the document then. What is wrong with it may be told later,
 * by a call for another name or by identifiers_settle().
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
const char *identifier_missing(const struct identifiers *identifiers, size_t *length, uint32_t *at);

void identifiers_end(struct identifiers *identifiers);

#endif /* LIB_SCRIPT_IDENTIFIER_H */
