/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of definitions and of scripts have in common: a service with one of each, in a folder of its own. */
#ifndef TESTS_UNIT_MEAL_H
#define TESTS_UNIT_MEAL_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/script/interpretation.h"

/* A service with one of each, which most tests use. */
#define MEAL                                                                           \
	"<!ELEMENT meal (course+, (tea | coffee)?)>"                                   \
	"<!ATTLIST meal event CDATA #FIXED 'meal.start' end-event CDATA #FIXED 'meal.end'>" \
	"<!ELEMENT course (dish*)>"                                                    \
	"<!ELEMENT dish EMPTY>"                                                        \
	"<!ATTLIST dish event CDATA #FIXED 'dish.serve'"                               \
	"  grams NMTOKEN #REQUIRED grams.type CDATA #FIXED 'integer'"                  \
	"  grams.minimum CDATA #FIXED '-5' grams.maximum CDATA #FIXED '500'"           \
	"  heat CDATA #IMPLIED heat.type CDATA #FIXED 'decimal'"                       \
	"  heat.maximum CDATA #FIXED '80.5' heat.unit CDATA #FIXED 'celsius'"          \
	"  note CDATA #IMPLIED note.type CDATA #FIXED 'string'"                        \
	"  note.minimum CDATA #FIXED '2' note.maximum CDATA #FIXED '8'"                \
	"  name CDATA #IMPLIED name.type CDATA #FIXED 'token'"                         \
	"  size (small | large) 'small' size.type CDATA #FIXED 'token'>"               \
	"<!ELEMENT tea EMPTY><!ATTLIST tea event CDATA #FIXED 'drink.serve'>"          \
	"<!ELEMENT coffee EMPTY><!ATTLIST coffee event CDATA #FIXED 'drink.serve'>"

extern char meal_folder[];
/* The definition that scripts are compiled with. */
extern struct definition *meal;

/** meal_load - a definition of the service; meal_load_bytes() - likewise, of @size bytes */
struct definition *meal_load(const char *text, struct error *err);
struct definition *meal_load_bytes(const char *data, size_t size, struct error *err);

/** meal_compile - a script of it; meal_compile_bytes() - from memory of just that size */
struct program *meal_compile(const char *text, struct error *err);
struct program *meal_compile_bytes(const char *data, size_t size, struct error *err);

/** meal_repeated - @head, @unit so many times, @tail; to be freed */
char *meal_repeated(const char *head, const char *unit, size_t n, const char *tail);

/** meal_assert_quiet - what @tests do, ended by NULL, writes nothing to standard error */
void meal_assert_quiet(void (*const tests[])(void **state), void **state);

int meal_set_up(void **state);
int meal_tear_down(void **state);

#endif /* TESTS_UNIT_MEAL_H */
