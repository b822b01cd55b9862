// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each row of the table of faults (tests/faults/table.c), and what the module
 * tells of it. With names of rows as arguments those alone.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"
#include "client.h"
#include "faults.h"

#define RECORDS_MAX 64
#define FAULTER "./faulter"

static struct client client;
static uint64_t cookie = 0x7ab1e000;

static size_t collect(const struct faultline_record *records[])
{
	size_t count = 0;

	for (size_t i = 0; i < client.count && count < RECORDS_MAX; i++)
		if (client.events[i].record.cookie == cookie)
			records[count++] = &client.events[i].record;
	return count;
}

static bool follow(const struct fault *fault, char *text, size_t size)
{
	const struct faultline_record *records[RECORDS_MAX];
	struct fault_program program;
	struct fault_subject subject = { .tester = getpid() };
	bool fits;
	int err;

	err = fault_start(&program, fault, FAULTER);
	if (!err)
		err = client_watch(&client, program.pid, ++cookie, NULL);
	if (!err)
		err = fault_release(&program);
	if (!err)
		err = client_wait_last(&client, cookie);
	fault_end(&program);
	if (err) {
		snprintf(text, size, "%s; %zu records came", strerror(-err), collect(records));
		return false;
	}
	subject.main = program.pid;
	fits = fault_check(fault, FAULT_MODULE, &subject, records, collect(records), text, size);
	client_ack(&client, client.events[client.count - 1].record.seq);
	client_forget(&client);
	return fits;
}

static void test_row(const struct fault *fault)
{
	const char *missing = fault_missing(fault);
	char text[512] = "";

	if (missing) {
		ksft_test_result_skip("%s: %s\n", fault->name, missing);
		return;
	}
	if (follow(fault, text, sizeof(text))) {
		ksft_test_result_pass("%s\n", fault->name);
		return;
	}
	ksft_print_msg("%s: %s\n", fault->name, text);
	ksft_test_result_fail("%s\n", fault->name);
}

/* After all of them nothing is lost, missed or left behind. */
static void test_ledger(void)
{
	struct stats stats;
	bool clean;

	clean = !client_stats(&client, &stats) && stats_balance(&stats) &&
		!stats.value[FAULTLINE_STATS_A_LOST_NO_SLOT] &&
		!stats.value[FAULTLINE_STATS_A_CAPTURES_MISSED] &&
		!stats.value[FAULTLINE_STATS_A_PENDING] &&
		!stats.value[FAULTLINE_STATS_A_WATCHES] &&
		!stats.value[FAULTLINE_STATS_A_PROCESSES];
	ksft_test_result(clean, "the ledger\n");
}

static bool is_wanted(const struct fault *fault, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], fault->name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	unsigned int wanted = 1;
	int err;

	ksft_print_header();
	if (!module_loaded() && module_load(""))
		ksft_exit_fail_msg("the module cannot be loaded: %s\n", strerror(errno));
	err = client_open(&client);
	if (!err)
		err = client_join(&client);
	if (err)
		ksft_exit_fail_msg("no client: %s\n", strerror(-err));
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < fault_count; i++)
		wanted += is_wanted(&faults[i], argc, argv);
	ksft_set_plan(wanted);
	for (size_t i = 0; i < fault_count; i++)
		if (is_wanted(&faults[i], argc, argv))
			test_row(&faults[i]);
	test_ledger();
	ksft_finished();
}
