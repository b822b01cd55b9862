// SPDX-License-Identifier: GPL-2.0-only
/* The memory of a process in the figures: what the kernel's record has, and /proc where it has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisord/reliability/figures.h"
#include "supervisord/reliability/source.h"
#include "supervisord/runtime/cgroup.h"
#include "supervisord/runtime/process.h"

/* No process here has a group. */
int cgroup_fd(const struct cgroup *cgroup)
{
	return -1;
}

struct told {
	struct faultline_record record;
	struct faultline_memory memory;
	uint8_t more[64];
};

static const struct told told = {
	.record = { .len = sizeof(struct faultline_record) + sizeof(struct faultline_memory),
		    .type = FAULTLINE_RECORD_FATAL, .flags = FAULTLINE_F_MAIN | FAULTLINE_F_BLOCKS },
	.memory = { .block = { .len = sizeof(struct faultline_memory), .type = FAULTLINE_BLOCK_MEMORY },
		    .size = 11, .size_peak = 12, .resident = 13, .resident_peak = 14, .anon = 15,
		    .file = 16, .shmem = 17, .swap = 18, .stack = 19 },
};

/* Of this process, or of one that is gone. */
static json_t *described(const struct told *from, bool gone)
{
	const struct process process = { .pid = getpid(), .gone = gone };
	const struct faultline_capture *capture;
	json_t *figures, *part;

	if (from)
		assert_non_null(source_record_check(from, sizeof(*from), &capture));
	figures = figures_describe(figures_read(&process), from ? &from->record : NULL);
	part = json_incref(json_object_get(figures, "process"));
	json_decref(figures);
	return part;
}

static json_int_t number(const json_t *part, const char *name)
{
	assert_true(json_is_integer(json_object_get(part, name)));
	return json_integer_value(json_object_get(part, name));
}

static void of_the_record(void **state)
{
	static const struct { const char *name; int value; } all[] = {
		{ "VmSize", 11 }, { "VmPeak", 12 }, { "VmRSS", 13 }, { "VmHWM", 14 }, { "RssAnon", 15 },
		{ "RssFile", 16 }, { "RssShmem", 17 }, { "VmSwap", 18 }, { "VmStk", 19 },
	};

	for (int gone = 0; gone < 2; gone++) {
		json_t *part = described(&told, gone);

		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			assert_int_equal(number(part, all[i].name), all[i].value);
		assert_int_equal(json_object_size(part), gone ? 9 : 10);
		json_decref(part);
	}
}

static void of_one_that_has_ended(void **state)
{
	struct told ended = told;
	json_t *part;

	ended.memory.block.flags = FAULTLINE_MEMORY_ENDED;
	part = described(&ended, true);
	assert_int_equal(json_object_size(part), 1);
	assert_int_equal(number(part, "VmHWM"), 14);
	json_decref(part);
	ended.memory.resident_peak = 0;
	assert_null(described(&ended, true));
}

/* Of /proc, as it is without a record, and with one that tells of no memory of this process. */
static void of_proc(void **state)
{
	struct told others[4] = { told, told, told, told };

	others[0].record.flags &= ~FAULTLINE_F_MAIN;	/* a child's */
	others[1].memory.block.type = FAULTLINE_BLOCK_MEMORY + 100;
	others[2].memory.block.len -= 8;	/* a field is missing */
	others[2].record.len -= 8;
	others[3].record.flags &= ~FAULTLINE_F_BLOCKS;
	others[3].record.len = sizeof(struct faultline_record);
	for (int i = -1; i < 4; i++) {
		json_t *part = described(i < 0 ? NULL : &others[i], false);

		assert_true(number(part, "VmRSS") > 4096 && number(part, "VmHWM") >= number(part, "VmRSS"));
		assert_int_equal(number(part, "VmRSS"), number(part, "RssAnon") + number(part, "RssFile") +
				 number(part, "RssShmem"));
		assert_int_equal(number(part, "Threads"), 1);
		json_decref(part);
		assert_null(described(i < 0 ? NULL : &others[i], true));
	}
}

/* Later fields, and other blocks around it, are stepped over. */
static void longer_than_known(void **state)
{
	struct told longer = told;
	json_t *part;

	longer.memory.block.len += 24;
	longer.record.len += 24 + 8;
	memcpy(longer.more + 24, &(struct faultline_block){ .len = 8, .type = 999 }, 8);
	part = described(&longer, true);
	assert_int_equal(number(part, "VmStk"), 19);
	json_decref(part);
}

/* Numbers that no process has are told as they came. */
static void hostile(void **state)
{
	struct told wild = told;
	json_t *part;

	memset(&wild.memory.size, 0xff, sizeof(wild.memory) - sizeof(wild.memory.block));
	part = described(&wild, true);
	assert_int_equal(json_object_size(part), 9);
	json_decref(part);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_record),
		cmocka_unit_test(of_one_that_has_ended),
		cmocka_unit_test(of_proc),
		cmocka_unit_test(longer_than_known),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests_name("figures", tests, NULL, NULL);
}
