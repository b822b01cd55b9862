// SPDX-License-Identifier: GPL-2.0-only
#include "lib/script/identifier.h"

#include <errno.h>
#include <stdlib.h>

/* What the table has of an identifier that is declared; of all others it has the place of a reference. */
static char declared[1];

static void entry_free(void *entry, const xmlChar *name)
{
	if (entry != declared)
		free(entry);
}

static int table_make(struct identifiers *identifiers)
{
	if (!identifiers->by_name)
		identifiers->by_name = xmlHashCreate(0);
	return identifiers->by_name ? 0 : -ENOMEM;
}

static void *entry_find(const struct identifiers *identifiers, const char *name)
{
	return identifiers->by_name ? xmlHashLookup(identifiers->by_name, (const xmlChar *)name) : NULL;
}

int identifier_declare(struct identifiers *identifiers, const char *name)
{
	if (entry_find(identifiers, name) == declared)
		return -EEXIST;
	if (table_make(identifiers) ||
	    xmlHashUpdateEntry(identifiers->by_name, (const xmlChar *)name, declared, entry_free))
		return -ENOMEM;
	return 0;
}

bool identifier_known(const struct identifiers *identifiers, const char *name)
{
	return entry_find(identifiers, name);
}

int identifier_refer(struct identifiers *identifiers, const char *name, struct place place)
{
	struct place *entry = malloc(sizeof(*entry));

	if (!entry || table_make(identifiers)) {
		free(entry);
		return -ENOMEM;
	}
	*entry = place;
	if (xmlHashAddEntry(identifiers->by_name, (const xmlChar *)name, entry)) {
		free(entry);
		return -ENOMEM;
	}
	return 0;
}

struct missing {
	const char *name;
	struct place place;
};

static void missing_note(void *entry, void *user, const xmlChar *name)
{
	const struct place *place = entry;
	struct missing *missing = user;

	if (entry == declared)
		return;
	if (missing->name && (place->line > missing->place.line ||
			      (place->line == missing->place.line && place->column >= missing->place.column)))
		return;
	*missing = (struct missing){ (const char *)name, *place };
}

const char *identifier_missing(const struct identifiers *identifiers, struct place *place)
{
	struct missing missing = { 0 };

	if (identifiers->by_name)
		xmlHashScan(identifiers->by_name, missing_note, &missing);
	*place = missing.place;
	return missing.name;
}

void identifiers_end(struct identifiers *identifiers)
{
	if (identifiers->by_name)
		xmlHashFree(identifiers->by_name, entry_free);
	identifiers->by_name = NULL;
}
