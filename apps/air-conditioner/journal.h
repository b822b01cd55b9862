/* SPDX-License-Identifier: GPL-2.0-only */
/* The last values that were written to the unit. */
#ifndef AIR_CONDITIONER_JOURNAL_H
#define AIR_CONDITIONER_JOURNAL_H

#include <stdint.h>
#include <time.h>

#define JOURNAL_LENGTH 32

struct journal_entry {
	time_t time;
	uint16_t address;
	uint16_t value;
};

/**
 * struct journal - a ring
 * @written: values ever appended
 * @entries: JOURNAL_LENGTH of them
 */
struct journal {
	unsigned int written;
	struct journal_entry *entries;
};

/** journal_open - an empty journal; -ENOMEM without memory */
int journal_open(struct journal *journal);
void journal_close(struct journal *journal);
void journal_append(struct journal *journal, int address, int value);

#endif /* AIR_CONDITIONER_JOURNAL_H */
