// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares records with the words of the table.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

#define RECORDS_MAX 16
#define NOBODY 65534

/* si_code numbers that more than one signal has are told apart by the table's signal. */
static const struct {
	const char *name;
	int number;
} codes[] = {
	{ "USER", SI_USER }, { "KERNEL", SI_KERNEL }, { "QUEUE", SI_QUEUE }, { "TIMER", SI_TIMER },
	{ "TKILL", SI_TKILL }, { "MAPERR", SEGV_MAPERR }, { "ACCERR", SEGV_ACCERR },
	{ "ILLOPN", ILL_ILLOPN }, { "INTDIV", FPE_INTDIV }, { "ADRERR", BUS_ADRERR },
	{ "SECCOMP", 1 /* SYS_SECCOMP */ },
};

static const struct {
	const char *name;
	int flag;
} flags[] = {
	{ "main", FAULTLINE_F_MAIN }, { "last", FAULTLINE_F_LAST }, { "kernel", FAULTLINE_F_KERNEL },
	{ "sent", FAULTLINE_F_SENT }, { "sent-by-tester", FAULTLINE_F_SENT }, { "oom", FAULTLINE_F_OOM },
	{ "core", FAULTLINE_F_COREDUMP }, { "capture", FAULTLINE_F_CAPTURE },
};

static const char *const types[] = {
	[FAULTLINE_RECORD_FATAL] = "fatal", [FAULTLINE_RECORD_EXIT] = "exit", [FAULTLINE_RECORD_HELD] = "held",
	[FAULTLINE_RECORD_HANG] = "hang", [FAULTLINE_RECORD_HANG_OVER] = "over",
};

static const char *const verdicts[] = {
	[FAULTLINE_HANG_DSTATE] = "DSTATE", [FAULTLINE_HANG_STARVED] = "STARVED", [FAULTLINE_HANG_SPIN] = "SPIN",
	[FAULTLINE_HANG_DEADLOCK] = "DEADLOCK", [FAULTLINE_HANG_HEARTBEAT] = "HEARTBEAT",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FLAGS_KNOWN (FAULTLINE_F_MAIN | FAULTLINE_F_LAST | FAULTLINE_F_KERNEL | FAULTLINE_F_SENT | \
		     FAULTLINE_F_OOM | FAULTLINE_F_COREDUMP | FAULTLINE_F_CAPTURE)

/**
 * struct expected - one record of a row
 * @text: as the table has it
 * @status: exit status of an EXIT without @signo
 * @code: si_code, with @has_code
 * @set, @maybe: flags that must and that may be set
 * @thread: 1: another thread than the first, -1: the first, 0: either
 * @holds: where faults are held, this one is, or, with @may_hold, may be
 * @optional: it may come or not
 */
struct expected {
	const char *text;
	int type;
	int signo;
	int status;
	int code;
	bool has_code;
	int set;
	int maybe;
	int thread;
	bool nobody;
	bool holds, may_hold;
	bool optional;
	bool by_tester;
	bool has_address;
	bool any_address;
	unsigned long address;
};

static bool say(char *text, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return false;
}

static int signal_number(const char *word)
{
	for (int signo = 1; signo < 32; signo++) {
		const char *name = sigabbrev_np(signo);

		if (name && !strcmp(name, word))
			return signo;
	}
	if (!strcmp(word, "IO"))
		return SIGIO;
	return 0;
}

static bool read_flag(struct expected *expected, const char *word, bool maybe)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(flags[i].name, word))
			continue;
		*(maybe ? &expected->maybe : &expected->set) |= flags[i].flag;
		expected->by_tester |= !strcmp(word, "sent-by-tester");
		return true;
	}
	return false;
}

static bool read_code(struct expected *expected, const char *word, bool maybe)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strcmp(codes[i].name, word))
			continue;
		expected->has_code = !maybe;
		expected->code = codes[i].number;
		return true;
	}
	return false;
}

static bool read_word(struct expected *expected, const char *word)
{
	bool maybe = *word == '?';

	word += maybe;
	if (!strcmp(word, "leader") || !strcmp(word, "thread")) {
		expected->thread = *word == 't' ? 1 : -1;
		return true;
	}
	if (!strcmp(word, "nobody"))
		return expected->nobody = true;
	if (!strcmp(word, "holds")) {
		expected->may_hold = maybe;
		return expected->holds = true;
	}
	if (!strncmp(word, "at=", 3)) {
		expected->has_address = true;
		expected->any_address = word[3] == '?';
		expected->address = strtoul(word + 3, NULL, 0);
		return true;
	}
	return read_flag(expected, word, maybe) || read_code(expected, word, maybe);
}

/* Return: where @word is among @names, or 0. */
static int name_find(const char *const names[], size_t count, const char *word)
{
	for (size_t i = 1; i < count; i++)
		if (names[i] && !strcmp(names[i], word))
			return i;
	return 0;
}

static void read_end(struct expected *expected, const char *end)
{
	expected->signo = signal_number(end);
	/* Real-time signals have no names; as a status it is one of those as well. */
	if (!expected->signo && (expected->type == FAULTLINE_RECORD_FATAL || atoi(end) == 34 || atoi(end) == 64))
		expected->signo = atoi(end);
	else if (!expected->signo)
		expected->status = atoi(end);
}

static bool read_verdict(struct expected *expected, const char *word)
{
	expected->has_code = true;
	expected->code = name_find(verdicts, COUNT(verdicts), word);
	return expected->code;
}

/* @words: cut up; "fatal SEGV ...", "exit 3 ..." or "hang SPIN ...". */
static bool read_record(struct expected *expected, char *words, char *text, size_t size)
{
	char *rest, *type = strtok_r(words, " ", &rest), *end = strtok_r(NULL, " ", &rest);

	if (type && *type == '?') {
		expected->optional = true;
		type++;
	}
	expected->type = type && end ? name_find(types, COUNT(types), type) : 0;
	if (!expected->type)
		return say(text, size, "the table is wrong at \"%s\"", expected->text);
	if (expected->type == FAULTLINE_RECORD_HANG || expected->type == FAULTLINE_RECORD_HANG_OVER) {
		if (!read_verdict(expected, end))
			return say(text, size, "the table is wrong at \"%s\"", end);
	} else {
		read_end(expected, end);
	}
	for (char *word; (word = strtok_r(NULL, " ", &rest));)
		if (!read_word(expected, word))
			return say(text, size, "the table is wrong at \"%s\"", word);
	return true;
}

static const char *name_of(int signo, char *room, size_t size)
{
	const char *name = signo < 32 ? sigabbrev_np(signo) : NULL;

	if (!name)
		snprintf(room, size, "%d", signo);
	return name ?: room;
}

static void describe(const struct faultline_record *record, const struct fault_subject *subject,
		     char *text, size_t size)
{
	const char *type = record->type < COUNT(types) ? types[record->type] : NULL;
	char room[16];
	size_t len;

	if (record->type == FAULTLINE_RECORD_EXIT && !record->signo)
		snprintf(text, size, "exit %d", record->code);
	else
		snprintf(text, size, "%s %s", type ?: "record of another type,",
			 name_of(record->signo, room, sizeof(room)));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!(record->flags & flags[i].flag) || !strcmp(flags[i].name, "sent-by-tester"))
			continue;
		len = strlen(text);
		snprintf(text + len, size - len, " %s", flags[i].name);
	}
	len = strlen(text);
	snprintf(text + len, size - len, " (code %d, at %#llx, process %+d, thread %+d, uid %u, sender %d)",
		 record->code, (unsigned long long)record->fault_addr, record->tgid - subject->main,
		 record->tid - record->tgid, record->uid, record->sender_tgid);
}

static bool fits(const struct expected *expected, const struct faultline_record *record,
		 const struct fault_subject *subject)
{
	int set = record->flags & FLAGS_KNOWN & ~expected->maybe;

	if (record->type != expected->type || record->signo != expected->signo)
		return false;
	if (record->type == FAULTLINE_RECORD_EXIT && record->code != expected->status)
		return false;
	if (expected->has_code && record->code != expected->code)
		return false;
	if (set != (expected->set & ~expected->maybe))
		return false;
	if (!!(record->flags & FAULTLINE_F_MAIN) != (record->tgid == subject->main))
		return false;
	if (expected->thread && (record->tid != record->tgid) != (expected->thread > 0))
		return false;
	if (expected->nobody != (record->uid == NOBODY))
		return false;
	if (expected->by_tester && record->sender_tgid != subject->tester)
		return false;
	if (record->flags & FAULTLINE_F_SENT ? !record->sender_tgid : record->sender_tgid || record->sender_uid)
		return false;
	if (expected->has_address && expected->any_address)
		return record->fault_addr;
	return !expected->has_address || record->fault_addr == expected->address;
}

/* Of one process first what ended it and then that it has ended, and "last" is. */
static bool order_is_sound(const struct faultline_record *const records[], size_t count, char *text, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		if (!!(records[i]->flags & FAULTLINE_F_LAST) != (i == count - 1))
			return say(text, size, "record %zu of %zu is wrongly %sthe last", i + 1, count,
				   records[i]->flags & FAULTLINE_F_LAST ? "" : "not ");
		if (records[i]->type != FAULTLINE_RECORD_EXIT)
			continue;
		for (size_t later = i + 1; later < count; later++)
			if (records[later]->tgid == records[i]->tgid)
				return say(text, size, "record %zu is of a process that has ended", later + 1);
	}
	for (size_t i = 1; i < count; i++)
		if (records[i]->seq <= records[i - 1]->seq || records[i]->time_ns < records[i - 1]->time_ns)
			return say(text, size, "record %zu is older than the one before it", i + 1);
	return true;
}

static bool match(const struct expected *expected, size_t wanted, bool ordered,
		  const struct fault_subject *subject,
		  const struct faultline_record *const records[], size_t count, char *text, size_t size)
{
	bool used[RECORDS_MAX] = {};
	size_t next = 0;
	char came[256];

	for (size_t i = 0; i < count; i++) {
		size_t found = ordered ? next : 0;

		describe(records[i], subject, came, sizeof(came));
		while (found < wanted && (used[found] || !fits(&expected[found], records[i], subject))) {
			if (ordered && !expected[found].optional)
				return say(text, size, "record %zu: %s, must be: %s", i + 1, came,
					   expected[found].text);
			found++;
		}
		if (found >= wanted)
			return say(text, size, "record %zu is too much: %s", i + 1, came);
		used[found] = true;
		next = found + 1;
	}
	for (size_t i = 0; i < wanted; i++)
		if (!used[i] && !expected[i].optional)
			return say(text, size, "missing: %s", expected[i].text);
	return true;
}

/* What a fault that is held is told as before it: only what it ends with is not there yet. */
static struct expected expected_held(const struct expected *fatal)
{
	struct expected held = *fatal;

	held.type = FAULTLINE_RECORD_HELD;
	held.set &= ~(FAULTLINE_F_CAPTURE | FAULTLINE_F_COREDUMP);
	held.has_address = false;
	held.optional = fatal->may_hold;
	return held;
}

bool fault_check(const struct fault *fault, enum fault_source source,
		 const struct fault_subject *subject,
		 const struct faultline_record *const records[], size_t count,
		 char *text, size_t size)
{
	const char *sees = fault_sees(fault, source), *end;
	char texts[RECORDS_MAX][128], words[128];
	struct expected expected[RECORDS_MAX];
	size_t wanted = 0;
	bool ordered = strncmp(sees, "unordered; ", 11);

	for (sees += ordered ? 0 : 11; *sees; sees = *end ? end + 2 : end) {
		end = strchrnul(sees, ';');
		if (wanted + 1 >= RECORDS_MAX)
			return say(text, size, "the table has too many records in this row");
		snprintf(texts[wanted], sizeof(texts[wanted]), "%.*s", (int)(end - sees), sees);
		strcpy(words, texts[wanted]);
		expected[wanted] = (struct expected) { .text = texts[wanted] };
		if (!read_record(&expected[wanted], words, text, size))
			return false;
		if (subject->held && expected[wanted].holds) {
			expected[wanted + 1] = expected[wanted];
			expected[wanted] = expected_held(&expected[wanted + 1]);
			wanted++;
		}
		wanted++;
	}
	return match(expected, wanted, ordered, subject, records, count, text, size) &&
	       order_is_sound(records, count, text, size);
}
