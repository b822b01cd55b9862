/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for people, and from outside: an application, a file of the kernel's, a server. JSON takes UTF-8 alone, and a terminal obeys control characters. */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * text_plain - whatever is no printable character of ASCII becomes '?'
 * @text: @size bytes; zero bytes are no end, and become '?' too
 * @lines: tabs and ends of lines stay
 */
void text_plain(char *text, size_t size, bool lines);

/** text_s - what a noun with "s" in its plural has behind it: "%d event%s", n, text_s(n) */
static inline const char *text_s(long long n)
{
	return n == 1 ? "" : "s";
}

/** text_clean - control characters become spaces, and each byte that is of no letter of UTF-8 becomes '?' */
void text_clean(char *text);

#endif /* LIB_TEXT_H */
