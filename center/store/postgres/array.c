// SPDX-License-Identifier: GPL-2.0-only
#include "center/store/postgres/array.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* Object ids of pg_type, which never change. */
#define OID_INT8 20
#define OID_TEXT 25

static void bytes_add(struct array *array, const void *bytes, size_t size)
{
	if (!array->failed && array->size + size > array->room) {
		size_t room = 2 * (array->size + size);
		unsigned char *grown = realloc(array->bytes, room);

		if (!grown)
			array->failed = true;
		else
			array->bytes = grown, array->room = room;
	}
	if (array->failed)
		return;
	memcpy(array->bytes + array->size, bytes, size);
	array->size += size;
}

static void word_add(struct array *array, uint32_t word)
{
	word = htobe32(word);
	bytes_add(array, &word, sizeof(word));
}

static void array_begin(struct array *array, uint32_t type, uint32_t n)
{
	array->size = 0;
	word_add(array, n ? 1 : 0);	/* dimensions */
	word_add(array, 1);		/* there may be NULLs */
	word_add(array, type);
	if (!n)
		return;
	word_add(array, n);
	word_add(array, 1);		/* the first index */
}

void array_texts(struct array *array, uint32_t n)
{
	array_begin(array, OID_TEXT, n);
}

void array_integers(struct array *array, uint32_t n)
{
	array_begin(array, OID_INT8, n);
}

void array_add_text(struct array *array, const char *text)
{
	if (!text) {
		word_add(array, UINT32_MAX);
		return;
	}
	word_add(array, strlen(text));
	bytes_add(array, text, strlen(text));
}

void array_add_integer(struct array *array, int64_t value)
{
	uint64_t wire = htobe64(value);

	word_add(array, sizeof(wire));
	bytes_add(array, &wire, sizeof(wire));
}

void array_free(struct array *array)
{
	free(array->bytes);
}
