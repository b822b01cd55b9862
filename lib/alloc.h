/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory for small things that a daemon cannot do without. Where there is none
 * the program ends with one line: its manager starts it again, and what was
 * promised is in its database. What a stranger can make large is not for these.
 */
#ifndef LIB_ALLOC_H
#define LIB_ALLOC_H

#include <stddef.h>

/** alloc_zero - @n zeroed objects of @size bytes; freed with free(); never NULL */
void *alloc_zero(size_t n, size_t size) __attribute__((returns_nonnull, malloc));
/** alloc_copy - a copy of @text, or of "" for NULL; freed with free(); never NULL */
char *alloc_copy(const char *text) __attribute__((returns_nonnull, malloc));
/** alloc_format - what printf(3) would print; freed with free(); never NULL */
char *alloc_format(const char *format, ...)
	__attribute__((returns_nonnull, malloc, format(printf, 1, 2)));

#endif /* LIB_ALLOC_H */
