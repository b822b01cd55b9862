// SPDX-License-Identifier: GPL-2.0-only
/* Names, errors, whole files, own XML documents, application data. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/application.h"
#include "lib/file.h"
#include "lib/hex.h"
#include "lib/name.h"
#include "lib/text.h"

static char folder[] = "/tmp/faultline-lib-XXXXXX";

static int setup(void **state)
{
	assert_non_null(mkdtemp(folder));
	setenv("FAULTLINE_DTD", "dtd", 0);
	return 0;
}

static int teardown(void **state)
{
	return folder_remove(folder, NULL);
}

static const char *path(const char *name)
{
	static char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s/%s", folder, name);
	return text;
}

static void names(void **state)
{
	char longest[66];

	memset(longest, 'a', 65);
	longest[63] = '\0';
	assert_true(name_valid(longest));
	longest[63] = 'a';
	longest[64] = '\0';
	assert_false(name_valid(longest));
	assert_true(name_valid("air-conditioner"));
	assert_false(name_valid(NULL));
	assert_false(name_valid(""));
	assert_false(name_valid("-a"));
	assert_false(name_valid("1a"));
	assert_false(name_valid("a/b"));
	assert_false(name_valid("A"));
	assert_false(name_valid("a\n"));
	assert_true(kind_valid("signal.segv"));
	assert_true(kind_valid("a.b-c.d1"));
	assert_false(kind_valid("a..b"));
	assert_false(kind_valid(".a"));
	assert_false(kind_valid("a."));
	assert_true(version_valid("1.0.0~rc1+b"));
	assert_false(version_valid("../1"));
	assert_false(version_valid(""));
	assert_true(sha256_valid("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	assert_false(sha256_valid("E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	assert_false(sha256_valid("e3b0"));
}

static void first_error_stays_in_one_line(void **state)
{
	struct error err = { 0 };

	assert_int_equal(error_at(&err, -EINVAL, 3, 4, "a\nb\n"), -EINVAL);
	assert_int_equal(error_set(&err, -EIO, "later"), -EIO);
	assert_string_equal(err.text, "a b");
	assert_int_equal(err.code, -EINVAL);
	assert_int_equal(err.line, 3);
	assert_int_equal(error_set(NULL, -EIO, "nobody listens"), -EIO);
}

static void file_is_written_and_read(void **state)
{
	struct error err = { 0 };
	size_t size;
	char *data;
	struct stat st;

	assert_int_equal(file_write(path("f"), "abc", 3, 0640, &err), 0);
	assert_int_equal(stat(path("f"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	data = file_read(path("f"), 3, &size, &err);
	assert_string_equal(data, "abc");
	assert_int_equal(size, 3);
	free(data);
	assert_null(file_read(path("f"), 2, NULL, &err));
	assert_int_equal(err.code, -EFBIG);
}

static void what_is_no_file_is_not_read(void **state)
{
	struct error err = { 0 };

	assert_null(file_read(folder, 100, NULL, &err));
	assert_int_equal(err.code, -EINVAL);
	err.code = 0;
	assert_int_equal(mkfifo(path("fifo"), 0600), 0);
	assert_null(file_read(path("fifo"), 100, NULL, &err));
	err.code = 0;
	assert_null(file_read(path("none"), 100, NULL, &err));
	assert_int_equal(err.code, -ENOENT);
}

static void failed_write_keeps_the_old_file(void **state)
{
	struct error err = { 0 };

	assert_int_equal(mkdir(path("there"), 0755), 0);
	assert_int_not_equal(file_write(path("there"), "abc", 3, 0644, &err), 0);
	assert_int_not_equal(file_write(path("no/such/folder"), "abc", 3, 0644, &err), 0);
	assert_int_equal(access(path("there"), F_OK), 0);
}

static void what_a_cut_left_is_taken_away(void **state)
{
	static const char *const kept[] = { "s", ".s", ".s.", ".s.12345", ".s.1234567", ".t.123456",
					    "s.123456", ".s-123456" };
	struct error err = { 0 };

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		assert_int_equal(file_write(path(kept[i]), "abc", 3, 0644, &err), 0);
	assert_int_equal(file_write(path(".s.123456"), "a", 1, 0644, &err), 0);
	assert_int_equal(file_write(path(".s.abcdef"), "a", 1, 0644, &err), 0);
	file_settle(path("s"));
	assert_int_equal(access(path(".s.123456"), F_OK), -1);
	assert_int_equal(access(path(".s.abcdef"), F_OK), -1);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		assert_int_equal(access(path(kept[i]), F_OK), 0);
	file_settle(path("no/such"));
}

static void folder_is_removed_without_following_links(void **state)
{
	struct error err = { 0 };

	assert_int_equal(folder_make(path("kept/x"), 0755, &err), 0);
	assert_int_equal(folder_make(path("gone/a/b"), 0755, &err), 0);
	assert_int_equal(symlink("../../kept", path("gone/a/link")), 0);
	assert_int_equal(folder_remove(path("gone"), &err), 0);
	assert_int_equal(access(path("gone"), F_OK), -1);
	assert_int_equal(access(path("kept/x"), F_OK), 0);
	assert_int_equal(folder_remove(path("gone"), &err), 0);
}

static struct application *parse(const char *xml, struct error *err)
{
	assert_int_equal(file_write(path("application.xml"), xml, strlen(xml), 0644, NULL), 0);
	memset(err, 0, sizeof(*err));
	return application_read(path("application.xml"), err);
}

#define APP(attributes, inside) \
	"<application name=\"a\" version=\"1\" runtime=\"native\" " attributes ">" inside \
	"</application>"
#define COMMAND "<command program=\"bin/a\"><argument>-x</argument></command>"
#define PROCESSING "<processing name=\"p\"/>"

static void application_data(void **state)
{
	struct error err;
	struct application *app = parse(APP("residence=\"resident\"",
		COMMAND "<environment name=\"K\" value=\"v=w\"/>"
		"<processing name=\"p\" timeout=\"7\"/><processing name=\"q\"/>"
		"<resources files=\"32\"/>"), &err);

	assert_non_null(app);
	assert_true(app->resident);
	assert_string_equal(app->program, "bin/a");
	assert_string_equal(app->arguments[0], "-x");
	assert_null(app->arguments[1]);
	assert_string_equal(app->environment[0], "K=v=w");
	assert_int_equal(application_processing(app, "p")->timeout_s, 7);
	assert_int_equal(application_processing(app, "q")->timeout_s, 10);
	assert_null(application_processing(app, "r"));
	assert_int_equal(app->files, 32);
	assert_int_equal(app->memory_mib, 256);
	application_free(app);
}

static void application_data_that_is_wrong(void **state)
{
	static const struct {
		const char *xml;
		const char *says;
	} rows[] = {
		{ "", "application.xml" },
		{ "<application/>", "application.xml:1" },
		{ APP("", PROCESSING), "command" },
		{ APP("", COMMAND), "processing" },
		{ APP("", "<command program=\"/bin/a\"/>" PROCESSING), "/bin/a" },
		{ APP("", "<command program=\"../a\"/>" PROCESSING), "../a" },
		{ APP("", "<command program=\"a/../../b\"/>" PROCESSING), "a/../../b" },
		{ APP("", "<command program=\"a/..\"/>" PROCESSING), "a/.." },
		{ APP("", "<command program=\"a//b\"/>" PROCESSING), "a//b" },
		{ APP("", "<command program=\"\"/>" PROCESSING), "program" },
		{ APP("", COMMAND "<processing name=\"P\"/>"), "\"P\"" },
		{ APP("", COMMAND PROCESSING PROCESSING), "twice" },
		{ APP("", COMMAND "<processing name=\"p\" timeout=\"0\"/>"), "timeout" },
		{ APP("", COMMAND "<processing name=\"p\" timeout=\"1e9\"/>"), "timeout" },
		{ APP("", COMMAND PROCESSING "<resources files=\"1\"/>"), "files" },
		{ APP("", COMMAND PROCESSING "<resources memory=\"99999999999999999999\"/>"), "memory" },
		{ APP("residence=\"forever\"", COMMAND PROCESSING), "forever" },
		{ "<application name=\"A\" version=\"1\" runtime=\"native\">" COMMAND PROCESSING
		  "</application>", "\"A\"" },
		{ "<application name=\"a\" version=\"-\" runtime=\"native\">" COMMAND PROCESSING
		  "</application>", "version" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err;

		assert_null(parse(rows[i].xml, &err));
		if (!strstr(err.text, rows[i].says))
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, err.text, rows[i].says);
	}
}

static void dtd_that_is_not_there(void **state)
{
	struct error err;

	setenv("FAULTLINE_DTD", "/nonexistent", 1);
	assert_null(parse(APP("", COMMAND PROCESSING), &err));
	assert_non_null(strstr(err.text, "FAULTLINE_DTD"));
	setenv("FAULTLINE_DTD", "dtd", 1);
}

static void hexadecimal_digits(void **state)
{
	static const unsigned char bytes[] = { 0x00, 0x0f, 0xa5, 0xff };
	char text[2 * sizeof(bytes) + 1];

	hex_write(text, bytes, sizeof(bytes));
	assert_string_equal(text, "000fa5ff");
	hex_write(text, bytes, 0);
	assert_string_equal(text, "");
}

/* What an application, a server or a terminal's enemy may send, and what becomes of it. */
static void text_is_cleaned(void **state)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{ "", "" },
		{ "plain \xc3\xa4\xe2\x98\x83\xf0\x9f\x98\x80", "plain \xc3\xa4\xe2\x98\x83\xf0\x9f\x98\x80" },
		{ "a\nb\x1b[31m\x7f", "a b [31m " },
		/* The same order in one letter of UTF-8, U+009B. */
		{ "a\xc2\x9b" "31m\xc2\xa0", "a  31m\xc2\xa0" },
		{ "\xff \x80 good", "? ? good" },
		/* Cut within a letter; longer than it need be; half of a pair; behind the last one. */
		{ "x\xe2\x98", "x??" },
		{ "\xc0\xaf \xe0\x9f\xbf", "?? ???" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80 \xf4\x8f\xbf\xbf", "???? \xf4\x8f\xbf\xbf" },
	};
	struct error err = { 0 };
	char text[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		strcpy(text, rows[i].from);
		text_clean(text);
		assert_string_equal(text, rows[i].to);
	}
	memcpy(text, "a\tb\0c\n\xc3", 7);
	text_plain(text, 7, true);
	assert_memory_equal(text, "a\tb?c\n?", 7);
	text_plain(text, 7, false);
	assert_memory_equal(text, "a?b?c??", 7);
	/* An error that is too long is still UTF-8. */
	error_set(&err, -EIO, "%*s\xc3\xa4", ERROR_TEXT_MAX - 2, "");
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_int_equal(err.text[ERROR_TEXT_MAX - 2], '?');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(first_error_stays_in_one_line),
		cmocka_unit_test(file_is_written_and_read),
		cmocka_unit_test(what_is_no_file_is_not_read),
		cmocka_unit_test(failed_write_keeps_the_old_file),
		cmocka_unit_test(what_a_cut_left_is_taken_away),
		cmocka_unit_test(folder_is_removed_without_following_links),
		cmocka_unit_test(application_data),
		cmocka_unit_test(application_data_that_is_wrong),
		cmocka_unit_test(dtd_that_is_not_there),
		cmocka_unit_test(hexadecimal_digits),
		cmocka_unit_test(text_is_cleaned),
	};

	return cmocka_run_group_tests_name("lib", tests, setup, teardown);
}
