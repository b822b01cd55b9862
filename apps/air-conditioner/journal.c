// SPDX-License-Identifier: GPL-2.0-only
#include "journal.h"

#include <errno.h>
#include <stdlib.h>

int journal_open(struct journal *journal)
{
	journal->written = 0;
	journal->entries = calloc(JOURNAL_LENGTH, sizeof(*journal->entries));
	return journal->entries ? 0 : -ENOMEM;
}

void journal_close(struct journal *journal)
{
	free(journal->entries);
	journal->entries = NULL;
}

/* A function of its own in the stack, so that a fault here is seen to be here. */
__attribute__((noinline)) void journal_append(struct journal *journal, int address, int value)
{
	struct journal_entry *entry = &journal->entries[journal->written++ % JOURNAL_LENGTH];

	entry->time = time(NULL);
	entry->address = address;
	entry->value = value;
}
