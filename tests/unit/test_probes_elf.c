// SPDX-License-Identifier: GPL-2.0-only
/* The probes' programs as the supervisor carries them: each is an ELF file for BPF, and damage is seen. */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "supervisord/reliability/probes_elf.h"

static const struct probes_elf *const elves[] = {
	&probes_elf_lifecycle, &probes_elf_limits, &probes_elf_progress, &probes_elf_range,
};

#define ELVES (sizeof(elves) / sizeof(*elves))

static void each_is_whole(void **state)
{
	for (size_t i = 0; i < ELVES; i++) {
		size_t size = 0;
		__cleanup_free void *file = probes_elf_unpack(elves[i], &size);
		const Elf64_Ehdr *head = file;

		assert_non_null(file);
		assert_true(size > sizeof(*head) && size > elves[i]->size);
		assert_memory_equal(head->e_ident, ELFMAG, SELFMAG);
		assert_int_equal(head->e_machine, EM_BPF);
		/* The table of sections is the last that a file has. */
		assert_int_equal(head->e_shoff + head->e_shnum * head->e_shentsize, size);
	}
}

static void damage_is_seen(void **state)
{
	const struct probes_elf *whole = elves[0];
	__cleanup_free uint8_t *copy = malloc(whole->size);
	size_t size;

	assert_non_null(copy);
	memcpy(copy, whole->packed, whole->size);
	/* Behind the head, of which not every byte counts: the data, the checksum, the size. */
	for (size_t at = 10; at < whole->size; at += at + 97 < whole->size ? 97 : 1) {
		copy[at] ^= 0x11;
		errno = 0;
		assert_null(probes_elf_unpack(&(struct probes_elf){ copy, whole->size }, &size));
		assert_true(errno == EBADMSG || errno == ENOMEM);
		copy[at] ^= 0x11;
	}
}

static void an_end_that_is_missing_is_seen(void **state)
{
	const struct probes_elf *whole = elves[0];
	size_t size;

	assert_null(probes_elf_unpack(&(struct probes_elf){ whole->packed, whole->size - 1 }, &size));
	assert_null(probes_elf_unpack(&(struct probes_elf){ whole->packed, whole->size / 2 }, &size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_whole),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(an_end_that_is_missing_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
