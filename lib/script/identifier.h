/* SPDX-License-Identifier: GPL-2.0-only */
/* The identifiers of a script (attributes of the types ID, IDREF and IDREFS): each is there once, and each reference has one. */
#ifndef LIB_SCRIPT_IDENTIFIER_H
#define LIB_SCRIPT_IDENTIFIER_H

#include <stddef.h>
#include <stdint.h>

/* A place in the document. */
struct place {
	int line;
	int column;
};

struct identifier;
struct reference;

/**
 * struct identifiers - of one script; all zeros: none yet
 *
 * All names that it is given are borrowed until identifiers_end().
 */
struct identifiers {
	struct identifier *known;
	size_t n_known;
	uint32_t *slots;
	size_t n_slots;
	size_t n_awaited;
	uint64_t seed;
	struct reference *references;
	size_t n_references;
};

/** identifier_declare - an ID. Return: 0; -EEXIST when it is there already; -ENOMEM */
int identifier_declare(struct identifiers *identifiers, const char *name);

/**
 * identifier_refer - a reference to the @length bytes at @name
 *
 * Return: 0 when it was declared or referred to before; 1 when it was not, and
 * identifier_await() is to have its place; -ENOMEM.
 */
int identifier_refer(struct identifiers *identifiers, const char *name, size_t length);

/** identifier_await - a reference at @place to what is to be declared yet. Return: 0 or -ENOMEM */
int identifier_await(struct identifiers *identifiers, const char *name, size_t length,
		     struct place place);

/** identifier_missing - the first that was awaited and not declared, of @length bytes; NULL: there is none */
const char *identifier_missing(const struct identifiers *identifiers, size_t *length,
			       struct place *place);

void identifiers_end(struct identifiers *identifiers);

#endif /* LIB_SCRIPT_IDENTIFIER_H */
