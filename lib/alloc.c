// SPDX-License-Identifier: GPL-2.0-only
#include "lib/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

static void *alloc_check(void *memory)
{
	if (memory)
		return memory;
	log_error("out of memory");
	abort();
}

void *alloc_zero(size_t n, size_t size)
{
	return alloc_check(calloc(n, size));
}

char *alloc_copy(const char *text)
{
	return alloc_check(strdup(text ? text : ""));
}

char *alloc_format(const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	return alloc_check(text);
}
