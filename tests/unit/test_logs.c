// SPDX-License-Identifier: GPL-2.0-only
/* The logs of applications: what goes in comes out, clean, bounded, and over a restart. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "supervisord/runtime/logs.h"

struct seen {
	int n;
	char first[LOGS_LINE_MAX + 1];
	char last[LOGS_LINE_MAX + 1];
	int pid;
};

static char folder[] = "/tmp/faultline-logs-XXXXXX";

static struct logs *logs_here(void)
{
	struct error err = { 0 };
	struct logs *logs = logs_open(folder, &err);

	assert_non_null(logs);
	return logs;
}

static void see(void *user, json_t *line)
{
	struct seen *seen = user;
	const char *text = json_string_value(json_object_get(line, "text"));

	assert_non_null(text);
	assert_int_equal(strlen(json_string_value(json_object_get(line, "time"))), 24);
	if (!seen->n++)
		strcpy(seen->first, text);
	strcpy(seen->last, text);
	seen->pid = json_integer_value(json_object_get(line, "pid"));
}

static void add(struct logs *logs, const char *name, const char *text)
{
	logs_add(logs, name, 4711, text, strlen(text));
}

static int setup(void **state)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	return folder_remove(folder, NULL);
}

static void test_last_lines(void **state)
{
	struct logs *logs = logs_here();
	struct seen all = { 0 }, two = { 0 }, one = { 0 };

	assert_int_equal(logs_read(logs, "pump", 10, see, &all), -ENOENT);
	add(logs, "pump", "one");
	assert_int_equal(logs_read(logs, "pump", 1, see, &one), 1);
	assert_string_equal(one.last, "one");
	add(logs, "pump", "");
	add(logs, "pump", "three, with spaces ");
	add(logs, "other", "not the pump's");
	logs_close(logs);
	/* Another supervisor. */
	logs = logs_here();
	assert_int_equal(logs_read(logs, "pump", 10, see, &all), 3);
	assert_string_equal(all.first, "one");
	assert_int_equal(all.pid, 4711);
	assert_int_equal(logs_read(logs, "pump", 2, see, &two), 2);
	assert_string_equal(two.first, "");
	assert_string_equal(two.last, "three, with spaces ");
	logs_close(logs);
}

static void test_hostile_lines(void **state)
{
	struct logs *logs = logs_here();
	char text[LOGS_LINE_MAX + 2];
	struct seen seen = { 0 };

	logs_add(logs, "pump", 1, "a\0b\x1b[2J\x7f\r", 9);
	logs_read(logs, "pump", 1, see, &seen);
	assert_string_equal(seen.last, "a b [2J  ");
	add(logs, "pump", "\xff good \xc3\xa4");
	logs_read(logs, "pump", 1, see, &seen);
	assert_string_equal(seen.last, "? good \xc3\xa4");
	add(logs, "pump", "\xe2\x98\x83 and \xc3\xa4");
	logs_read(logs, "pump", 1, see, &seen);
	assert_string_equal(seen.last, "\xe2\x98\x83 and \xc3\xa4");
	/* A cut does not fall into a character. */
	memset(text, 'x', sizeof(text));
	memcpy(text + LOGS_LINE_MAX - 1, "\xe2\x98\x83", 3);
	logs_add(logs, "pump", 1, text, sizeof(text));
	logs_read(logs, "pump", 1, see, &seen);
	assert_int_equal(strlen(seen.last), LOGS_LINE_MAX - 1);
	logs_close(logs);
}

static void test_bounded(void **state)
{
	struct logs *logs = logs_here();
	struct seen seen = { 0 };
	char line[64], path[128];
	struct stat st;

	for (int i = 0; i < 30000; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		add(logs, "pump", line);
	}
	snprintf(path, sizeof(path), "%s/pump.log", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= LOGS_FILE_MAX);
	snprintf(path, sizeof(path), "%s/pump.log.1", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size <= LOGS_FILE_MAX);
	assert_int_equal(logs_read(logs, "pump", 1000, see, &seen), 1000);
	assert_string_equal(seen.first, "line 29000");
	assert_string_equal(seen.last, "line 29999");
	logs_close(logs);
}

static void test_oldest_goes(void **state)
{
	struct logs *logs = logs_here();
	struct seen seen = { 0 };
	char name[16], path[128];

	for (int i = 0; i < LOGS_MAX; i++) {
		struct timespec times[2] = { { .tv_sec = 1000 + (i + 7) % LOGS_MAX },
					     { .tv_sec = 1000 + (i + 7) % LOGS_MAX } };

		snprintf(name, sizeof(name), "app-%d", i);
		add(logs, name, "here");
		snprintf(path, sizeof(path), "%s/%s.log", folder, name);
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
	add(logs, "new", "here");
	snprintf(name, sizeof(name), "app-%d", LOGS_MAX - 7);
	assert_int_equal(logs_read(logs, name, 1, see, &seen), -ENOENT);
	assert_int_equal(logs_read(logs, "app-0", 1, see, &seen), 1);
	assert_int_equal(logs_read(logs, "new", 1, see, &seen), 1);
	/* One that was removed under an open file begins anew. */
	add(logs, name, "again");
	assert_int_equal(logs_read(logs, name, 5, see, &seen), 1);
	logs_close(logs);
}

static void test_follower(void **state)
{
	struct logs *logs = logs_here();
	struct seen pump = { 0 }, other = { 0 };
	struct logs_follower *follower = logs_follow(logs, "pump", see, &pump);

	logs_follow(logs, "other", see, &other);
	add(logs, "pump", "told");
	assert_int_equal(pump.n, 1);
	assert_string_equal(pump.last, "told");
	assert_int_equal(other.n, 0);
	logs_unfollow(logs, follower);
	add(logs, "pump", "not told");
	assert_int_equal(pump.n, 1);
	logs_close(logs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_last_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oldest_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follower, setup, teardown),
	};

	return cmocka_run_group_tests_name("logs", tests, NULL, NULL);
}
