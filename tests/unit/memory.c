// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/memory.h"

#include <libxml/xmlmemory.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "lib/script/program.h"

#define WRAPPED(type, name, ...)                                                       \
	type __real_##name(__VA_ARGS__);                                               \
	type __wrap_##name(__VA_ARGS__)

WRAPPED(void *, malloc, size_t size);
WRAPPED(void *, calloc, size_t n, size_t size);
WRAPPED(void *, realloc, void *p, size_t size);
WRAPPED(void *, reallocarray, void *p, size_t n, size_t size);
WRAPPED(void, free, void *p);

/* The compiled form of a script is what these allocate and free. */
WRAPPED(struct program *, program_new, const struct definition *definition);
WRAPPED(void, program_free, struct program *program);
WRAPPED(void *, program_alloc, struct program *program, size_t size);
WRAPPED(struct program_step *, program_add, struct program *program, const char *event, unsigned int line);

static long in_use, begin, peak;
static bool not_counted, failed;
static unsigned long fails_in;

static bool fails(void)
{
	if (!fails_in || --fails_in)
		return false;
	fails_in = 1;
	failed = true;
	return true;
}

static void count(long size)
{
	if (not_counted)
		return;
	in_use += size;
	peak = in_use > peak ? in_use : peak;
}

static void *counted(void *p)
{
	count(p ? malloc_usable_size(p) : 0);
	return p;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	long before = p ? malloc_usable_size(p) : 0;
	void *grown = fails() ? NULL : __real_reallocarray(p, n, size);

	if (grown)
		count((long)malloc_usable_size(grown) - before);
	return grown;
}

void *__wrap_realloc(void *p, size_t size)
{
	return __wrap_reallocarray(p, 1, size);
}

void __wrap_free(void *p)
{
	count(p ? -(long)malloc_usable_size(p) : 0);
	__real_free(p);
}

static char *copied(const char *text)
{
	char *copy = __wrap_malloc(strlen(text) + 1);

	return copy ? strcpy(copy, text) : NULL;
}

void memory_of_libxml(void)
{
	xmlMemSetup(__wrap_free, __wrap_malloc, __wrap_realloc, copied);
}

void memory_measure(void)
{
	begin = peak = in_use;
}

long memory_peak(void)
{
	return peak - begin;
}

void memory_fail(unsigned long n)
{
	fails_in = n;
	failed = false;
}

bool memory_failed(void)
{
	return failed;
}

struct program *__wrap_program_new(const struct definition *definition)
{
	struct program *program;

	not_counted = true;
	program = __real_program_new(definition);
	not_counted = false;
	return program;
}

void __wrap_program_free(struct program *program)
{
	not_counted = true;
	__real_program_free(program);
	not_counted = false;
}

void *__wrap_program_alloc(struct program *program, size_t size)
{
	void *p;

	not_counted = true;
	p = __real_program_alloc(program, size);
	not_counted = false;
	return p;
}

struct program_step *__wrap_program_add(struct program *program, const char *event, unsigned int line)
{
	struct program_step *step;

	not_counted = true;
	step = __real_program_add(program, event, line);
	not_counted = false;
	return step;
}
