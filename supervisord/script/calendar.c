// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/calendar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DIGIT "0123456789"
#define DAY_S 86400

static const char *const weekday_names[] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};

static const struct {
	const char *name, *meaning;
} shorthands[] = {
	{ "minutely", "*-*-* *:*:00" },	  { "hourly", "*-*-* *:00:00" },
	{ "daily", "*-*-* 00:00:00" },	  { "weekly", "Mon *-*-* 00:00:00" },
	{ "monthly", "*-*-01 00:00:00" }, { "quarterly", "*-01,04,07,10-01 00:00:00" },
	{ "semiannually", "*-01,07-01 00:00:00" },
	{ "yearly", "*-01-01 00:00:00" }, { "annually", "*-01-01 00:00:00" },
};

static void set_add(struct calendar_set *set, unsigned int n)
{
	set->bits[n / 64] |= 1ULL << (n % 64);
}

static bool set_has(const struct calendar_set *set, unsigned int n)
{
	return set->bits[n / 64] >> (n % 64) & 1;
}

static void set_fill(struct calendar_set *set, unsigned int low, unsigned int high)
{
	for (unsigned int n = low; n <= high; n++)
		set_add(set, n);
}

/* At most four digits, which is enough for a year. */
static bool number_take(const char **text, unsigned int *number)
{
	size_t digits = strspn(*text, DIGIT);

	if (!digits || digits > 4)
		return false;
	*number = 0;
	while (digits--)
		*number = 10 * *number + (*(*text)++ - '0');
	return true;
}

/* NUMBER, NUMBER..NUMBER, each also with /STEP. */
static bool range_take(const char **text, struct calendar_set *set, unsigned int low,
		       unsigned int high)
{
	unsigned int from, to, step = 1;
	bool open;

	if (!number_take(text, &from))
		return false;
	open = **text == '/';
	to = open ? high : from;
	if (!strncmp(*text, "..", 2)) {
		*text += 2;
		if (!number_take(text, &to))
			return false;
	}
	if (**text == '/') {
		++*text;
		if (!number_take(text, &step) || !step)
			return false;
	}
	/* A repetition that never comes is a mistake. */
	if (from < low || to > high || from > to || (open && from + step > high))
		return false;
	for (unsigned int n = from; n <= to; n += step)
		set_add(set, n - (low == CALENDAR_YEAR_FIRST ? low : 0));
	return true;
}

static bool part_take(const char **text, struct calendar_set *set, unsigned int low,
		      unsigned int high)
{
	unsigned int base = low == CALENDAR_YEAR_FIRST ? low : 0;

	if (**text == '*') {
		++*text;
		set_fill(set, low - base, high - base);
		return true;
	}
	while (range_take(text, set, low, high)) {
		if (**text != ',')
			return true;
		++*text;
	}
	return false;
}

/* A name, or its first three letters. */
static bool weekday_take(const char **text, unsigned int *day)
{
	size_t len = strcspn(*text, ",. ");

	for (*day = 0; *day < 7; ++*day)
		if (!strncasecmp(*text, weekday_names[*day], len) &&
		    (len == 3 || len == strlen(weekday_names[*day]))) {
			*text += len;
			return true;
		}
	return false;
}

/* A week begins on Monday: "Fri..Sun" is a range, "Sun..Mon" is none. */
static bool weekdays_parse(const char *text, struct calendar_set *set)
{
	unsigned int from, to;

	while (weekday_take(&text, &from)) {
		to = from;
		if (!strncmp(text, "..", 2)) {
			text += 2;
			if (!weekday_take(&text, &to))
				return false;
		}
		from = (from + 6) % 7;
		to = (to + 6) % 7;
		if (from > to)
			return false;
		for (unsigned int day = from; day <= to; day++)
			set_add(set, (day + 1) % 7);
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

static bool date_parse(const char *text, struct calendar *calendar)
{
	const char *first = strchr(text, '-');

	if (first && strchr(first + 1, '-')) {
		if (!part_take(&text, &calendar->years, CALENDAR_YEAR_FIRST,
			       CALENDAR_YEAR_LAST) || *text++ != '-')
			return false;
	} else {
		set_fill(&calendar->years, 0, CALENDAR_YEAR_LAST - CALENDAR_YEAR_FIRST);
	}
	return part_take(&text, &calendar->months, 1, 12) && *text++ == '-' &&
	       part_take(&text, &calendar->days, 1, 31) && !*text;
}

static bool time_parse(const char *text, struct calendar *calendar)
{
	if (!part_take(&text, &calendar->hours, 0, 23) || *text++ != ':' ||
	    !part_take(&text, &calendar->minutes, 0, 59))
		return false;
	if (!*text) {
		set_add(&calendar->seconds, 0);
		return true;
	}
	return *text++ == ':' && part_take(&text, &calendar->seconds, 0, 59) && !*text;
}

/* What an expression has been found to hold, in this order. */
enum {
	NOTHING,
	WEEKDAYS,
	DATE,
	TIME,
	ZONE,
};

static bool word_parse(const char *word, struct calendar *calendar, unsigned int *had)
{
	unsigned int before = *had;

	if (!strcmp(word, "UTC")) {
		*had = ZONE;
		calendar->utc = true;
		return before && before < ZONE;
	}
	if (strchr(word, ':')) {
		*had = TIME;
		return before < TIME && time_parse(word, calendar);
	}
	if (strchr(word, '-')) {
		*had = DATE;
		return before < DATE && date_parse(word, calendar);
	}
	*had = WEEKDAYS;
	return !before && weekdays_parse(word, &calendar->weekdays);
}

static bool set_empty(const struct calendar_set *set)
{
	return !(set->bits[0] | set->bits[1] | set->bits[2] | set->bits[3]);
}

/* What the expression leaves out. */
static void parts_complete(struct calendar *calendar)
{
	if (set_empty(&calendar->weekdays))
		set_fill(&calendar->weekdays, 0, 6);
	if (set_empty(&calendar->days)) {
		set_fill(&calendar->years, 0, CALENDAR_YEAR_LAST - CALENDAR_YEAR_FIRST);
		set_fill(&calendar->months, 1, 12);
		set_fill(&calendar->days, 1, 31);
	}
	if (set_empty(&calendar->hours)) {
		set_add(&calendar->hours, 0);
		set_add(&calendar->minutes, 0);
		set_add(&calendar->seconds, 0);
	}
}

int calendar_parse(const char *text, struct calendar *calendar, char *why, size_t size)
{
	char words[CALENDAR_TEXT_MAX + 1], *rest, *word;
	unsigned int had = NOTHING;

	memset(calendar, 0, sizeof(*calendar));
	for (size_t i = 0; i < sizeof(shorthands) / sizeof(*shorthands); i++)
		if (!strcasecmp(text, shorthands[i].name))
			text = shorthands[i].meaning;
	if (strlen(text) >= sizeof(words)) {
		snprintf(why, size, "it has over %d bytes", CALENDAR_TEXT_MAX);
		return -EINVAL;
	}
	strcpy(words, text);
	for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (!word_parse(word, calendar, &had)) {
			snprintf(why, size,
				 "\"%.60s\" cannot stand there; [WEEKDAYS] [[YEAR-]MONTH-DAY] [HOUR:MINUTE[:SECOND]] [UTC] is known, as \"Mon..Fri 08:00\"",
				 word);
			return -EINVAL;
		}
	if (!had) {
		snprintf(why, size, "it is empty");
		return -EINVAL;
	}
	parts_complete(calendar);
	return 0;
}

static time_t moment(const struct calendar *calendar, struct tm *tm)
{
	tm->tm_isdst = -1;
	return calendar->utc ? timegm(tm) : mktime(tm);
}

/* A second of @day behind @after; -1 when there is none. @from: where to begin, to save time. */
static time_t day_next(const struct calendar *calendar, const struct tm *day,
		       const struct tm *from, time_t after)
{
	int start = from ? (from->tm_hour * 60 + from->tm_min) * 60 + from->tm_sec : 0;

	for (int second = start; second < DAY_S; second++) {
		int h = second / 3600, m = second / 60 % 60, s = second % 60;
		struct tm tm = { .tm_year = day->tm_year, .tm_mon = day->tm_mon,
				 .tm_mday = day->tm_mday, .tm_hour = h, .tm_min = m, .tm_sec = s };
		time_t t;

		if (!set_has(&calendar->hours, h)) {
			second += 3599 - second % 3600;
			continue;
		}
		if (!set_has(&calendar->minutes, m)) {
			second += 59 - second % 60;
			continue;
		}
		if (!set_has(&calendar->seconds, s))
			continue;
		t = moment(calendar, &tm);
		/* An hour that the clock leaves out when summer begins is not there. */
		if (t > after && tm.tm_hour == h && tm.tm_min == m)
			return t;
	}
	return -1;
}

time_t calendar_next(const struct calendar *calendar, time_t after)
{
	struct tm now, day;
	time_t date;

	if (!(calendar->utc ? gmtime_r(&after, &now) : localtime_r(&after, &now)))
		return -1;
	day = (struct tm){ .tm_year = now.tm_year, .tm_mon = now.tm_mon, .tm_mday = now.tm_mday };
	for (date = timegm(&day);; date += DAY_S) {
		int year = gmtime_r(&date, &day)->tm_year + 1900;
		bool today = day.tm_mday == now.tm_mday && day.tm_mon == now.tm_mon &&
			     day.tm_year == now.tm_year;
		time_t t;

		if (year < CALENDAR_YEAR_FIRST || year > CALENDAR_YEAR_LAST)
			return -1;
		if (!set_has(&calendar->years, year - CALENDAR_YEAR_FIRST) ||
		    !set_has(&calendar->months, day.tm_mon + 1) ||
		    !set_has(&calendar->days, day.tm_mday) ||
		    !set_has(&calendar->weekdays, day.tm_wday))
			continue;
		t = day_next(calendar, &day, today ? &now : NULL, after);
		if (t >= 0)
			return t;
	}
}
