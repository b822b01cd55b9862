// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/meal.h"

#include "lib/file.h"

char meal_folder[] = "/tmp/test_meal.XXXXXX";
struct definition *meal;

static char path[64];

struct definition *meal_load_bytes(const char *data, size_t size, struct error *err)
{
	memset(err, 0, sizeof(*err));
	snprintf(path, sizeof(path), "%s/meal.dtd", meal_folder);
	assert_int_equal(file_write(path, data, size, 0600, NULL), 0);
	return definition_load(path, err);
}

struct definition *meal_load(const char *text, struct error *err)
{
	return meal_load_bytes(text, strlen(text), err);
}

struct program *meal_compile_bytes(const char *data, size_t size, struct error *err)
{
	/* Memory of just that size, so that a sanitizer sees a step too far. */
	char *copy = malloc(size ? size : 1);
	struct program *program;

	memset(err, 0, sizeof(*err));
	memcpy(copy, data, size);
	program = interpretation_compile(meal, "meal.xml", copy, size, err);
	free(copy);
	if (!program) {
		assert_true(err->code < 0);
		assert_true(strlen(err->text) > strlen("meal.xml:"));
	}
	return program;
}

struct program *meal_compile(const char *text, struct error *err)
{
	return meal_compile_bytes(text, strlen(text), err);
}

char *meal_repeated(const char *head, const char *unit, size_t n, const char *tail)
{
	char *text = malloc(strlen(head) + n * strlen(unit) + strlen(tail) + 1), *p;

	p = stpcpy(text, head);
	while (n--)
		p = stpcpy(p, unit);
	strcpy(p, tail);
	return text;
}

void meal_assert_quiet(void (*const tests[])(void **state), void **state)
{
	char name[64];
	struct stat st;
	int old = dup(STDERR_FILENO), fd;

	snprintf(name, sizeof(name), "%s/stderr", meal_folder);
	fd = open(name, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && old >= 0);
	dup2(fd, STDERR_FILENO);
	for (; *tests; tests++)
		(*tests)(state);
	dup2(old, STDERR_FILENO);
	close(old);
	fstat(fd, &st);
	close(fd);
	assert_int_equal(st.st_size, 0);
	unlink(name);
}

int meal_set_up(void **state)
{
	struct error err;

	if (!mkdtemp(meal_folder))
		return -1;
	meal = meal_load(MEAL, &err);
	return meal ? 0 : -1;
}

int meal_tear_down(void **state)
{
	definition_free(meal);
	return folder_remove(meal_folder, NULL);
}
