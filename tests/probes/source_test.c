// SPDX-License-Identifier: GPL-2.0-only
/* What reads a record against bytes that a hostile or broken source might give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "supervisord/reliability/mappings.h"
#include "supervisord/reliability/source.h"

#define STACK_LEN 64

struct whole {
	struct faultline_record record;
	struct faultline_capture capture;
	uint8_t stack[STACK_LEN];
};

static struct whole whole_record(void)
{
	struct whole whole = {
		.record = { .len = sizeof(whole), .type = FAULTLINE_RECORD_FATAL,
			    .flags = FAULTLINE_F_CAPTURE },
		.capture = { .arch = FAULTLINE_ARCH_X86_64, .nregs = 27,
			     .stack_len = STACK_LEN },
	};

	return whole;
}

static void assert_refused(const struct whole *whole, size_t size)
{
	const struct faultline_capture *capture;

	assert_null(source_record_check(whole, size, &capture));
	assert_null(capture);
}

static void test_layout(void **state)
{
	assert_int_equal(sizeof(struct faultline_record), 112);
	assert_int_equal(sizeof(struct faultline_capture), 344);
	assert_int_equal(sizeof(struct faultline_memory), 80);
}

static void test_whole(void **state)
{
	const struct faultline_capture *capture;
	struct whole whole = whole_record();

	assert_ptr_equal(source_record_check(&whole, sizeof(whole), &capture), &whole.record);
	assert_ptr_equal(capture, &whole.capture);
	whole.record.flags = 0;
	assert_ptr_equal(source_record_check(&whole, sizeof(whole), &capture), &whole.record);
	assert_null(capture);
}

static void test_longer_than_known(void **state)
{
	const struct faultline_capture *capture;
	struct whole whole = whole_record();

	whole.capture.stack_len = STACK_LEN - 16;
	assert_non_null(source_record_check(&whole, sizeof(whole), &capture));
}

static void test_cut_anywhere(void **state)
{
	const struct faultline_capture *capture;
	struct whole whole = whole_record();

	for (size_t size = 0; size < sizeof(whole); size++) {
		/* A copy of just that size, for the sanitizer to see any step beyond. */
		void *cut = malloc(size ? size : 1);

		memcpy(cut, &whole, size);
		assert_null(source_record_check(cut, size, &capture));
		free(cut);
	}
}

static void test_lengths_lie(void **state)
{
	struct whole whole = whole_record();

	whole.record.len = sizeof(whole) + 8;
	assert_refused(&whole, sizeof(whole));
	whole.record.len = sizeof(whole) - 4;
	assert_refused(&whole, sizeof(whole));
	whole.record.len = sizeof(whole.record) - 8;
	assert_refused(&whole, sizeof(whole));
	whole.record.len = sizeof(whole.record) + 8;
	assert_refused(&whole, sizeof(whole));
	whole = whole_record();
	whole.capture.stack_len = STACK_LEN + 1;
	assert_refused(&whole, sizeof(whole));
	whole.capture.stack_len = UINT32_MAX;
	assert_refused(&whole, sizeof(whole));
	whole = whole_record();
	whole.capture.nregs = FAULTLINE_REGS_MAX + 1;
	assert_refused(&whole, sizeof(whole));
}

static void test_name_without_end(void **state)
{
	struct whole whole = whole_record();

	memset(whole.record.comm, 'x', sizeof(whole.record.comm));
	assert_refused(&whole, sizeof(whole));
}

/* ---- mappings ---- */

static const uint8_t build_id[] = { 0xab, 0xcd, 0xef };

struct mapped {
	struct whole whole;
	struct faultline_maps maps;
	uint8_t room[256];
};

static void mapped_add(struct mapped *mapped, const struct faultline_map *from, const char *name)
{
	uint8_t *at = (uint8_t *)&mapped->maps + mapped->maps.len;
	struct faultline_map *map = (void *)at;
	size_t size, name_len = strlen(name);

	size = (sizeof(*map) + from->build_id_len + name_len + 7) / 8 * 8;
	memcpy(map, from, sizeof(*map));
	map->name_len = name_len;
	memcpy(map->data, build_id, from->build_id_len);
	memcpy(map->data + from->build_id_len, name, name_len);
	mapped->maps.len += size;
	mapped->maps.count++;
	mapped->whole.record.len += size;
}

static struct mapped mapped_record(void)
{
	struct mapped mapped = { .whole = whole_record() };
	const uint32_t file = FAULTLINE_MAP_FILE | FAULTLINE_MAP_READ;

	mapped.whole.record.flags |= FAULTLINE_F_MAPS;
	mapped.whole.record.len += sizeof(mapped.maps);
	mapped.maps.len = sizeof(mapped.maps);
	mapped_add(&mapped, &(struct faultline_map){ .start = 0x1000, .end = 0x2000,
		.flags = file, .build_id_len = sizeof(build_id) }, "/opt/pump \"1\"\xff");
	mapped_add(&mapped, &(struct faultline_map){ .start = 0x2000, .end = 0x4000,
		.offset = 0x1000, .flags = file | FAULTLINE_MAP_EXEC | FAULTLINE_MAP_SAME }, "");
	mapped_add(&mapped, &(struct faultline_map){ .start = 0x8000, .end = 0x9000,
		.flags = FAULTLINE_MAP_READ | FAULTLINE_MAP_WRITE }, "[stack]");
	return mapped;
}

static struct faultline_map *mapped_map(struct mapped *mapped, int n)
{
	const struct faultline_map *map = NULL;

	for (int i = 0; i <= n; i++)
		map = source_map_next(&mapped->maps, map);
	return (struct faultline_map *)map;
}

static const struct faultline_record *mapped_check(const struct mapped *mapped)
{
	const struct faultline_capture *capture;

	return source_record_check(mapped, mapped->whole.record.len, &capture);
}

static void assert_place(const struct mapped *mapped, uint64_t address, const char *expected)
{
	json_t *place = mappings_place(&mapped->maps, address);

	if (expected)
		assert_string_equal(json_string_value(place), expected);
	else
		assert_null(place);
	json_decref(place);
}

static void test_mappings(void **state)
{
	struct mapped mapped = mapped_record();
	json_t *list;

	assert_int_equal(sizeof(struct faultline_maps), 8);
	assert_int_equal(sizeof(struct faultline_map), 32);
	assert_ptr_equal(mapped_check(&mapped), &mapped.whole.record);
	assert_ptr_equal(source_record_maps(&mapped.whole.record), &mapped.maps);
	list = mappings_describe(&mapped.maps);
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "name")),
			    "/opt/pump ?1??");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "build_id")),
			    "abcdef");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "rights")),
			    "r-xp");
	assert_null(json_object_get(json_array_get(list, 1), "name"));
	assert_null(json_object_get(json_array_get(list, 2), "offset"));
	json_decref(list);
}

static void test_place(void **state)
{
	struct mapped mapped = mapped_record();

	assert_place(&mapped, 0x2034, "pump ?1??+0x1034");
	assert_place(&mapped, 0x3fff, "pump ?1??+0x2fff");
	assert_place(&mapped, 0x8010, "[stack]+0x10");
	assert_place(&mapped, 0x4000, "not mapped");
	mapped.maps.flags = FAULTLINE_MAPS_PARTIAL;
	assert_place(&mapped, 0x4000, NULL);
}

static void test_mappings_lie(void **state)
{
	struct mapped mapped;

#define ASSERT_REFUSED(change) do {		\
	mapped = mapped_record();		\
	change;					\
	assert_null(mapped_check(&mapped));	\
} while (0)
	ASSERT_REFUSED(mapped.whole.record.flags = FAULTLINE_F_MAPS);
	ASSERT_REFUSED(mapped.maps.len = 0);
	ASSERT_REFUSED(mapped.maps.len -= 8);
	ASSERT_REFUSED(mapped.maps.len += 8);
	ASSERT_REFUSED(mapped.maps.len = UINT32_MAX);
	ASSERT_REFUSED(mapped.maps.count--);
	ASSERT_REFUSED(mapped.maps.count++);
	ASSERT_REFUSED(mapped.maps.count = UINT16_MAX);
	ASSERT_REFUSED(mapped.whole.capture.stack_len = STACK_LEN - 8);
	ASSERT_REFUSED(mapped_map(&mapped, 0)->name_len = UINT16_MAX);
	ASSERT_REFUSED(mapped_map(&mapped, 2)->name_len += 8);
	ASSERT_REFUSED(mapped_map(&mapped, 2)->build_id_len = UINT8_MAX);
	ASSERT_REFUSED(mapped_map(&mapped, 1)->start = 0x1fff);
	ASSERT_REFUSED(mapped_map(&mapped, 1)->end = 0x2000);
	ASSERT_REFUSED(mapped_map(&mapped, 0)->flags |= FAULTLINE_MAP_SAME);
}

static void test_mappings_cut_anywhere(void **state)
{
	const struct faultline_capture *capture;
	struct mapped mapped = mapped_record();
	size_t whole = mapped.whole.record.len;

	for (size_t size = sizeof(struct whole); size < whole; size++) {
		void *cut = malloc(size);

		mapped.whole.record.len = size / 8 * 8;
		memcpy(cut, &mapped, size);
		assert_null(source_record_check(cut, size, &capture));
		free(cut);
	}
}

/* ---- blocks ---- */

struct blocked {
	struct mapped mapped;
	uint8_t room[64];
};

static void blocked_add(struct blocked *blocked, uint16_t type, uint32_t size)
{
	struct faultline_record *record = &blocked->mapped.whole.record;
	struct faultline_block *block = (void *)((uint8_t *)record + record->len);

	*block = (struct faultline_block){ .len = size, .type = type };
	memset(block + 1, 0xee, size - sizeof(*block));
	record->flags |= FAULTLINE_F_BLOCKS;
	record->len += size;
}

/* Behind whatever is there. */
static struct blocked blocked_record(uint16_t flags)
{
	struct blocked blocked = { .mapped = mapped_record() };
	struct faultline_record *record = &blocked.mapped.whole.record;

	record->flags = flags;
	if (!(flags & FAULTLINE_F_CAPTURE))
		record->len = sizeof(*record);
	else if (!(flags & FAULTLINE_F_MAPS))
		record->len = sizeof(struct whole);
	blocked_add(&blocked, FAULTLINE_BLOCK_HANG, 16);
	blocked_add(&blocked, FAULTLINE_BLOCK_KSTACK, 8);
	return blocked;
}

static struct faultline_block *blocked_block(struct blocked *blocked, int n)
{
	const struct faultline_block *block = NULL;

	for (int i = 0; i <= n; i++)
		block = source_block_next(&blocked->mapped.whole.record, block);
	return (struct faultline_block *)block;
}

static const uint16_t blocked_flags[] = {
	0, FAULTLINE_F_CAPTURE, FAULTLINE_F_CAPTURE | FAULTLINE_F_MAPS,
};

static void test_blocks(void **state)
{
	for (size_t i = 0; i < sizeof(blocked_flags) / sizeof(blocked_flags[0]); i++) {
		struct blocked blocked = blocked_record(blocked_flags[i]);
		const struct faultline_record *record = &blocked.mapped.whole.record;

		assert_non_null(mapped_check(&blocked.mapped));
		assert_int_equal(blocked_block(&blocked, 0)->type, FAULTLINE_BLOCK_HANG);
		assert_int_equal(blocked_block(&blocked, 1)->type, FAULTLINE_BLOCK_KSTACK);
		assert_null(blocked_block(&blocked, 2));
		assert_ptr_equal(source_block_find(record, FAULTLINE_BLOCK_HANG, 16),
				 blocked_block(&blocked, 0));
		assert_null(source_block_find(record, FAULTLINE_BLOCK_HANG, 17));
		assert_null(source_block_find(record, FAULTLINE_BLOCK_LIMIT, 0));
	}
}

static void test_no_blocks(void **state)
{
	struct whole whole = whole_record();

	assert_null(source_block_next(&whole.record, NULL));
	assert_null(source_block_find(&whole.record, FAULTLINE_BLOCK_HANG, 0));
	whole.record.flags = FAULTLINE_F_BLOCKS;
	whole.record.len = sizeof(whole.record);
	assert_null(source_block_next(&whole.record, NULL));
}

static void test_blocks_lie(void **state)
{
	static const uint32_t lengths[] = { 0, 4, 7, 12, 24, 32, 1000, UINT32_MAX, UINT32_MAX - 7 };

	for (size_t f = 0; f < sizeof(blocked_flags) / sizeof(blocked_flags[0]); f++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			struct blocked blocked = blocked_record(blocked_flags[f]);

			blocked_block(&blocked, 0)->len = lengths[i];
			/* One that ends where the record does is sound. */
			if (lengths[i] != 24)
				assert_null(mapped_check(&blocked.mapped));
			blocked = blocked_record(blocked_flags[f]);
			blocked_block(&blocked, 1)->len = lengths[i];
			assert_null(mapped_check(&blocked.mapped));
		}
	}
}

static void test_blocks_cut_anywhere(void **state)
{
	for (size_t f = 0; f < sizeof(blocked_flags) / sizeof(blocked_flags[0]); f++) {
		struct blocked blocked = blocked_record(blocked_flags[f]);
		struct faultline_record *record = &blocked.mapped.whole.record;
		size_t whole = record->len;
		const struct faultline_capture *capture;

		for (size_t size = whole - 24 + 1; size < whole; size++) {
			void *cut = malloc(size);

			/* Down to the border of a block it is whole. */
			record->len = size / 8 * 8;
			memcpy(cut, &blocked, size);
			if (record->len != whole - 8 && record->len != whole - 24)
				assert_null(source_record_check(cut, size, &capture));
			free(cut);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_longer_than_known),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_lengths_lie),
		cmocka_unit_test(test_name_without_end),
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_mappings_lie),
		cmocka_unit_test(test_mappings_cut_anywhere),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_no_blocks),
		cmocka_unit_test(test_blocks_lie),
		cmocka_unit_test(test_blocks_cut_anywhere),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
