// SPDX-License-Identifier: GPL-2.0-only
/* The fault detector's verdicts, the store, and the check of kernel records. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/file.h"
#include "supervisord/reliability/detector.h"
#include "supervisord/reliability/packed.h"
#include "supervisord/reliability/source.h"
#include "supervisord/reliability/store.h"
#include "supervisord/reliability/store_reserve.h"

static char folder[] = "/tmp/faultline-store-XXXXXX";
static char database[64];

static struct ev_loop *loop;
static uint64_t durable;	/* newest ticket that the store has told */

static void synced(void *user, uint64_t ticket, int error)
{
	assert_int_equal(error, 0);
	durable = ticket;
}

static int setup(void **state)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(mkdtemp(folder));
	snprintf(database, sizeof(database), "%s/gateway.db", folder);
	return 0;
}

static int teardown(void **state)
{
	return folder_remove(folder, NULL);
}

static void verdicts_on_records(void **state)
{
	static const struct {
		struct faultline_record record;
		const char *kind;	/* NULL: no fault */
	} rows[] = {
		{ { .type = FAULTLINE_RECORD_FATAL, .signo = SIGSEGV }, "signal.segv" },
		{ { .type = FAULTLINE_RECORD_FATAL, .signo = SIGABRT }, "signal.abrt" },
		{ { .type = FAULTLINE_RECORD_FATAL, .signo = 40 }, "signal.rt40" },
		{ { .type = FAULTLINE_RECORD_FATAL, .signo = 12345 }, "signal.rt12345" },
		{ { .type = FAULTLINE_RECORD_EXIT, .flags = FAULTLINE_F_MAIN, .code = 3 }, "exit.nonzero" },
		{ { .type = FAULTLINE_RECORD_EXIT, .flags = FAULTLINE_F_MAIN }, "exit.unexpected" },
		{ { .type = FAULTLINE_RECORD_EXIT, .flags = FAULTLINE_F_MAIN, .signo = SIGKILL }, "signal.kill" },
		{ { .type = FAULTLINE_RECORD_FATAL, .flags = FAULTLINE_F_KERNEL | FAULTLINE_F_OOM, .signo = SIGKILL },
		  "limit.memory" },
		{ { .type = FAULTLINE_RECORD_EXIT, .flags = FAULTLINE_F_MAIN | FAULTLINE_F_OOM, .signo = SIGKILL },
		  "limit.memory" },
		{ { .type = FAULTLINE_RECORD_FATAL, .flags = FAULTLINE_F_KERNEL, .signo = SIGKILL }, "signal.kill" },
		{ { .type = FAULTLINE_RECORD_FATAL, .flags = FAULTLINE_F_KERNEL, .signo = SIGXCPU }, "limit.cpu" },
		{ { .type = FAULTLINE_RECORD_FATAL, .flags = FAULTLINE_F_SENT, .signo = SIGXCPU }, "signal.xcpu" },
		{ { .type = FAULTLINE_RECORD_FATAL, .signo = SIGXFSZ }, "limit.filesize" },
		{ { .type = FAULTLINE_RECORD_FATAL, .flags = FAULTLINE_F_SENT, .signo = SIGXFSZ }, "signal.xfsz" },
		{ { .type = FAULTLINE_RECORD_RANGE, .code = FAULTLINE_RANGE_FILE }, "range.file" },
		{ { .type = FAULTLINE_RECORD_RANGE, .code = FAULTLINE_RANGE_EXEC }, "range.exec" },
		{ { .type = FAULTLINE_RECORD_RANGE, .code = FAULTLINE_RANGE_NET }, "range.net" },
		{ { .type = FAULTLINE_RECORD_RANGE, .code = FAULTLINE_RANGE_CAPABILITY }, "range.capability" },
		{ { .type = FAULTLINE_RECORD_RANGE, .code = 77 }, NULL },
		{ { .type = FAULTLINE_RECORD_RANGE, .code = -1 }, NULL },
		{ { .type = FAULTLINE_RECORD_EXIT, .code = 3 }, NULL },
		{ { .type = 999, .signo = SIGSEGV }, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct verdict verdict = detector_record(&rows[i].record);

		assert_int_equal(verdict.fault, rows[i].kind != NULL);
		if (rows[i].kind)
			assert_string_equal(verdict.kind, rows[i].kind);
	}
	assert_string_equal(detector_status(SIGBUS | 0x80).kind, "signal.bus");
	assert_string_equal(detector_status(1 << 8).kind, "exit.nonzero");
	assert_string_equal(detector_status(0).kind, "exit.unexpected");
}

static void verdicts_on_notifications(void **state)
{
	static const struct {
		const char *json;
		const char *kind;
	} rows[] = {
		{ "{\"name\": \"filter-clogged\", \"severity\": \"fault\"}", "application.filter-clogged" },
		{ "{\"name\": \"filter-clogged\", \"severity\": \"warning\"}", NULL },
		{ "{\"name\": \"filter-clogged\"}", NULL },
		{ "{\"name\": \"../x\", \"severity\": \"fault\"}", NULL },
		{ "{\"severity\": \"fault\"}", NULL },
		{ "{\"name\": 5, \"severity\": \"fault\"}", NULL },
		{ "[]", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_t *params = json_loads(rows[i].json, 0, NULL);
		struct verdict verdict = detector_notification(params);

		json_decref(params);
		assert_int_equal(verdict.fault, rows[i].kind != NULL);
		if (rows[i].kind)
			assert_string_equal(verdict.kind, rows[i].kind);
	}
	assert_false(detector_notification(NULL).fault);
}

static struct store *store_new(void)
{
	struct error err = { 0 };
	struct store *store = NULL;

	durable = 0;
	if (store_open(&store, database, loop, synced, NULL, &err))
		fail_msg("%s", err.text);
	return store;
}

static struct store_fault fault_add(struct store *store, int64_t time)
{
	struct store_fault fault = {
		.time_ms = time, .kind = "signal.segv", .application = "a", .version = "1",
		.data = json_pack("{s:s}", "k", "v"),
	};

	assert_int_equal(store_fault_add(store, &fault), 0);
	json_decref(fault.data);
	return fault;
}

static void expect_unreported(struct store *store, const char *id, bool reported)
{
	json_t *row = store_fault_unreported(store);

	if (!id) {
		assert_null(row);
		return;
	}
	assert_string_equal(json_string_value(json_object_get(row, "id")), id);
	assert_int_equal(json_is_true(json_object_get(row, "reported")), reported);
	json_decref(row);
}

static void fault_is_told_until_the_center_has_all_of_it(void **state)
{
	struct store *store = store_new();
	struct store_fault one = fault_add(store, 1000), two = fault_add(store, 2000);
	json_t *action = json_pack("{s:s}", "action", "restart");

	assert_string_not_equal(one.id, two.id);
	expect_unreported(store, one.id, false);
	assert_int_equal(store_fault_decided(store, one.id, action, NULL), 0);
	expect_unreported(store, two.id, false);
	assert_int_equal(store_fault_reported(store, two.id), 0);
	expect_unreported(store, NULL, false);
	assert_int_equal(store_fault_outcome(store, one.id, "restored", action), 0);
	expect_unreported(store, one.id, true);
	assert_int_equal(store_fault_outcome_sent(store, one.id), 0);
	expect_unreported(store, NULL, false);
	/* An answer of the gateway's own never takes back that the center knows. */
	assert_int_equal(store_fault_decided(store, one.id, action, NULL), 0);
	expect_unreported(store, NULL, false);
	assert_int_equal(store_fault_count(store), 2);
	json_decref(action);
	store_close(store);
}

static void fault_that_was_in_handling_is_found_and_abandoned(void **state)
{
	struct store *store = store_new();
	struct store_fault fault = fault_add(store, 500);
	json_t *row, *unfinished;
	size_t before;

	store_close(store);
	store = store_new();
	unfinished = store_faults_unfinished(store);
	before = json_array_size(unfinished);
	/* In the order in which they struck, whatever the clock said. */
	assert_string_equal(json_string_value(json_object_get(json_array_get(unfinished, before - 1),
							      "id")), fault.id);
	json_decref(unfinished);
	assert_int_equal(store_fault_abandon(store, fault.id), 0);
	unfinished = store_faults_unfinished(store);
	assert_int_equal(json_array_size(unfinished), before - 1);
	json_decref(unfinished);
	row = store_fault(store, fault.id);
	assert_string_equal(json_string_value(json_object_get(row, "state")), "failed");
	assert_string_equal(json_string_value(json_object_get(json_object_get(row, "outcome"),
							      "result")), "failed");
	json_decref(row);
	store_fault_reported(store, fault.id);
	store_fault_outcome_sent(store, fault.id);
	store_close(store);
}

/* What is said of faults meanwhile is there afterwards, and nobody is told of it before. */
static void disk_that_takes_nothing_for_a_while(void **state)
{
	struct store *store = store_new();
	struct store_fault before = fault_add(store, 1);
	struct store_fault fault = { .time_ms = 2, .kind = "signal.segv", .application = "a", .version = "1",
				     .data = json_pack("{s:s}", "k", "meanwhile") }, next = fault;
	json_t *action = json_pack("{s:s}", "action", "restart"), *row;
	int64_t number = store_fault_count(store);
	struct rlimit most, none = { 0 };
	uint64_t ticket;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &most), 0);
	none.rlim_max = most.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_not_equal(store_fault_add(store, &fault), 0);
	assert_int_equal(atoll(strrchr(fault.id, '-') + 1), atoll(strrchr(before.id, '-') + 1) + 1);
	expect_unreported(store, NULL, false);
	store_fault_decided(store, fault.id, action, NULL);
	store_fault_outcome(store, fault.id, "restored", action);
	assert_int_not_equal(store_commit(store, &ticket), 0);
	assert_int_not_equal(store_fault_add(store, &next), 0);
	assert_string_not_equal(next.id, fault.id);
	assert_int_not_equal(store_commit(store, &ticket), 0);
	expect_unreported(store, NULL, false);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);

	assert_int_equal(store_commit(store, &ticket), 0);
	assert_int_equal(store_fault_count(store), number + 2);
	row = store_fault(store, fault.id);
	assert_string_equal(json_string_value(json_object_get(row, "state")), "restored");
	assert_string_equal(json_string_value(json_object_get(json_object_get(row, "data"), "k")), "meanwhile");
	json_decref(row);
	store_fault_reported(store, before.id);
	expect_unreported(store, fault.id, true);
	for (int i = 0; i < 2; i++) {
		store_fault_reported(store, i ? next.id : fault.id);
		store_fault_outcome_sent(store, i ? next.id : fault.id);
	}
	json_decref(fault.data);
	json_decref(action);
	store_close(store);
}

/* A supervisor that ends in order, on a disk that has room again, loses none of what is in memory alone. */
static void what_is_in_memory_alone_is_in_the_database_at_the_end(void **state)
{
	struct store *store;
	/* Nothing is known of it but that. */
	struct store_fault fault = { .time_ms = 2, .kind = "signal.segv", .application = "a", .version = "1" };
	struct rlimit most, none = { 0 };
	int64_t number;
	char path[80];

	snprintf(path, sizeof(path), "%s-reserve", database);
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	store = store_new();
	number = store_fault_count(store);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &most), 0);
	none.rlim_max = most.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_not_equal(store_fault_add(store, &fault), 0);
	assert_int_not_equal(store_flush(store), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
	store_close(store);
	assert_int_equal(unlink(path), 0);

	store = store_new();
	assert_int_equal(store_fault_count(store), number + 1);
	store_fault_reported(store, fault.id);
	store_fault_abandon(store, fault.id);
	store_fault_outcome_sent(store, fault.id);
	store_close(store);
}

/* What a supervisor kept that died before the disk had room is in the database once, and numbers go on behind it. */
static void what_is_in_reserve_comes_into_the_database(void **state)
{
	struct store *store = store_new();
	struct store_fault before = fault_add(store, 1), next;
	int64_t number = store_fault_count(store), last = atoll(strrchr(before.id, '-') + 1);
	struct store_redo redo = {}, read = {};
	struct store_reserve reserve;
	char path[80], sql[512], id[64];
	struct error err = {};

	snprintf(path, sizeof(path), "%s-reserve", database);
	snprintf(id, sizeof(id), "%s-%lld", store_boot(store), (long long)last + 1);
	snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO fault (id, time, kind, application, version, state, data)"
		 " VALUES ('%s', 2, 'signal.segv', 'a', '1', 'stored', '{}')", id);
	assert_int_equal(store_reserve_open(&reserve, path, store_boot(store), &read, &err), 0);
	assert_int_equal(read.n, 0);
	assert_true(redo_add_text(&redo, sql, strlen(sql)));
	assert_int_equal(store_reserve_keep(&reserve, &redo, last + 1), 0);
	store_reserve_close(&reserve);
	redo_clear(&redo);
	store_close(store);

	for (int i = 0; i < 2; i++) {
		store = store_new();
		assert_int_equal(store_fault_count(store), number + 1);
		store_fault_reported(store, before.id);
		store_fault_outcome_sent(store, before.id);
		/* A supervisor that finds it again must not make it what it was. */
		if (!i)
			store_fault_abandon(store, id);
		else
			expect_unreported(store, id, false);
		store_close(store);
	}
	store = store_new();
	store_fault_reported(store, id);
	store_fault_outcome_sent(store, id);
	next = fault_add(store, 3);
	assert_int_equal(atoll(strrchr(next.id, '-') + 1), last + 2);
	store_fault_reported(store, next.id);
	store_fault_outcome_sent(store, next.id);
	store_close(store);
}

static void what_is_in_reserve_and_cannot_be_run_is_dropped(void **state)
{
	struct store *store = store_new();
	int64_t number = store_fault_count(store);
	struct store_redo redo = {}, read = {};
	struct store_reserve reserve;
	struct store_fault fault;
	struct error err = {};
	char path[80];

	store_close(store);
	snprintf(path, sizeof(path), "%s-reserve", database);
	assert_int_equal(store_reserve_open(&reserve, path, "", &read, &err), 0);
	assert_true(redo_add_text(&redo, "UPDATE fault SET nothing = 1", 28));
	assert_int_equal(store_reserve_keep(&reserve, &redo, 1), 0);
	store_reserve_close(&reserve);
	redo_clear(&redo);

	store = store_new();
	fault = fault_add(store, 1);
	assert_int_equal(store_fault_count(store), number + 1);
	store_fault_reported(store, fault.id);
	store_fault_outcome_sent(store, fault.id);
	store_close(store);
	assert_int_equal(store_reserve_open(&reserve, path, "", &read, &err), 0);
	assert_int_equal(read.n, 0);
	store_reserve_close(&reserve);
}

static void numbers_of_faults_go_on(void **state)
{
	struct store *store = store_new();
	struct store_fault one = fault_add(store, 1), two;

	store_close(store);
	store = store_new();
	two = fault_add(store, 2);
	assert_int_equal(atoll(strrchr(two.id, '-') + 1), atoll(strrchr(one.id, '-') + 1) + 1);
	store_close(store);
}

/* Where retention has taken all that was old, no number is given twice. */
static void numbers_of_faults_go_on_after_retention(void **state)
{
	const struct store_retention a_day = { .fault_days = 1 };
	struct store *store = store_new();
	struct store_fault one = fault_add(store, 1), two, three;
	json_t *outcome = json_object(), *row;

	two = fault_add(store, 2);
	for (const struct store_fault *fault = &one; fault; fault = fault == &one ? &two : NULL) {
		store_fault_reported(store, fault->id);
		store_fault_outcome(store, fault->id, "restored", outcome);
		store_fault_outcome_sent(store, fault->id);
	}
	json_decref(outcome);
	store_retain(store, &a_day);
	row = store_fault(store, one.id);
	assert_null(row);
	three = fault_add(store, 3);
	assert_int_equal(atoll(strrchr(three.id, '-') + 1), atoll(strrchr(two.id, '-') + 1) + 1);
	store_close(store);
}

static void events_come_newest_first(void **state)
{
	struct store *store = store_new();
	struct store_event event = { .part = "script", .text = "t", .application = "a" };
	json_t *rows;

	event.name = "one";
	assert_int_equal(store_event_add(store, &event), 0);
	event.name = "two";
	event.application = NULL;
	assert_int_equal(store_event_add(store, &event), 0);
	assert_int_equal(store_flush(store), 0);
	assert_int_equal(store_flush(store), 0);
	rows = store_events(store, &(struct store_filter){ .limit = 10 });
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "name")), "two");
	json_decref(rows);
	rows = store_events(store, &(struct store_filter){ .application = "a", .limit = 10 });
	assert_int_equal(json_array_size(rows), 1);
	json_decref(rows);
	store_close(store);
}

static void commit_tells_when_it_is_durable(void **state)
{
	struct store_event event = { .part = "test", .name = "n", .text = "" };
	struct store *store = store_new();
	uint64_t ticket, last = 0;

	for (int i = 0; i < 100; i++) {
		assert_int_equal(store_event_add(store, &event), 0);
		assert_int_equal(store_commit(store, &ticket), 0);
		assert_true(ticket > last);
		last = ticket;
	}
	while (durable < last)
		ev_run(loop, EVRUN_ONCE);
	assert_int_equal(durable, last);
	store_close(store);
}

/* What is written goes into the database, so that the log does not grow for ever. */
static void log_is_bounded(void **state)
{
	struct store_event event = { .part = "test", .name = "n" };
	struct store *store = store_new();
	char text[4000], log[80];
	struct stat st;
	uint64_t ticket;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	event.text = text;
	for (int i = 0; i < 8000; i++) {
		assert_int_equal(store_event_add(store, &event), 0);
		if (i % 100)
			continue;
		assert_int_equal(store_commit(store, &ticket), 0);
		while (durable < ticket)
			ev_run(loop, EVRUN_ONCE);
	}
	snprintf(log, sizeof(log), "%s-wal", database);
	assert_int_equal(stat(log, &st), 0);
	assert_in_range(st.st_size, 1, 16 << 20);
	store_close(store);
}

static void large_data_are_packed(void **state)
{
	json_t *json = json_pack("{s:s, s:[i,i]}", "text", "\xe2\x98\x83", "numbers", 1, 2), *back;
	size_t size;
	uint8_t *packed = packed_make(json, &size);

	assert_non_null(packed);
	back = packed_open(packed, size);
	assert_true(json_equal(json, back));
	json_decref(back);
	for (size_t i = 0; i < size; i++)
		assert_null(packed_open(packed, i));
	for (size_t i = 0; i < size; i++) {
		packed[i] ^= 0x40;
		back = packed_open(packed, size);
		/* Bits behind the end of the data mean nothing. */
		assert_true(!back || json_equal(json, back));
		json_decref(back);
		packed[i] ^= 0x40;
	}
	free(packed);
	json_decref(json);
}

static void database_of_others_is_left_alone(void **state)
{
	static const char text[] = "this is not a database at all, but it is somebody's file\n";
	char other[80];
	struct error err = { 0 };
	struct store *store = NULL;
	char *data;

	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(file_write(other, text, strlen(text), 0644, NULL), 0);
	assert_int_not_equal(store_open(&store, other, loop, NULL, NULL, &err), 0);
	assert_non_null(strstr(err.text, other));
	data = file_read(other, 4096, NULL, NULL);
	assert_string_equal(data, text);
	free(data);
}

/* A record and a capture in one buffer, aligned as the kernel's are. */
struct whole {
	struct faultline_record record;
	struct faultline_capture capture;
	unsigned char stack[64];
} __attribute__((aligned(8)));

static void records_are_checked(void **state)
{
	const struct faultline_capture *capture;
	struct whole good = {
		.record = { .len = sizeof(good), .type = FAULTLINE_RECORD_FATAL,
			    .flags = FAULTLINE_F_CAPTURE },
		.capture = { .nregs = 27, .stack_len = 64 },
	};
	struct whole bad;

	assert_non_null(source_record_check(&good, sizeof(good), &capture));
	assert_non_null(capture);
	assert_null(source_record_check(&good, sizeof(good) - 8, &capture));
	assert_null(source_record_check(&good, 0, &capture));
	assert_null(source_record_check(&good, 7, &capture));
	bad = good;
	bad.capture.stack_len = 65;
	assert_null(source_record_check(&bad, sizeof(bad), &capture));
	bad.capture.stack_len = ~0U;
	assert_null(source_record_check(&bad, sizeof(bad), &capture));
	bad = good;
	bad.capture.nregs = FAULTLINE_REGS_MAX + 1;
	assert_null(source_record_check(&bad, sizeof(bad), &capture));
	bad = good;
	bad.record.len = sizeof(bad.record) - 8;
	assert_null(source_record_check(&bad, sizeof(bad), &capture));
	bad.record.len = sizeof(bad.record) + 8;
	assert_null(source_record_check(&bad, sizeof(bad), &capture));
	good.record.flags = 0;
	assert_non_null(source_record_check(&good, sizeof(good), &capture));
	assert_null(capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_on_records),
		cmocka_unit_test(verdicts_on_notifications),
		cmocka_unit_test(fault_is_told_until_the_center_has_all_of_it),
		cmocka_unit_test(fault_that_was_in_handling_is_found_and_abandoned),
		cmocka_unit_test(disk_that_takes_nothing_for_a_while),
		cmocka_unit_test(what_is_in_memory_alone_is_in_the_database_at_the_end),
		cmocka_unit_test(what_is_in_reserve_comes_into_the_database),
		cmocka_unit_test(what_is_in_reserve_and_cannot_be_run_is_dropped),
		cmocka_unit_test(numbers_of_faults_go_on),
		cmocka_unit_test(numbers_of_faults_go_on_after_retention),
		cmocka_unit_test(events_come_newest_first),
		cmocka_unit_test(commit_tells_when_it_is_durable),
		cmocka_unit_test(log_is_bounded),
		cmocka_unit_test(large_data_are_packed),
		cmocka_unit_test(database_of_others_is_left_alone),
		cmocka_unit_test(records_are_checked),
	};

	return cmocka_run_group_tests_name("reliability", tests, setup, teardown);
}
