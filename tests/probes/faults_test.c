// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each row of the table of faults (tests/faults/table.c), and what the probes tell
 * of it without the module. With names of rows as arguments those alone.
 */
#include "tests/probes/stage.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/faults/faults.h"

#define RECORDS_MAX 64

static const char *faulter = "build/out/tests/faulter";

/* The table speaks of ends; what a process ran into before is told beside them. */
static size_t ends_collect(const struct faultline_record *records[])
{
	size_t count = 0;

	for (size_t i = 0; i < stage.count && count < RECORDS_MAX; i++) {
		const struct faultline_record *record = &stage.seen[i].record;

		if (record->cookie == stage.cookie && (record->type == FAULTLINE_RECORD_FATAL ||
						       record->type == FAULTLINE_RECORD_EXIT))
			records[count++] = record;
	}
	return count;
}

static void test_row(void **state)
{
	const struct faultline_record *records[RECORDS_MAX];
	struct fault_subject subject = { .tester = getpid() };
	const struct fault *fault = *state;
	struct fault_program program;
	struct error err = {};
	char text[512] = "";
	uint32_t watch;

	stage_begin();
	if (fault_missing(fault)) {
		print_message("# %s\n", fault_missing(fault));
		skip();
	}
	assert_int_equal(fault_start(&program, fault, faulter), 0);
	subject.main = program.pid;
	if (stage.ops->watch(stage.source, program.pid, ++stage.cookie, NULL, &watch, &err))
		fail_msg("watch: %s", err.text);
	assert_int_equal(fault_release(&program), 0);
	stage_until_last();
	fault_end(&program);
	if (!fault_check(fault, FAULT_PROBES, &subject, records, ends_collect(records), text,
			 sizeof(text)))
		fail_msg("%s", text);
	stage_ledger();
}

static void test_ledger(void **state)
{
	struct source_ledger ledger;

	stage_begin();
	ledger = stage_ledger();
	assert_int_equal(ledger.lost, 0);
	assert_int_equal(ledger.pending, 0);
}

static bool wanted(const struct fault *fault, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], fault->name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	struct CMUnitTest *tests = calloc(fault_count + 1, sizeof(*tests));
	size_t count = 0;
	int failed;

	if (!tests)
		return 1;
	if (!access("./faulter", X_OK))
		faulter = "./faulter";
	for (size_t i = 0; i < fault_count; i++)
		if (wanted(&faults[i], argc, argv) && *fault_sees(&faults[i], FAULT_PROBES))
			tests[count++] = (struct CMUnitTest){
				.name = faults[i].name, .test_func = test_row,
				.initial_state = (void *)&faults[i],
			};
	tests[count++] = (struct CMUnitTest){ .name = "ledger", .test_func = test_ledger };
	signal(SIGPIPE, SIG_IGN);
	stage.ops = &source_probes;
	failed = _cmocka_run_group_tests("faults", tests, count, stage_setup, stage_teardown);
	free(tests);
	return failed;
}
