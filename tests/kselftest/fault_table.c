// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each row of the table of faults (tests/faults/table.c), and what the module
 * tells of it: with faults that are not held, and those that can be once more,
 * held and released. With names of rows as arguments those alone.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"
#include "acts.h"
#include "client.h"

#define RECORDS_MAX 64
#define FAULTER "./faulter"
/* Long against a pass of an emulated machine. */
#define THRESHOLD_MS 400
/* Longer than a test: who is held goes on because it is released. */
#define HOLD_MS 600000
#define PATIENCE_MS 60000

static struct client client;
static uint64_t cookie = 0x7ab1e000;

static const enum faultline_watch_attr thresholds[] = {
	[FAULTLINE_HANG_DSTATE] = FAULTLINE_WATCH_A_DSTATE_MS,
	[FAULTLINE_HANG_STARVED] = FAULTLINE_WATCH_A_STARVED_MS,
	[FAULTLINE_HANG_SPIN] = FAULTLINE_WATCH_A_SPIN_MS,
	[FAULTLINE_HANG_DEADLOCK] = FAULTLINE_WATCH_A_DEADLOCK_MS,
	[FAULTLINE_HANG_HEARTBEAT] = FAULTLINE_WATCH_A_HEARTBEAT_MS,
};

static int watch(const struct fault *fault, pid_t pid, bool held, uint32_t *id)
{
	struct settings settings = {};

	if (held)
		settings_give(&settings, FAULTLINE_WATCH_A_HOLD_MS, HOLD_MS);
	if (fault->verdict)
		settings_give(&settings, thresholds[fault->verdict], THRESHOLD_MS);
	if (fault->verdict == FAULTLINE_HANG_DEADLOCK)
		settings_give(&settings, FAULTLINE_WATCH_A_WORK, 1);
	return client_watch_with(&client, pid, ++cookie, &settings, id);
}

static size_t collect(const struct faultline_record *records[])
{
	size_t count = 0;

	for (size_t i = 0; i < client.count && count < RECORDS_MAX; i++)
		if (client.events[i].record.cookie == cookie)
			records[count++] = &client.events[i].record;
	return count;
}

static size_t seen;	/* events that have been answered */

static bool is_new(const struct event *event, uint64_t of)
{
	return event >= &client.events[seen] && event->record.cookie == of;
}

/* Do what the records ask for, up to the last one. */
static int attend(struct fault_program *program, uint32_t id)
{
	const struct faultline_record *record;
	int err;

	for (seen = 0;; seen++) {
		err = client_wait(&client, PATIENCE_MS, is_new, cookie);
		if (err)
			return err;
		record = &client.events[seen].record;
		if (record->cookie != cookie)
			continue;
		if (record->type == FAULTLINE_RECORD_HELD)
			client_release(&client, id);
		else if (record->type == FAULTLINE_RECORD_HANG)
			kill(program->stuck, SIGKILL);
		else if (record->type == FAULTLINE_RECORD_HANG_OVER)
			fault_go(program);
		else if (record->type == FAULTLINE_RECORD_EXIT && record->flags & FAULTLINE_F_LAST)
			return 0;
	}
}

static bool follow(const struct fault *fault, bool held, char *text, size_t size)
{
	const struct faultline_record *records[RECORDS_MAX];
	struct fault_subject subject = { .tester = getpid(), .held = held };
	struct fault_program program;
	uint32_t id;
	bool fits;
	int err;

	err = fault_start(&program, fault, FAULTER);
	if (!err)
		err = watch(fault, program.pid, held, &id);
	if (!err)
		err = fault_release(&program);
	if (!err)
		err = attend(&program, id);
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

static void test_row(const struct fault *fault, bool held)
{
	const char *missing = fault_missing(fault), *how = held ? ", held" : "";
	char text[512] = "";

	if (missing) {
		ksft_test_result_skip("%s%s: %s\n", fault->name, how, missing);
		return;
	}
	if (follow(fault, held, text, sizeof(text))) {
		ksft_test_result_pass("%s%s\n", fault->name, how);
		return;
	}
	ksft_print_msg("%s%s: %s\n", fault->name, how, text);
	ksft_test_result_fail("%s%s\n", fault->name, how);
}

/* After all of them nothing is lost, missed or left behind. */
static void test_ledger(void)
{
	struct stats stats;
	bool clean;

	clean = !client_stats(&client, &stats) && stats_balance(&stats) &&
		!stats.value[FAULTLINE_STATS_A_LOST_NO_SLOT] &&
		!stats.value[FAULTLINE_STATS_A_CAPTURES_MISSED] &&
		!stats.value[FAULTLINE_STATS_A_BLOCKS_MISSED] &&
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

static bool is_place(const char *place)
{
	return !place || !strcmp(place, "/main") || !strcmp(place, "/threads");
}

/*
 * What can be held, with one thread and with many, and one of them everywhere;
 * of what cannot be held each once.
 */
static bool is_held(const struct fault *fault)
{
	const char *sees = fault_sees(fault, FAULT_MODULE), *place = strchr(fault->name, '/');

	if (strstr(sees, "holds"))
		return is_place(place) || fault->act == null_read;
	return strstr(sees, "fatal") && place && !strcmp(place, "/main");
}

/* @act: NULL: count only. Return: how many there are. */
static unsigned int each_row(int argc, char **argv, void (*act)(const struct fault *fault, bool held))
{
	unsigned int count = 0;

	for (int held = false; held <= true; held++) {
		for (size_t i = 0; i < fault_count; i++) {
			if (!is_wanted(&faults[i], argc, argv) || (held && !is_held(&faults[i])))
				continue;
			count++;
			if (act)
				act(&faults[i], held);
		}
	}
	return count;
}

int main(int argc, char **argv)
{
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
	ksft_set_plan(each_row(argc, argv, NULL) + 1);
	each_row(argc, argv, test_row);
	test_ledger();
	ksft_finished();
}
