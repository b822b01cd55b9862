// SPDX-License-Identifier: GPL-2.0-only
/* source_record_check() against bytes that a hostile or broken source might give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_longer_than_known),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_lengths_lie),
		cmocka_unit_test(test_name_without_end),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
