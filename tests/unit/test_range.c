// SPDX-License-Identifier: GPL-2.0-only
/* The range of operation: from what was seen to what is to be expected, and its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/range.h"

static const struct range_places places = { .state = "/var/lib/x/state/a", .bundle = "/var/lib/x/apps/a" };

static char path[] = "/tmp/range-unit-XXXXXX";

static void file_seen(struct range *range, const char *name, unsigned int access)
{
	range_add(range, &(struct range_entry){ .type = RANGE_FILE, .name = (char *)name, .access = access });
}

static const struct range_entry *find(const struct range *range, const char *name)
{
	for (size_t i = 0; i < range->count; i++)
		if (range->entries[i].name && !strcmp(range->entries[i].name, name))
			return &range->entries[i];
	return NULL;
}

static void test_accesses_add_up(void **state)
{
	__cleanup_range struct range *range = range_new("a", "1");

	file_seen(range, "/etc/hosts", RANGE_ACCESS_READ);
	file_seen(range, "/etc/hosts", RANGE_ACCESS_EXECUTE);
	assert_int_equal(range->count, 1);
	assert_int_equal(range->entries[0].access, RANGE_ACCESS_READ | RANGE_ACCESS_EXECUTE);
}

static void test_places(void **state)
{
	__cleanup_range struct range *range = range_new("a", "1");
	char *filled;

	file_seen(range, "/var/lib/x/state/a/journal", RANGE_ACCESS_READ | RANGE_ACCESS_WRITE);
	file_seen(range, "/var/lib/x/state/a/deep/er", RANGE_ACCESS_READ);
	file_seen(range, "/var/lib/x/apps/a/program", RANGE_ACCESS_EXECUTE);
	/* Another application's, whose name only begins so. */
	file_seen(range, "/var/lib/x/state/a2/secret", RANGE_ACCESS_READ);
	range_generalise(range, &places);
	assert_int_equal(range->count, 3);
	assert_int_equal(find(range, "{state}")->type, RANGE_FOLDER);
	assert_int_equal(find(range, "{state}")->access, RANGE_ACCESS_READ | RANGE_ACCESS_WRITE);
	assert_int_equal(find(range, "{bundle}")->access, RANGE_ACCESS_READ | RANGE_ACCESS_EXECUTE);
	assert_int_equal(find(range, "/var/lib/x/state/a2/secret")->type, RANGE_FILE);
	filled = range_path("{state}/b", &places);
	assert_string_equal(filled, "/var/lib/x/state/a/b");
	free(filled);
	assert_null(range_path("{state}/b", &(struct range_places){}));
}

static void test_siblings(void **state)
{
	__cleanup_range struct range *range = range_new("a", "1");
	char name[64];

	for (int i = 0; i < RANGE_SIBLINGS; i++) {
		snprintf(name, sizeof(name), "/usr/lib/many/module%c.so", 'a' + i);
		file_seen(range, name, RANGE_ACCESS_READ);
	}
	for (int i = 0; i < RANGE_SIBLINGS - 1; i++) {
		snprintf(name, sizeof(name), "/usr/lib/few/module%c.so", 'a' + i);
		file_seen(range, name, RANGE_ACCESS_READ);
	}
	/* Something else was done with this one. */
	file_seen(range, "/usr/lib/few/moduleX.so", RANGE_ACCESS_EXECUTE);
	range_generalise(range, &places);
	assert_int_equal(find(range, "/usr/lib/many")->type, RANGE_FOLDER);
	assert_null(find(range, "/usr/lib/many/modulea.so"));
	assert_null(find(range, "/usr/lib/few"));
	/* And the two places. */
	assert_int_equal(range->count, 2 + 1 + RANGE_SIBLINGS);
}

static void test_names_made_up(void **state)
{
	__cleanup_range struct range *range = range_new("a", "1");

	file_seen(range, "/tmp/scratch/job-48213", RANGE_ACCESS_WRITE);
	file_seen(range, "/var/spool/x/tmp.aB3xY9", RANGE_ACCESS_WRITE);
	file_seen(range, "/var/log/journal", RANGE_ACCESS_WRITE);
	/* Only read: it was there before. */
	file_seen(range, "/usr/share/data-2024", RANGE_ACCESS_READ);
	file_seen(range, "/proc/self", RANGE_ACCESS_READ);
	file_seen(range, "/proc/812/stat", RANGE_ACCESS_READ);
	/* Never all there is. */
	file_seen(range, "/x12345", RANGE_ACCESS_WRITE);
	range_generalise(range, &places);
	assert_int_equal(find(range, "/tmp/scratch")->type, RANGE_FOLDER);
	assert_int_equal(find(range, "/var/spool/x")->type, RANGE_FOLDER);
	assert_int_equal(find(range, "/var/log/journal")->type, RANGE_FILE);
	assert_int_equal(find(range, "/usr/share/data-2024")->type, RANGE_FILE);
	assert_int_equal(find(range, "/proc")->type, RANGE_FOLDER);
	assert_null(find(range, "/proc/self"));
	assert_int_equal(find(range, "/x12345")->type, RANGE_FILE);
}

static void test_file(void **state)
{
	__cleanup_range struct range *range = range_new("air-conditioner", "1.0.0"), *again = NULL;
	struct range_entry address = { .type = RANGE_ADDRESS, .family = AF_INET, .port = 502,
				       .address = { 127, 0, 0, 1 } };
	struct error err = {};

	file_seen(range, "/etc/a & \"b\" <c>", RANGE_ACCESS_READ | RANGE_ACCESS_WRITE);
	range_add(range, &(struct range_entry){ .type = RANGE_FOLDER, .name = "{state}", .access = 7 });
	range_add(range, &address);
	address = (struct range_entry){ .type = RANGE_ADDRESS, .family = AF_INET6, .bind = true };
	range_add(range, &address);
	range_add(range, &(struct range_entry){ .type = RANGE_FAMILY, .number = AF_CAN });
	range_add(range, &(struct range_entry){ .type = RANGE_FAMILY, .number = 44 });
	range_add(range, &(struct range_entry){ .type = RANGE_CAPABILITY, .number = 10 });
	range_add(range, &(struct range_entry){ .type = RANGE_LOCAL, .name = "@abstract" });
	assert_int_equal(range_write(range, path, &err), 0);
	again = range_read(path, &err);
	if (!again)
		fail_msg("%s", err.text);
	assert_string_equal(again->application, "air-conditioner");
	assert_false(again->incomplete);
	assert_int_equal(again->count, range->count);
	for (size_t i = 0; i < range->count; i++) {
		const struct range_entry *a = &range->entries[i], *b = &again->entries[i];

		assert_int_equal(a->type, b->type);
		assert_int_equal(a->access, b->access);
		assert_int_equal(a->number, b->number);
		assert_int_equal(a->family, b->family);
		assert_int_equal(a->port, b->port);
		assert_int_equal(a->bind, b->bind);
		assert_memory_equal(a->address, b->address, sizeof(a->address));
		if (a->name)
			assert_string_equal(a->name, b->name);
	}
}

/* A name that XML cannot hold is left out, and that is said. */
static void test_incomplete(void **state)
{
	__cleanup_range struct range *range = range_new("a", "1"), *again = NULL;
	struct error err = {};

	file_seen(range, "/etc/\xff", RANGE_ACCESS_READ);
	file_seen(range, "/etc/hosts", RANGE_ACCESS_READ);
	assert_int_equal(range_write(range, path, &err), 0);
	again = range_read(path, &err);
	assert_non_null(again);
	assert_true(again->incomplete);
	assert_int_equal(again->count, 1);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"<file path=\"etc\" access=\"read\"/>",
		"<file path=\"/a/../b\" access=\"read\"/>",
		"<file path=\"/a\" access=\"look\"/>",
		"<family name=\"appletalk-of-old\"/>",
		"<capability name=\"99\"/>",
		"<address operation=\"connect\" family=\"inet\" address=\"::1\"/>",
		"<address operation=\"connect\" family=\"inet\" port=\"70000\"/>",
		"<local name=\"\"/>",
		"<folder access=\"read\"/>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		FILE *file = fopen(path, "w");
		struct error err = {};

		assert_non_null(file);
		fprintf(file, "<range application=\"a\" version=\"1\">\n%s\n</range>\n", bad[i]);
		fclose(file);
		assert_null(range_read(path, &err));
		assert_non_null(strstr(err.text, ":2"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accesses_add_up), cmocka_unit_test(test_places),
		cmocka_unit_test(test_siblings),	cmocka_unit_test(test_names_made_up),
		cmocka_unit_test(test_file),		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_refused),
	};
	int fd = mkstemp(path), ret;

	setenv("FAULTLINE_DTD", "dtd", 0);
	ret = cmocka_run_group_tests_name("range-file", tests, NULL, NULL);
	close(fd);
	unlink(path);
	return ret;
}
