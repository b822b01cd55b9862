// SPDX-License-Identifier: GPL-2.0-only
#include "lib/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

static int error_fill(struct error *err, int code, int line, int column,
		      const char *format, va_list ap)
{
	if (!err || err->code)
		return code;
	err->code = code;
	err->line = line;
	err->column = column;
	vsnprintf(err->text, sizeof(err->text), format, ap);
	/* A text of a library may end in a line break or hold several, and what is too long is cut within a letter. */
	for (size_t n = strlen(err->text); n && err->text[n - 1] == '\n'; n--)
		err->text[n - 1] = '\0';
	text_clean(err->text);
	return code;
}

int error_set(struct error *err, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_fill(err, code, 0, 0, format, ap);
	va_end(ap);
	return code;
}

int error_at(struct error *err, int code, int line, int column,
	     const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_fill(err, code, line, column, format, ap);
	va_end(ap);
	return code;
}
