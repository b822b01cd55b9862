// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/packed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/cleanup.h"

void *packed_make(const json_t *json, size_t *size)
{
	__cleanup_free char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY |
					       JSON_REAL_PRECISION(15));
	size_t length = text ? strlen(text) : 0;
	uLongf room = compressBound(length);
	__cleanup_free uint8_t *packed = NULL;
	uint32_t head = length;

	if (!text || length > PACKED_TEXT_MAX)
		return NULL;
	packed = malloc(sizeof(head) + room);
	/* What is to be on disk before anything else is done is packed fast. */
	if (!packed || compress2(packed + sizeof(head), &room, (const Bytef *)text, length,
				 Z_BEST_SPEED) != Z_OK)
		return NULL;
	memcpy(packed, &head, sizeof(head));
	*size = sizeof(head) + room;
	return steal_pointer(&packed);
}

json_t *packed_open(const void *packed, size_t size)
{
	__cleanup_free char *text = NULL;
	uint32_t head;
	uLongf length;

	if (size < sizeof(head))
		return NULL;
	memcpy(&head, packed, sizeof(head));
	length = head;
	if (head > PACKED_TEXT_MAX)
		return NULL;
	text = malloc(length + 1);
	if (!text || uncompress((Bytef *)text, &length, (const Bytef *)packed + sizeof(head),
				size - sizeof(head)) != Z_OK || length != head)
		return NULL;
	return json_loadb(text, length, JSON_DECODE_ANY, NULL);
}
