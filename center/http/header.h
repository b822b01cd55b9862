/* SPDX-License-Identifier: GPL-2.0-only */
/* Request headers that decide about a representation (RFC 9110, 8.8.3, 13.1.2 and 14.2). */
#ifndef CENTER_HTTP_HEADER_H
#define CENTER_HTTP_HEADER_H

#include <stdbool.h>
#include <stdint.h>

/**
 * etag_matches - does If-None-Match or If-Range hold an entity tag?
 * @header: the header's value; NULL: no
 * @tag: opaque part, without quotes
 * @weak: compare weakly: W/"x" matches too (If-None-Match), else it does not (If-Range)
 */
bool etag_matches(const char *header, const char *tag, bool weak);

enum range { RANGE_WHOLE, RANGE_PART, RANGE_OUTSIDE };

/**
 * range_parse - a single byte range
 * @header: value of Range; NULL: none
 * @size: of the representation
 * @first: of RANGE_PART, the first byte
 * @last: of RANGE_PART, the last byte, inclusive
 *
 * Other units, several ranges and what is no range are not served as such: RANGE_WHOLE.
 */
enum range range_parse(const char *header, int64_t size, int64_t *first, int64_t *last);

#endif /* CENTER_HTTP_HEADER_H */
