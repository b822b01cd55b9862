// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/ctl/syscalls.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "supervisord/ctl/syscalls_table.h"

/* One string for each machine: pointers would take more room than the names. */
static const char *name_find(const char *table, size_t size, uint64_t number)
{
	const char *end = table + size - 1;

	for (; number && table < end; number--)
		table += strlen(table) + 1;
	return table < end && *table ? table : NULL;
}

const char *syscall_name(uint16_t machine, uint64_t number)
{
#ifdef __x86_64__
	if (machine == EM_X86_64)
		return name_find(syscalls_native, sizeof(syscalls_native), number);
#endif
	if (machine == EM_AARCH64)
		return name_find(syscalls_generic, sizeof(syscalls_generic), number);
	return NULL;
}
