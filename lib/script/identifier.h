/* SPDX-License-Identifier: GPL-2.0-only */
/* The identifiers of a script (attributes of the types ID, IDREF and IDREFS): each is there once, and each reference has one. */
#ifndef LIB_SCRIPT_IDENTIFIER_H
#define LIB_SCRIPT_IDENTIFIER_H

#include <libxml/hash.h>
#include <stdbool.h>

/* A place in the document. */
struct place {
	int line;
	int column;
};

/* struct identifiers - of one script; all zeros: none yet */
struct identifiers {
	xmlHashTable *by_name;
};

/** identifier_declare - an ID. Return: 0; -EEXIST when it is there already; -ENOMEM */
int identifier_declare(struct identifiers *identifiers, const char *name);

/** identifier_known - was it declared, or referred to? */
bool identifier_known(const struct identifiers *identifiers, const char *name);

/** identifier_refer - a reference at @place to one that is not known yet. Return: 0 or -ENOMEM */
int identifier_refer(struct identifiers *identifiers, const char *name, struct place place);

/** identifier_missing - the first that was referred to and not declared, borrowed; NULL: there is none */
const char *identifier_missing(const struct identifiers *identifiers, struct place *place);

void identifiers_end(struct identifiers *identifiers);

#endif /* LIB_SCRIPT_IDENTIFIER_H */
