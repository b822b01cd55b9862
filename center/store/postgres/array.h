/* SPDX-License-Identifier: GPL-2.0-only */
/* An array as a parameter in PostgreSQL's binary form: one dimension, from index 1. */
#ifndef CENTER_STORE_POSTGRES_ARRAY_H
#define CENTER_STORE_POSTGRES_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct array - an array that grows
 * @failed: memory was short: it is not whole
 */
struct array {
	unsigned char *bytes;
	size_t size;
	size_t room;
	bool failed;
};

/** array_texts - begin an array of text with @n elements */
void array_texts(struct array *array, uint32_t n);
/** array_integers - likewise of bigint */
void array_integers(struct array *array, uint32_t n);
/** array_add_text - the next element; NULL: NULL */
void array_add_text(struct array *array, const char *text);
void array_add_integer(struct array *array, int64_t value);
void array_free(struct array *array);

#endif /* CENTER_STORE_POSTGRES_ARRAY_H */
