// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/source.h"

#include <stddef.h>

/* Records and what is in them begin at multiples of this. */
#define RECORD_ALIGN 8

const struct faultline_record *
source_record_check(const void *data, size_t size,
		    const struct faultline_capture **capture)
{
	const struct faultline_record *record = data;
	const struct faultline_capture *found;
	size_t room;

	*capture = NULL;
	if (size < sizeof(*record) || record->len > size ||
	    record->len < sizeof(*record) || record->len % RECORD_ALIGN)
		return NULL;
	if (record->comm[sizeof(record->comm) - 1])
		return NULL;
	if (!(record->flags & FAULTLINE_F_CAPTURE))
		return record;

	room = record->len - sizeof(*record);
	found = (const void *)(record + 1);
	if (room < sizeof(*found))
		return NULL;
	room -= sizeof(*found);
	if (found->nregs > FAULTLINE_REGS_MAX ||
	    found->stack_len > FAULTLINE_STACK_MAX || found->stack_len > room)
		return NULL;
	*capture = found;
	return record;
}
