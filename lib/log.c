// SPDX-License-Identifier: GPL-2.0-only
#include "lib/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/text.h"

static const char *log_name = "faultline";
static int log_level = LOG_NOTICE;
static bool log_journal;

void log_open(const char *name, int level)
{
	log_name = name;
	log_level = level;
	log_journal = getenv("JOURNAL_STREAM");
}

void log_write(int level, const char *format, ...)
{
	char line[1024];
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	/* What is quoted from outside makes no lines of its own, and gives a terminal no orders. */
	text_clean(line);
	/* One write a line, so that lines of several processes do not mix. */
	if (log_journal)
		fprintf(stderr, "<%d>%s\n", level, line);
	else
		fprintf(stderr, "%s: %s\n", log_name, line);
}
