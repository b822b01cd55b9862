// SPDX-License-Identifier: GPL-2.0-only
/* Hangs in user space: the verdict on a record, its evidence as data, and what the kernel is told of a process. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "supervisord/reliability/detector.h"
#include "supervisord/reliability/hang_data.h"
#include "supervisord/runtime/watching.h"

/* ---- records ---- */

static void verdicts(void **state)
{
	static const char *const kinds[] = {
		[FAULTLINE_HANG_DSTATE] = "hang.dstate",
		[FAULTLINE_HANG_STARVED] = "hang.starved",
		[FAULTLINE_HANG_SPIN] = "hang.spin",
		[FAULTLINE_HANG_DEADLOCK] = "hang.deadlock",
		[FAULTLINE_HANG_HEARTBEAT] = "hang.heartbeat",
	};
	struct faultline_record record = { .type = FAULTLINE_RECORD_HANG };

	for (int code = FAULTLINE_HANG_DSTATE; code <= FAULTLINE_HANG_HEARTBEAT; code++) {
		record.code = code;
		record.type = FAULTLINE_RECORD_HANG;
		assert_true(detector_record(&record).fault);
		assert_string_equal(detector_record(&record).kind, kinds[code]);
		record.type = FAULTLINE_RECORD_HANG_OVER;
		assert_false(detector_record(&record).fault);
	}
	record.type = FAULTLINE_RECORD_HANG;
	for (int code = -1; code <= 100; code++) {
		record.code = code;
		assert_int_equal(detector_record(&record).fault, code >= 1 && code <= 5);
	}
	record.code = INT32_MIN;
	assert_false(detector_record(&record).fault);
}

struct told {
	struct faultline_record record;
	struct faultline_hang_block hang;
	struct faultline_kstack_block stack;
	char names[32];
};

static struct told told_record(void)
{
	struct told told = {
		.record = { .len = sizeof(told), .type = FAULTLINE_RECORD_HANG,
			    .flags = FAULTLINE_F_BLOCKS, .code = FAULTLINE_HANG_DSTATE },
		.hang = { .block = { .len = sizeof(told.hang), .type = FAULTLINE_BLOCK_HANG },
			  .duration_ns = 5000000001, .state = 'D', .syscall = 58,
			  .wchan = "folio_wait\n" },
		.stack = { .block = { .len = sizeof(told.stack) + sizeof(told.names),
				      .type = FAULTLINE_BLOCK_KSTACK }, .count = 2 },
		.names = "__schedule\0do_\"x\"\0",
	};

	return told;
}

static const char *text(const json_t *hang, const char *name)
{
	return json_string_value(json_object_get(hang, name));
}

static void evidence(void **state)
{
	const struct faultline_capture *capture;
	struct told told = told_record();
	json_t *hang, *stack;

	assert_non_null(source_record_check(&told, sizeof(told), &capture));
	hang = hang_data_describe(&told.record);
	assert_non_null(hang);
	assert_string_equal(text(hang, "verdict"), "dstate");
	assert_string_equal(text(hang, "state"), "D");
	assert_string_equal(text(hang, "waits_in"), "folio_wait?");
	assert_int_equal(json_integer_value(json_object_get(hang, "duration_ns")), 5000000001);
	assert_int_equal(json_integer_value(json_object_get(hang, "system_call")), 58);
	stack = json_object_get(hang, "kernel_stack");
	assert_int_equal(json_array_size(stack), 2);
	assert_string_equal(json_string_value(json_array_get(stack, 1)), "do_\"x\"");
	json_decref(hang);
}

/* In memory of just its size, for the sanitizer to see any step beyond. */
static void evidence_lies(void **state)
{
	struct told told = told_record(), *copy;
	json_t *hang;

	told.stack.count = UINT32_MAX;
	memset(told.names, 'x', sizeof(told.names));
	memset(told.hang.wchan, 'y', sizeof(told.hang.wchan));
	told.hang.state = 0x80000041;
	copy = malloc(sizeof(told));
	memcpy(copy, &told, sizeof(told));
	hang = hang_data_describe(&copy->record);
	assert_non_null(hang);
	assert_int_equal(strlen(text(hang, "waits_in")), FAULTLINE_WCHAN_LEN);
	assert_null(json_object_get(hang, "state"));
	assert_int_equal(json_array_size(json_object_get(hang, "kernel_stack")), 1);
	json_decref(hang);
	copy->hang.block.type = FAULTLINE_BLOCK_PATH;
	assert_null(hang_data_describe(&copy->record));
	copy->hang.block.type = FAULTLINE_BLOCK_HANG;
	copy->record.code = 77;
	assert_null(hang_data_describe(&copy->record));
	copy->record.code = FAULTLINE_HANG_SPIN;
	copy->record.type = FAULTLINE_RECORD_FATAL;
	assert_null(hang_data_describe(&copy->record));
	free(copy);
}

/* ---- what the kernel is told ---- */

static struct {
	int changes;
	int beats;
	uint32_t watch;
	struct source_settings settings;
} seen;

static int take_change(struct source *source, uint32_t watch, const struct source_settings *settings)
{
	seen.changes++;
	seen.watch = watch;
	seen.settings = *settings;
	return 0;
}

static int take_beat(struct source *source, uint32_t watch)
{
	seen.beats++;
	return 0;
}

static const struct source_ops ops = { .name = "test", .change = take_change, .heartbeat = take_beat };

static struct watching begin(int deadlock_ms)
{
	const struct application_watch watch = { .deadlock_ms = deadlock_ms };
	struct watching watching = {};

	memset(&seen, 0, sizeof(seen));
	watching_begin(&watching, &ops, NULL, 7, &watch);
	return watching;
}

static void settings_of_the_application(void **state)
{
	const struct application_watch watch = { .dstate_ms = 1, .starved_ms = 2, .spin_ms = 3,
						 .deadlock_ms = 4, .heartbeat_ms = 5 };
	struct source_settings settings = {};

	watching_settings(&settings, &watch);
	assert_int_equal(settings.value[FAULTLINE_WATCH_A_DSTATE_MS], 1);
	assert_int_equal(settings.value[FAULTLINE_WATCH_A_STARVED_MS], 2);
	assert_int_equal(settings.value[FAULTLINE_WATCH_A_SPIN_MS], 3);
	assert_int_equal(settings.value[FAULTLINE_WATCH_A_DEADLOCK_MS], 4);
	/* The heart begins to beat when the process is ready. */
	assert_false(settings.given & 1U << FAULTLINE_WATCH_A_HEARTBEAT_MS);
}

static void work_is_due(void **state)
{
	struct watching watching = begin(1000);

	watching_work(&watching, true);
	assert_int_equal(seen.changes, 1);
	assert_int_equal(seen.watch, 7);
	assert_int_equal(seen.settings.given, 1U << FAULTLINE_WATCH_A_WORK);
	assert_int_equal(seen.settings.value[FAULTLINE_WATCH_A_WORK], 1);
	watching_work(&watching, true);
	watching_work(&watching, false);
	assert_int_equal(seen.changes, 1);
	watching_work(&watching, false);
	assert_int_equal(seen.changes, 2);
	assert_int_equal(seen.settings.value[FAULTLINE_WATCH_A_WORK], 0);
	watching_work(&watching, false);
	assert_int_equal(seen.changes, 2);
	/* Nobody wants to know. */
	watching = begin(0);
	watching_work(&watching, true);
	assert_int_equal(seen.changes, 0);
}

static void beats(void **state)
{
	struct watching watching = begin(0), nobody = {};

	watching_beat(&watching, 8000);
	assert_int_equal(seen.changes, 1);
	/* Later than the supervisor's own time. */
	assert_int_equal(seen.settings.value[FAULTLINE_WATCH_A_HEARTBEAT_MS], 10000);
	/* Not each of many. */
	for (int i = 0; i < 1000; i++)
		watching_beat(&watching, 8000);
	assert_true(seen.beats < 1000);
	watching.told_ms = 0;
	seen.beats = 0;
	watching_beat(&watching, 8000);
	assert_int_equal(seen.beats, 1);
	watching_beat(&watching, 0);
	assert_int_equal(seen.changes, 2);
	assert_int_equal(seen.settings.value[FAULTLINE_WATCH_A_HEARTBEAT_MS], 0);
	watching_beat(&nobody, 8000);
	assert_int_equal(nobody.beats, 1);
}

/* What one that was taken over tells before there is a source, the source is told. */
static void taken_over(void **state)
{
	const struct application_watch watch = { .deadlock_ms = 1000 };
	struct watching watching = {};

	memset(&seen, 0, sizeof(seen));
	watching_begin(&watching, NULL, NULL, 7, &watch);
	watching_beat(&watching, 8000);
	watching_beat(&watching, 8000);
	assert_int_equal(watching.heartbeat_ms, 8000);
	watching_resume(&watching, &ops, NULL);
	assert_int_equal(seen.changes, 2);
	assert_int_equal(seen.settings.value[FAULTLINE_WATCH_A_HEARTBEAT_MS], 10000);

	/* The request that was under way is expected, or was answered while nobody was there. */
	watching_begin(&watching, NULL, NULL, 7, &watch);
	watching_beat(&watching, 0);
	watching_work(&watching, true);
	watching_resume(&watching, &ops, NULL);
	assert_int_equal(seen.settings.given, 1U << FAULTLINE_WATCH_A_WORK);
	assert_int_equal(seen.settings.value[FAULTLINE_WATCH_A_WORK], 1);
	watching_work(&watching, false);
	assert_int_equal(seen.settings.value[FAULTLINE_WATCH_A_WORK], 0);
}

/* The supervisor and the kernel see the same one missed. */
static void a_miss_is_told_once(void **state)
{
	struct watching watching = begin(0);

	watching_beat(&watching, 1000);
	assert_true(watching_miss(&watching));
	assert_false(watching_miss(&watching));
	watching_beat(&watching, 1000);
	assert_true(watching_miss(&watching));
	/* The application told the kernel itself. */
	watching_alive(&watching);
	assert_true(watching_miss(&watching));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(evidence),
		cmocka_unit_test(evidence_lies),
		cmocka_unit_test(settings_of_the_application),
		cmocka_unit_test(work_is_due),
		cmocka_unit_test(beats),
		cmocka_unit_test(taken_over),
		cmocka_unit_test(a_miss_is_told_once),
	};

	return cmocka_run_group_tests_name("hang", tests, NULL, NULL);
}
