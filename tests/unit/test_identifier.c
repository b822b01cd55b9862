// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of identifiers (R3): beside a model that is plain and slow, with names whose hashes collide,
 * and without memory. The table is part of this file, so that its key can be known.
 */
#include "lib/script/identifier.c"
#include "tests/unit/meal.h"
#include "tests/unit/memory.h"

#define NAME_MAX_BYTES SCRIPT_ATTRIBUTE_MAX

/* A document of names alone, a blank behind each; what the model knows of each of them. */
struct list {
	char *text;
	size_t size, room;
	struct identifiers identifiers;
};

struct modelled {
	char *name;
	uint32_t length;
	bool declared, used;
	uint32_t first;
};

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (uint64_t)random_state * n >> 32;
}

static void list_begin(struct list *list, size_t room)
{
	*list = (struct list){ .text = malloc(room), .room = room };
	list->text[list->size++] = '<';
	list->identifiers.text = list->text;
}

static void list_end(struct list *list)
{
	identifiers_end(&list->identifiers);
	free(list->text);
}

/* So that the same names collide each time. */
static void key_set(struct identifiers *identifiers)
{
	assert_int_equal(slots_begin(identifiers), 0);
	identifiers->key[0] = identifiers->key[1] = 0;
}

static int list_use(struct list *list, const char *name, size_t length, bool declares)
{
	struct identifier_use use = { .name = list->text + list->size, .length = length,
				      .declares = declares, .at = list->size };

	assert_true(list->size + length + 1 < list->room);
	memcpy(list->text + list->size, name, length);
	list->size += length;
	list->text[list->size++] = ' ';
	return identifier_use(&list->identifiers, &use);
}

static struct modelled modelled_make(const char *name, size_t length)
{
	struct modelled modelled = { .name = malloc(length + 1), .length = length };

	memcpy(modelled.name, name, length);
	modelled.name[length] = '\0';
	return modelled;
}

static void pool_free(struct modelled *pool, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(pool[i].name);
	free(pool);
}

/* What is said of the first that is wrong, or of nothing. */
static void assert_settled(struct list *list, const struct modelled *pool, size_t n, int code, uint32_t twice)
{
	const struct modelled *first = NULL;
	const char *missing;
	size_t length;
	uint32_t at;

	if (!code)
		code = identifiers_settle(&list->identifiers);
	if (twice) {
		assert_int_equal(code, -EEXIST);
		assert_int_equal(list->identifiers.twice.at, twice);
		return;
	}
	assert_int_equal(code, 0);
	for (size_t i = 0; i < n; i++)
		if (pool[i].used && !pool[i].declared && (!first || pool[i].first < first->first))
			first = &pool[i];
	missing = identifier_missing(&list->identifiers, &length, &at);
	assert_int_equal(!missing, !first);
	if (!first)
		return;
	assert_int_equal(at, first->first);
	assert_int_equal(length, first->length);
	assert_memory_equal(missing, first->name, length);
}

/* @uses names of the pool at random; few are declared twice, so that most go on to the end. */
static void pool_use(struct modelled *pool, size_t n, size_t uses, bool all_declared, bool known_key)
{
	uint32_t twice = 0;
	size_t bytes = 2;
	struct list list;
	int code = 0;

	for (size_t i = 0; i < n; i++)
		bytes = bytes > pool[i].length + 1 ? bytes : pool[i].length + 2;
	list_begin(&list, bytes * (uses + n + 1));
	if (known_key)
		key_set(&list.identifiers);
	for (size_t i = 0; i < uses + (all_declared ? n : 0) && !code; i++) {
		struct modelled *modelled = &pool[i < uses ? random_below(n) : i - uses];
		bool declares = i >= uses || (!random_below(3) && (!modelled->declared || !random_below(4 * uses)));
		uint32_t at = list.size;

		if (i >= uses && modelled->declared)
			continue;
		if (!twice && declares && modelled->declared)
			twice = at;
		if (!modelled->used)
			modelled->first = at;
		modelled->used = true;
		modelled->declared |= declares;
		code = list_use(&list, modelled->name, modelled->length, declares);
	}
	assert_settled(&list, pool, n, code, twice);
	list_end(&list);
}

static void hash_is_siphash_1_3(void **state)
{
	/* As CPython 3.11 says with PYTHONHASHSEED=0. */
	static const struct {
		const char *name;
		uint32_t hash;
	} cases[] = { { "a", 0xb89b1813 }, { "abcdefg", 0x9070f506 }, { "abcdefgh", 0x0b8e35ea },
		      { "b100-\xc3\xa4", 0xcf4ddd69 } };
	struct identifiers identifiers = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(name_hash(&identifiers, cases[i].name, strlen(cases[i].name)), cases[i].hash);
}

static void keys_differ(void **state)
{
	struct identifiers one = { 0 }, other = { 0 };

	assert_int_equal(slots_begin(&one), 0);
	assert_int_equal(slots_begin(&other), 0);
	assert_memory_not_equal(one.key, other.key, sizeof(one.key));
	identifiers_end(&one);
	identifiers_end(&other);
}

static void names_at_random(void **state)
{
	static const struct {
		size_t n, uses, longest;
	} cases[] = { { 1, 5, 1 }, { 40, 30, 1 }, { 50, 3000, 3 }, { 5000, 20000, 8 }, { 300, 2000, NAME_MAX_BYTES } };

	for (random_state = 1; random_state < 60; random_state++) {
		uint32_t round = random_state;

		for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
			struct modelled *pool = malloc(cases[c].n * sizeof(*pool));
			char name[NAME_MAX_BYTES];

			for (size_t i = 0; i < cases[c].n; i++) {
				/* Each is another, and many are the begin of others. */
				size_t length = snprintf(name, sizeof(name), "%zu", i);

				if (cases[c].longest == 1)
					name[0] = 'A' + i, length = 1;
				while (length < cases[c].longest && random_below(cases[c].longest))
					name[length++] = '.';
				pool[i] = modelled_make(name, length);
			}
			pool_use(pool, cases[c].n, cases[c].uses, round % 2, false);
			pool_free(pool, cases[c].n);
		}
		random_state = round;
	}
}

/* Of one place in the smallest table, all with the same part of the hash in their slots; then some more of it. */
static void names_that_collide(void **state)
{
	enum { N = 60 };
	const uint32_t mask = TAG_MASK | (SLOTS_FIRST - 1);
	struct modelled *pool = malloc(N * sizeof(*pool));
	struct identifiers identifiers = { 0 };
	char name[16];
	size_t n = 0;

	/* At its end, so that they are found at its begin. */
	for (unsigned int i = 0; n < N; i++) {
		int length = snprintf(name, sizeof(name), "n%u", i);

		if ((name_hash(&identifiers, name, length) & mask) == mask - 1)
			pool[n++] = modelled_make(name, length);
	}
	for (random_state = 1; random_state < 200; random_state++) {
		uint32_t round = random_state;

		for (size_t i = 0; i < N; i++)
			pool[i].used = pool[i].declared = false;
		pool_use(pool, N, 10 + 3 * (round % N), round % 2, true);
		random_state = round;
	}
	pool_free(pool, N);
}

/* Two names whose hashes are the same, as far as the table looks: one does not stand for the other. */
static void assert_told_apart(const char *one, const char *other)
{
	const char *missing;
	struct list list;
	size_t length;
	uint32_t at;

	list_begin(&list, 100);
	key_set(&list.identifiers);
	assert_int_equal(list_use(&list, one, strlen(one), true), 0);
	assert_int_equal(list_use(&list, other, strlen(other), false), 0);
	assert_int_equal(identifiers_settle(&list.identifiers), 0);
	missing = identifier_missing(&list.identifiers, &length, &at);
	assert_non_null(missing);
	assert_int_equal(length, strlen(other));
	assert_memory_equal(missing, other, length);
	assert_int_equal(list_use(&list, other, strlen(other), true), 0);
	assert_int_equal(identifiers_settle(&list.identifiers), 0);
	assert_null(identifier_missing(&list.identifiers, &length, &at));
	assert_int_equal(list_use(&list, one, strlen(one), true), 0);
	assert_int_equal(identifiers_settle(&list.identifiers), -EEXIST);
	list_end(&list);
}

static void names_that_begin_alike(void **state)
{
	const uint32_t mask = TAG_MASK | (SLOTS_FIRST - 1);
	struct identifiers identifiers = { 0 };
	char one[16], other[16];

	for (unsigned int i = 0, n = 0; n < 20; i++) {
		uint32_t hash = name_hash(&identifiers, one, snprintf(one, sizeof(one), "n%u", i));

		if ((name_hash(&identifiers, other, snprintf(other, sizeof(other), "n%u.", i)) ^ hash) & mask)
			continue;
		n++;
		assert_told_apart(one, other);
		assert_told_apart(other, one);
	}
}

struct hashed {
	uint32_t hash, i;
};

static int hashed_compare(const void *a, const void *b)
{
	const struct hashed *one = a, *other = b;

	return (one->hash > other->hash) - (one->hash < other->hash);
}

/* The hash of some is the same as a whole. */
static void names_of_one_hash(void **state)
{
	enum { N = 500000 };
	struct hashed *all = malloc(N * sizeof(*all));
	struct identifiers identifiers = { 0 };
	unsigned int pairs = 0;
	char one[16], other[16];

	for (unsigned int i = 0; i < N; i++)
		all[i] = (struct hashed){ name_hash(&identifiers, one, snprintf(one, sizeof(one), "n%u", i)), i };
	qsort(all, N, sizeof(*all), hashed_compare);
	for (unsigned int i = 1; i < N; i++) {
		if (all[i].hash != all[i - 1].hash)
			continue;
		pairs++;
		snprintf(one, sizeof(one), "n%u", all[i - 1].i);
		snprintf(other, sizeof(other), "n%u", all[i].i);
		assert_told_apart(one, other);
	}
	assert_true(pairs > 5);
	free(all);
}

/* However they are numbered, nobody has to be looked for far away. */
static void nothing_is_quadratic(void **state)
{
	static const struct {
		const char *head;
		int width;
	} forms[] = { { "", 0 }, { "b", 0 }, { "b", 8 }, { "a-long-name-to-begin-with.", 0 } };
	enum { N = 200000 };

	for (size_t f = 0; f < sizeof(forms) / sizeof(*forms); f++) {
		struct list list;
		double far = 0;
		char name[64];

		list_begin(&list, N * 40);
		for (size_t i = 0; i < N; i++)
			assert_int_equal(list_use(&list, name, snprintf(name, sizeof(name), "%s%0*zu", forms[f].head,
									forms[f].width, i), i % 2), 0);
		assert_int_equal(identifiers_settle(&list.identifiers), 0);
		assert_int_equal(list.identifiers.n_known, N);
		for (size_t i = 0; i < list.identifiers.n_slots; i++) {
			const char *at = list.text + (list.identifiers.slots[i] & AT_MASK);

			if (list.identifiers.slots[i])
				far += (i - name_hash(&list.identifiers, at, name_length(at))) & (list.identifiers.n_slots - 1);
		}
		/* Knuth: 3 where 0.76 of them are taken. */
		assert_true(far / N < 6);
		list_end(&list);
	}
}

static void more_than_fits_16_bits(void **state)
{
	enum { N = 150000 };
	struct modelled *pool = malloc(N * sizeof(*pool));
	char name[16];

	for (size_t i = 0; i < N; i++)
		pool[i] = modelled_make(name, snprintf(name, sizeof(name), "b%zu", i));
	random_state = 1;
	pool_use(pool, N, 2 * N, true, false);
	for (size_t i = 0; i < N; i++)
		pool[i].used = pool[i].declared = false;
	pool_use(pool, N, 2 * N, false, false);
	pool_free(pool, N);
}

/* From each allocation on there is no memory: that is said, and nothing wrong of any name. */
static void table_without_memory(void **state)
{
	bool failed = true;

	for (unsigned long n = 1; failed; n++) {
		struct list list;
		char name[16];
		int code = 0;

		list_begin(&list, 40000);
		memory_fail(n);
		for (size_t i = 0; i < 2000 && !code; i++) {
			if (i % 10 == 3)
				code = identifiers_respell(&list.identifiers, list.size, "other", 5);
			if (!code)
				code = list_use(&list, name, snprintf(name, sizeof(name), "n%zu", i), i % 2);
		}
		if (!code)
			code = identifiers_settle(&list.identifiers);
		failed = memory_failed();
		memory_fail(0);
		assert_int_equal(code, failed ? -ENOMEM : 0);
		list_end(&list);
	}
}

#define PARTS                                                                          \
	"<!ELEMENT meal (dish*)>"                                                      \
	"<!ELEMENT dish EMPTY><!ATTLIST dish event CDATA #FIXED 'dish' name ID #IMPLIED name.type CDATA #FIXED 'token'" \
	"  to IDREF #IMPLIED to.type CDATA #FIXED 'token' of IDREFS #IMPLIED of.type CDATA #FIXED 'string'>"

static int parts_set_up(void **state)
{
	struct error err;
	int code = meal_set_up(state);

	definition_free(meal);
	meal = meal_load(PARTS, &err);
	return code || !meal;
}

/* What character references make of a name counts, and its place is where the document writes it. */
static void names_are_respelt(void **state)
{
	static const struct {
		const char *script, *expected;
	} cases[] = {
		{ "<meal><dish name='&#97;b'/><dish to='ab'/><dish of='&#x61;b a&#98;'/></meal>", NULL },
		{ "<meal><dish to='ab'/><dish of='x ab&#32;x'/><dish name='a&#0000000098;'/><dish name='&#x78;'/></meal>", NULL },
		{ "<meal><dish of='a\r\nb\tc\n  d'/><dish name='a'/><dish name='b'/><dish name='c'/><dish name='d'/></meal>", NULL },
		{ "<meal><dish name='\xc3\xa4'/><dish to='&#xe4;'/><dish of='&#228; \xc3\xa4'/></meal>", NULL },
		{ "<meal><dish name='ab'/>\n<dish to='ab' name='a&#98;'/></meal>",
		  "meal.xml:2:21: \"dish\": name is \"ab\", which another tag is called already" },
		{ "<meal><dish name='a&#98;'/>\n<dish to = \"a&#98;\"\n name='ab'/></meal>",
		  "meal.xml:3:8: \"dish\": name is \"ab\", which another tag is called already" },
		{ "<meal><dish name='a'/><dish of='a &#98; c'/><dish to='c'/><dish name='c'/></meal>",
		  "meal.xml:1:33: no tag is called \"b\"" },
		{ "<meal><dish of='ab'/><dish name='a'/><dish to='&#97;'/><dish to='b'/></meal>",
		  "meal.xml:1:17: no tag is called \"ab\"" },
		{ "<meal><dish name='\xc3\xa4'/><dish name='&#xe4;'/></meal>", "which another tag is called already" },
		{ "<meal><dish of='a b c'/><dish name='a'/><dish name='c'/></meal>", "meal.xml:1:19: no tag is called \"b\"" },
		{ "<meal><dish name='a&#9;b'/></meal>", "name is \"a" },
	};
	struct error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct program *program = meal_compile(cases[i].script, &err);

		if (cases[i].expected ? program || !strstr(err.text, cases[i].expected) : !program)
			fail_msg("%s: %s", cases[i].script, program ? "nothing wrong" : err.text);
		program_free(program);
	}
}

static char *written(char *p, const char *name, bool respelt)
{
	if (!respelt)
		return stpcpy(p, name);
	for (; *name; name++)
		p += random_below(2) ? sprintf(p, "&#%s%d;", random_below(2) ? "000" : "", *name) : sprintf(p, "%c", *name);
	return p;
}

/* The same document twice, some names of one in another writing: the same verdict, for the same name. */
static void respelt_at_random(void **state)
{
	enum { N = 200 };
	char *texts[2] = { malloc(N * 200), malloc(N * 200) }, *ends[2], name[16];
	unsigned int good = 0;

	for (random_state = 1; random_state < 300; random_state++) {
		uint32_t round = random_state;
		struct program *programs[2];
		struct error errs[2];

		for (int t = 0; t < 2; t++)
			ends[t] = stpcpy(texts[t], "<meal>");
		for (uint32_t i = 0; i < N; i++) {
			uint32_t to = random_below(round % 3 ? N : N + 2), of = random_below(N);

			for (int t = 0; t < 2; t++) {
				snprintf(name, sizeof(name), "n%u", round % 5 || i != N - 1 ? i : to);
				ends[t] = written(stpcpy(ends[t], "\n<dish name='"), name, t && !random_below(4));
				snprintf(name, sizeof(name), "n%u", to);
				ends[t] = written(stpcpy(ends[t], "' of='n1 "), name, t && !random_below(4));
				snprintf(name, sizeof(name), "n%u", of);
				ends[t] = stpcpy(written(stpcpy(ends[t], "' to='"), name, t && !random_below(4)), "'/>");
			}
		}
		for (int t = 0; t < 2; t++) {
			strcpy(ends[t], "</meal>");
			programs[t] = meal_compile(texts[t], &errs[t]);
		}
		if (!programs[0] != !programs[1])
			fail_msg("%s%s", texts[1], programs[0] ? errs[1].text : errs[0].text);
		if (!programs[0]) {
			assert_int_equal(errs[0].line, errs[1].line);
			assert_string_equal(strstr(errs[0].text, ": "), strstr(errs[1].text, ": "));
		}
		good += !!programs[0];
		program_free(programs[0]);
		program_free(programs[1]);
		random_state = round;
	}
	assert_true(good > 50 && good < 250);
	free(texts[0]);
	free(texts[1]);
}

static void names_of_the_greatest_length(void **state)
{
	enum { MAX = SCRIPT_ATTRIBUTE_MAX };
	char *text = malloc(4 * MAX), name[MAX + 2], *p;
	struct program *program;
	struct error err;

	memset(name, 'n', MAX + 1);
	for (int length = MAX - 1; length <= MAX; length++) {
		name[length] = '\0';
		sprintf(text, "<meal><dish to='%s'/><dish name='%s'/></meal>", name, name);
		program = meal_compile(text, &err);
		assert_non_null(program);
		program_free(program);
		/* Another, by its last byte, or shorter by one. */
		p = strstr(text, "'/><dish") - 1;
		*p = 'm';
		assert_null(meal_compile(text, &err));
		assert_non_null(strstr(err.text, "1:17: no tag is called \"nnn"));
		memmove(p, p + 1, strlen(p));
		assert_null(meal_compile(text, &err));
		assert_non_null(strstr(err.text, "1:17: no tag is called \"nnn"));
		name[length] = 'n';
	}
	name[MAX + 1] = '\0';
	sprintf(text, "<meal><dish name='%s'/></meal>", name);
	assert_null(meal_compile(text, &err));
	assert_int_equal(err.code, -EFBIG);
	free(text);
}

/* DESIGN's budget, beside the compiled form: a document of 10 MB, references to what is before and behind. */
static void memory_is_bounded(void **state)
{
	enum { N = 106000 };
	char *text = malloc(N * 120), *p = stpcpy(text, "<meal>\n");
	struct program *program;
	struct error err = { 0 };

	for (int i = 0; i < N; i++)
		p += sprintf(p, "\t<dish name='b%d' of='b%d b%d'/>%*s\n", i, i ? i - 1 : 0, N - 1 - i, 60, "");
	strcpy(p, "</meal>");
	assert_true(strlen(text) > 10000000);
	memory_measure();
	program = interpretation_compile(meal, "meal.xml", text, strlen(text), &err);
	assert_non_null(program);
	assert_in_range(memory_peak(), 400000, 1000000);
	program_free(program);
	free(text);
}

/* The parser of libxml2 2.9.14 loses some when it cannot be made, and says so where nobody asked. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:xmlAllocParserInputBuffer\nleak:xmlBufCreateSize\n";
}

static void say_nothing(void *user, const char *format, ...)
{
}

/* From each allocation on there is no memory, for the parser neither: the script is refused for that alone. */
static void script_without_memory(void **state)
{
	static const char text[] = "<meal><dish name='a' to='b' of='a b'/><dish name='&#98;'/><dish to='a'/></meal>";
	bool failed = true;
	unsigned long n = 1;

	xmlSetGenericErrorFunc(NULL, say_nothing);
	for (; failed; n++) {
		struct error err = { 0 };
		struct program *program;

		memory_fail(n);
		program = interpretation_compile(meal, "meal.xml", text, strlen(text), &err);
		failed = memory_failed();
		memory_fail(0);
		if (failed && (program || err.code != -ENOMEM))
			fail_msg("allocation %lu: %s", n, program ? "nothing wrong" : err.text);
		assert_true(failed || program);
		program_free(program);
	}
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_siphash_1_3),
		cmocka_unit_test(keys_differ),
		cmocka_unit_test(names_at_random),
		cmocka_unit_test(names_that_collide),
		cmocka_unit_test(names_that_begin_alike),
		cmocka_unit_test(names_of_one_hash),
		cmocka_unit_test(nothing_is_quadratic),
		cmocka_unit_test(more_than_fits_16_bits),
		cmocka_unit_test(table_without_memory),
		cmocka_unit_test(names_are_respelt),
		cmocka_unit_test(respelt_at_random),
		cmocka_unit_test(names_of_the_greatest_length),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(script_without_memory),
	};

	memory_of_libxml();
	return cmocka_run_group_tests(tests, parts_set_up, meal_tear_down);
}
