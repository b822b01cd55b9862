// SPDX-License-Identifier: GPL-2.0-only
#include "center/http/header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPACE " \t"
#define DIGITS "0123456789"

bool etag_matches(const char *header, const char *tag, bool weak)
{
	size_t len = strlen(tag);

	while (header && *header) {
		bool is_weak;
		const char *end;

		header += strspn(header, SPACE ",");
		if (*header == '*')
			return weak;
		is_weak = !strncmp(header, "W/", 2);
		header += is_weak ? 2 : 0;
		if (*header != '"')
			return false;
		end = strchr(++header, '"');
		if (!end)
			return false;
		if ((size_t)(end - header) == len && !memcmp(header, tag, len) &&
		    (weak || !is_weak))
			return true;
		header = end + 1;
	}
	return false;
}

/* Digits, all of them; false when there are none or too many. */
static bool number_parse(const char **text, int64_t *number)
{
	size_t len = strspn(*text, DIGITS);

	errno = 0;
	*number = strtoll(*text, NULL, 10);
	*text += len;
	return len && !errno;
}

enum range range_parse(const char *header, int64_t size, int64_t *first, int64_t *last)
{
	static const char unit[] = "bytes=";
	bool suffix;

	if (!header || strncmp(header, unit, strlen(unit)))
		return RANGE_WHOLE;
	header += strlen(unit);
	header += strspn(header, SPACE);
	suffix = *header == '-';
	if (suffix) {
		header++;
		if (!number_parse(&header, last))
			return RANGE_WHOLE;
		*first = *last < size ? size - *last : 0;
		if (!*last)
			*first = size;
		*last = size - 1;
	} else {
		if (!number_parse(&header, first) || *header++ != '-')
			return RANGE_WHOLE;
		*last = size - 1;
		if (*header >= '0' && *header <= '9') {
			if (!number_parse(&header, last) || *last < *first)
				return RANGE_WHOLE;
			if (*last >= size)
				*last = size - 1;
		}
	}
	if (header[strspn(header, SPACE)])
		return RANGE_WHOLE;
	return *first < size ? RANGE_PART : RANGE_OUTSIDE;
}
