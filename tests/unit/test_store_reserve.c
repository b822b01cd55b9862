// SPDX-License-Identifier: GPL-2.0-only
/* Room for what is said of faults while the database has none: what was kept in it comes back, and nothing else. */
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

#include "lib/file.h"
#include "supervisord/reliability/store_reserve.h"

static char folder[] = "/tmp/faultline-reserve-XXXXXX";
static char path[64];

static int setup(void **state)
{
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/reserve", folder);
	return 0;
}

static int teardown(void **state)
{
	return folder_remove(folder, NULL);
}

static struct store_reserve opened(struct store_redo *redo, const char *boot)
{
	struct store_reserve reserve;
	struct error err = {};

	*redo = (struct store_redo){};
	assert_int_equal(store_reserve_open(&reserve, path, boot, redo, &err), 0);
	return reserve;
}

static void said(struct store_redo *redo, const char *text)
{
	assert_true(redo_add_text(redo, text, strlen(text)));
}

/* How many there are after the supervisor's death. */
static size_t found(struct store_redo *redo)
{
	struct store_reserve reserve = opened(redo, "this");

	store_reserve_close(&reserve);
	return redo->n;
}

static void emptied(void)
{
	struct store_redo redo;
	struct store_reserve reserve = opened(&redo, "this");

	assert_int_equal(store_reserve_clear(&reserve), 0);
	store_reserve_close(&reserve);
	redo_clear(&redo);
}

static void what_is_kept_comes_back(void **state)
{
	struct store_redo redo;
	struct store_reserve reserve = opened(&redo, "this");
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, STORE_RESERVE_BYTES);
	assert_int_equal(st.st_mode & 0777, 0600);
	said(&redo, "one");
	assert_int_equal(store_reserve_keep(&reserve, &redo, 7), 0);
	said(&redo, "two, '%s'");
	assert_int_equal(store_reserve_keep(&reserve, &redo, 8), 0);
	/* Nothing is new. */
	assert_int_equal(store_reserve_keep(&reserve, &redo, 9), 0);
	store_reserve_close(&reserve);
	redo_clear(&redo);

	reserve = opened(&redo, "this");
	assert_int_equal(redo.n, 2);
	assert_string_equal(redo.sql[0], "one");
	assert_string_equal(redo.sql[1], "two, '%s'");
	assert_int_equal(reserve.number, 8);
	/* It goes on behind them. */
	said(&redo, "three");
	assert_int_equal(store_reserve_keep(&reserve, &redo, 9), 0);
	store_reserve_close(&reserve);
	redo_clear(&redo);

	reserve = opened(&redo, "another boot");
	assert_int_equal(redo.n, 3);
	assert_int_equal(reserve.number, 0);
	assert_int_equal(store_reserve_clear(&reserve), 0);
	redo_clear(&redo);
	/* What lies behind the end is gone, too. */
	said(&redo, "one");
	assert_int_equal(store_reserve_keep(&reserve, &redo, 10), 0);
	store_reserve_close(&reserve);
	redo_clear(&redo);
	assert_int_equal(found(&redo), 1);
	redo_clear(&redo);
	emptied();
	assert_int_equal(found(&redo), 0);
}

/* What a power cut left half written ends it. */
static void damage_is_seen(void **state)
{
	struct store_redo redo;
	struct store_reserve reserve = opened(&redo, "this");
	size_t first;

	said(&redo, "the first");
	assert_int_equal(store_reserve_keep(&reserve, &redo, 1), 0);
	first = reserve.used;
	said(&redo, "the second");
	assert_int_equal(store_reserve_keep(&reserve, &redo, 2), 0);
	redo_clear(&redo);
	for (size_t at = 0; at < reserve.used; at++) {
		uint8_t byte, other;

		assert_int_equal(pread(reserve.fd, &byte, 1, at), 1);
		other = byte ^ 0x41;
		assert_int_equal(pwrite(reserve.fd, &other, 1, at), 1);
		assert_int_equal(found(&redo), at < first ? 0 : 1);
		redo_clear(&redo);
		assert_int_equal(pwrite(reserve.fd, &byte, 1, at), 1);
	}
	assert_int_equal(found(&redo), 2);
	redo_clear(&redo);
	store_reserve_close(&reserve);
	emptied();
}

/* A cut may leave the end unwritten that belongs behind a record, and there what an earlier filling had. */
static void what_is_left_of_before_does_not_come_back(void **state)
{
	struct store_redo redo;
	struct store_reserve reserve = opened(&redo, "this");
	char before[256];
	size_t first;

	said(&redo, "one");
	assert_int_equal(store_reserve_keep(&reserve, &redo, 1), 0);
	first = reserve.used;
	said(&redo, "two");
	assert_int_equal(store_reserve_keep(&reserve, &redo, 1), 0);
	assert_int_equal(pread(reserve.fd, before, sizeof(before), first), sizeof(before));
	assert_int_equal(store_reserve_clear(&reserve), 0);
	redo_clear(&redo);

	said(&redo, "six");
	assert_int_equal(store_reserve_keep(&reserve, &redo, 1), 0);
	assert_int_equal(reserve.used, first);
	assert_int_equal(pwrite(reserve.fd, before, sizeof(before), first), sizeof(before));
	store_reserve_close(&reserve);
	redo_clear(&redo);
	assert_int_equal(found(&redo), 1);
	assert_string_equal(redo.sql[0], "six");
	redo_clear(&redo);
	emptied();
}

static void room_is_bounded(void **state)
{
	static char text[100000];
	struct store_redo redo;
	struct store_reserve reserve = opened(&redo, "this");

	memset(text, 'x', sizeof(text) - 1);
	for (int i = 0; i < 3; i++)
		said(&redo, text);
	assert_int_equal(store_reserve_keep(&reserve, &redo, 1), -ENOSPC);
	assert_int_equal(reserve.kept, 2);
	store_reserve_close(&reserve);
	redo_clear(&redo);
	assert_int_equal(found(&redo), 2);
	redo_clear(&redo);
	emptied();

	/* To the last byte, where no end fits behind it. */
	reserve = opened(&redo, "this");
	for (int i = 0; i < 2; i++) {
		said(&redo, text);
		assert_int_equal(store_reserve_keep(&reserve, &redo, 1), 0);
	}
	text[STORE_RESERVE_BYTES - reserve.used - 56] = '\0';
	said(&redo, text);
	assert_int_equal(store_reserve_keep(&reserve, &redo, 1), 0);
	assert_int_equal(reserve.used, STORE_RESERVE_BYTES);
	store_reserve_close(&reserve);
	redo_clear(&redo);
	assert_int_equal(found(&redo), 3);
	redo_clear(&redo);
}

static void a_link_is_not_followed(void **state)
{
	struct store_redo redo = {};
	struct store_reserve reserve;
	struct error err = {};

	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(store_reserve_open(&reserve, path, "this", &redo, &err), -ELOOP);
	assert_int_equal(reserve.fd, -1);
	/* Nothing is kept then, and nothing fails. */
	said(&redo, "one");
	assert_int_equal(store_reserve_keep(&reserve, &redo, 1), 0);
	redo_clear(&redo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_comes_back),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(what_is_left_of_before_does_not_come_back),
		cmocka_unit_test(room_is_bounded),
		cmocka_unit_test(a_link_is_not_followed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
