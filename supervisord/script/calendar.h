/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calendar expressions, as systemd.time(7) has them, without what a timetable of
 * services does not need:
 *
 *	[WEEKDAYS] [[YEAR-]MONTH-DAY] [HOUR:MINUTE[:SECOND]] [UTC]
 *
 * Weekdays are names and ranges of them ("Mon,Wed..Fri"). Each part of date and
 * time is "*" or a list of numbers, ranges "a..b" and repetitions "a/n", "a..b/n".
 * Or one of minutely, hourly, daily, weekly, monthly, quarterly, semiannually, yearly
 * and annually. A date that is left out is every day, a time is 00:00:00. There are
 * no time zones but UTC and the gateway's own, no fractions of a second, and no days
 * counted from the end of a month.
 */
#ifndef SUPERVISORD_CALENDAR_H
#define SUPERVISORD_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CALENDAR_TEXT_MAX 255
#define CALENDAR_YEAR_FIRST 1970
#define CALENDAR_YEAR_LAST 2199

/** struct calendar_set - numbers from 0 to 255 */
struct calendar_set {
	uint64_t bits[4];
};

/**
 * struct calendar - when something is due
 * @weekdays: from 0, Sunday
 * @years: from CALENDAR_YEAR_FIRST, which is 0
 */
struct calendar {
	bool utc;
	struct calendar_set weekdays, years, months, days, hours, minutes, seconds;
};

/**
 * calendar_parse - read an expression
 * @why: set to what is wrong with it
 *
 * Return: 0 or -EINVAL.
 */
int calendar_parse(const char *text, struct calendar *calendar, char *why, size_t size);

/** calendar_next - the first moment behind @after, -1 when there is none */
time_t calendar_next(const struct calendar *calendar, time_t after);

#endif /* SUPERVISORD_CALENDAR_H */
