// SPDX-License-Identifier: GPL-2.0-only
/* Calendar expressions: what is refused, and when they are due next, as systemd-analyze(1) has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "supervisord/script/calendar.h"

/* Without a database of time zones. */
#define CENTRAL_EUROPE "CET-1CEST,M3.5.0,M10.5.0/3"

/* A moment as UTC; -1 for "never". */
static time_t utc(const char *text)
{
	struct tm tm = { 0 };

	if (!strcmp(text, "never"))
		return -1;
	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
	return timegm(&tm);
}

static void zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static void refusals(void **state)
{
	static const char *const texts[] = {
		"", " ", "noon", "24:00", "12:60", "12:00:60", "12", "Mon 12", "*-13-01", "*-00-01", "*-01-32",
		"1969-01-01", "2200-01-01", "Fri..Mon", "Sun..Mon", "Mon,", "Mo", "Monda", "Mon Tue", "12:00 Mon",
		"12:00 2030-01-01", "UTC", "12:00 utc", "UTC 12:00", "12:00 UTC UTC", "12:00 Europe/Berlin", "*/2:00",
		"1/0:00", "20/4:00", "5..3:00", "1..:00", "1,:00", ",1:00", "-1:00", "+1:00", "00012:00", "*-*-*-*",
		"12:00:00.5", "*-*~1", "12:00:", ":12", "--", "12:00\n", "\xff:00", "Mon..Tue..Wed 12:00",
		"99999999999999999999:00",
	};
	struct calendar calendar;
	char why[256], *longer = malloc(1 << 20);

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!calendar_parse(texts[i], &calendar, why, sizeof(why)))
			fail_msg("\"%s\" is taken", texts[i]);
	memset(longer, '1', 1 << 20);
	longer[(1 << 20) - 1] = '\0';
	assert_true(calendar_parse(longer, &calendar, why, sizeof(why)) < 0);
	assert_string_equal(why, "it has over 255 bytes");
	free(longer);
}

static void next_moments(void **state)
{
	static const struct {
		const char *zone, *text, *after, *expected;
	} cases[] = {
		{ "UTC", "minutely", "2025-05-05 10:00:00", "2025-05-05 10:01:00" },
		{ "UTC", "hourly", "2025-12-31 23:59:59", "2026-01-01 00:00:00" },
		{ "UTC", "weekly", "2025-05-05 00:00:00", "2025-05-12 00:00:00" },
		{ "UTC", "Quarterly", "2025-05-05 00:00:00", "2025-07-01 00:00:00" },
		{ "UTC", "semiannually", "2025-07-01 00:00:00", "2026-01-01 00:00:00" },
		{ "UTC", "Mon..Fri 08:00", "2025-05-02 08:00:00", "2025-05-05 08:00:00" },
		{ "UTC", "sat,Sunday *:0/20", "2025-05-02 08:00:00", "2025-05-03 00:00:00" },
		{ "UTC", "*:0/20", "2025-05-02 08:59:59", "2025-05-02 09:00:00" },
		{ "UTC", "8..10/2,22:30:15", "2025-05-02 10:30:15", "2025-05-02 22:30:15" },
		{ "UTC", "02-29", "2025-05-02 00:00:00", "2028-02-29 00:00:00" },
		{ "UTC", "*-02-30", "2025-05-02 00:00:00", "never" },
		{ "UTC", "2024-01-01", "2025-05-02 00:00:00", "never" },
		{ "UTC", "Fri *-*-13 13:13:13", "2025-05-02 00:00:00", "2025-06-13 13:13:13" },
		{ "UTC", "2026..2030/2-6-1/10 *:*:*", "2028-06-21 23:59:59", "2030-06-01 00:00:00" },
		{ CENTRAL_EUROPE, "12:00", "2025-05-02 09:59:59", "2025-05-02 10:00:00" },
		{ CENTRAL_EUROPE, "12:00 UTC", "2025-05-02 09:59:59", "2025-05-02 12:00:00" },
		/* Summer begins at 01:00 UTC on 30 March 2025: there is no 02:30. */
		{ CENTRAL_EUROPE, "02:30", "2025-03-29 12:00:00", "2025-03-31 00:30:00" },
		{ CENTRAL_EUROPE, "*:30", "2025-03-30 00:30:00", "2025-03-30 01:30:00" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct calendar calendar;
		char why[256];
		time_t next;

		zone(cases[i].zone);
		if (calendar_parse(cases[i].text, &calendar, why, sizeof(why)))
			fail_msg("%s: %s", cases[i].text, why);
		next = calendar_next(&calendar, utc(cases[i].after));
		if (next != utc(cases[i].expected))
			fail_msg("%s after %s in %s: %lld, not %s", cases[i].text, cases[i].after,
				 cases[i].zone, (long long)next, cases[i].expected);
	}
}

/* However the clock is set, the next moment lies behind the last one. */
static void time_goes_on(void **state)
{
	static const char *const texts[] = { "*:*:*", "02:30", "*:0/7", "Sun 01..03:0,30" };

	zone(CENTRAL_EUROPE);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct calendar calendar;
		time_t now = utc("2025-10-25 22:00:00");
		char why[256];

		assert_int_equal(calendar_parse(texts[i], &calendar, why, sizeof(why)), 0);
		for (int n = 0; n < 500; n++) {
			time_t next = calendar_next(&calendar, now);

			assert_true(next > now);
			now = next;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),
		cmocka_unit_test(next_moments),
		cmocka_unit_test(time_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
