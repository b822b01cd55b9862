// SPDX-License-Identifier: GPL-2.0-only
/* Script definitions (331): what is refused, and what they tell (R3). */
#include "tests/unit/meal.h"

static void assert_definition_refused(const char *text, const char *expected)
{
	struct error err;
	struct definition *definition = meal_load(text, &err);

	if (definition || !strstr(err.text, expected))
		fail_msg("%.200s:\n  found    %s\n  expected %s", text,
			 definition ? "nothing wrong" : err.text, expected);
}

static void definition_tells_its_events(void **state)
{
	static const char *const expected[] = { "meal.start", "meal.end", "dish.serve",
						"drink.serve" };
	const char *const *events;
	size_t n = definition_events(meal, &events);

	assert_string_equal(definition_service(meal), "meal");
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(events[i], expected[i]);
}

static void definition_refusals(void **state)
{
	static const struct {
		const char *dtd, *expected;
	} cases[] = {
		{ "", "element meal: it is the service by the file's name, but is not declared" },
		{ "<!ELEMENT soup EMPTY>", "element meal: it is the service" },
		{ "<!ELEMENT meal EMPTY", "meal.dtd:1:" },
		{ "<meal/>", "meal.dtd:1:" },
		{ "<!ELEMENT meal ANY>", "no text" },
		{ "<!ELEMENT meal (#PCDATA)>", "no text" },
		{ "<!ELEMENT meal (#PCDATA | tea)*><!ELEMENT tea EMPTY>", "no text" },
		{ "<!ELEMENT meal (tea)>", "names tea, which is not declared" },
		{ "<!ELEMENT meal (x:tea)><!ELEMENT tea EMPTY>", "which is not declared" },
		{ "<!ELEMENT x:meal EMPTY>", "namespaces" },
		{ "<!ELEMENT meal (tea?, tea)><!ELEMENT tea EMPTY>", "not deterministic" },
		{ "<!ELEMENT meal ((tea, tea) | (tea))><!ELEMENT tea EMPTY>", "not deterministic" },
		{ "<!ELEMENT meal EMPTY><!ELEMENT meal EMPTY>", "Redefinition" },
		{ "<!ATTLIST tea event CDATA #FIXED 'a'><!ELEMENT meal EMPTY>",
		  "element tea: it has attributes, but is not declared" },
		{ "<!ELEMENT meal EMPTY><!ATTLIST meal event CDATA #IMPLIED>", "must be #FIXED" },
		{ "<!ELEMENT meal EMPTY><!ATTLIST meal event CDATA 'a'>", "must be #FIXED" },
		{ "<!ELEMENT meal EMPTY><!ATTLIST meal event CDATA #FIXED 'A b'>",
		  "event \"A b\" cannot name an event" },
		{ "<!ELEMENT meal EMPTY><!ATTLIST meal end-event CDATA #FIXED ''>",
		  "cannot name an event" },
		{ "<!ENTITY a 'b'><!ELEMENT meal EMPTY>", "entity \"a\" is refused" },
		{ "<!ENTITY a SYSTEM 'file:///etc/passwd'><!ELEMENT meal EMPTY>", "is refused" },
		{ "<!ENTITY % a SYSTEM 'file:///etc/passwd'> %a; <!ELEMENT meal EMPTY>",
		  "is refused" },
		{ "%a; <!ELEMENT meal EMPTY>", "PEReference: %a; not found" },
		{ "<!ELEMENT meal EMPTY><!ATTLIST meal xml:id ID #IMPLIED>", "meal" },
		{ "<!ELEMENT meal EMPTY><!ATTLIST meal a ENTITY #IMPLIED>", "attribute a must be" },
#define EVENT "<!ELEMENT meal EMPTY><!ATTLIST meal event CDATA #FIXED 'e'>"
#define FIXED(name, value) "<!ATTLIST meal " name " CDATA #FIXED '" value "'>"
		{ EVENT "<!ATTLIST meal a ID #IMPLIED b ID #IMPLIED>", "meal" },
		{ EVENT "<!ATTLIST meal a IDREF 'x'>", "must be #REQUIRED or #IMPLIED" },
		{ EVENT "<!ATTLIST meal a IDREFS #FIXED 'x'>", "must be #REQUIRED or #IMPLIED" },
		{ EVENT "<!ATTLIST meal a ID #IMPLIED>", "a.type must be #FIXED" },
		{ EVENT "<!NOTATION n SYSTEM 'n'><!ATTLIST meal a NOTATION (n) #IMPLIED>", "meal" },
		{ EVENT "<!ATTLIST meal a CDATA #IMPLIED>", "a.type must be #FIXED" },
		{ EVENT "<!ATTLIST meal a CDATA #IMPLIED a.type CDATA 'string'>",
		  "attribute a.type must be #FIXED" },
		{ EVENT "<!ATTLIST meal a CDATA #IMPLIED>" FIXED("a.type", "date"), "a.type must be" },
		{ EVENT FIXED("a.type", "string"), "a.type describes an argument that is not" },
		{ EVENT FIXED("event.type", "string"), "event.type describes an argument" },
		{ EVENT "<!ATTLIST meal a CDATA #IMPLIED>" FIXED("a.type", "string")
		  FIXED("a.color", "x"), "a.color is not known" },
		{ EVENT "<!ATTLIST meal Aa CDATA #IMPLIED>" FIXED("Aa.type", "string"),
		  "\"Aa\" cannot name an argument" },
		{ "<!ELEMENT meal EMPTY><!ATTLIST meal a CDATA #IMPLIED>" FIXED("a.type", "string"),
		  "there is no event to carry it" },
		{ EVENT "<!ATTLIST meal a CDATA #IMPLIED>" FIXED("a.type", "integer")
		  FIXED("a.minimum", "2") FIXED("a.maximum", "1"), "the range of a" },
		{ EVENT "<!ATTLIST meal a CDATA #IMPLIED>" FIXED("a.type", "integer")
		  FIXED("a.minimum", "1.5"), "the range of a" },
		{ EVENT "<!ATTLIST meal a CDATA #IMPLIED>" FIXED("a.type", "decimal")
		  FIXED("a.minimum", "nan"), "the range of a" },
		{ EVENT "<!ATTLIST meal a CDATA #IMPLIED>" FIXED("a.type", "string")
		  FIXED("a.minimum", "-1"), "the range of a" },
		{ EVENT "<!ATTLIST meal a CDATA '9'>" FIXED("a.type", "integer")
		  FIXED("a.maximum", "8"), "the definition's own value \"9\" is not an integer" },
		{ EVENT "<!ATTLIST meal a (1 | 9) #REQUIRED>" FIXED("a.type", "integer")
		  FIXED("a.maximum", "8"), "the definition's own value \"9\"" },
		{ EVENT "<!ATTLIST meal a NMTOKEN 'b c'>" FIXED("a.type", "string"), "meal.dtd:1:" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_definition_refused(cases[i].dtd, cases[i].expected);
}

/* Nothing in a message is as long as the definition likes. */
static void long_bounds_are_cut(void **state)
{
	char zeros[1001] = "", text[8192];
	struct argument_rule rule = { .type = ARGUMENT_INTEGER, .minimum = zeros,
				      .maximum = zeros, .unit = zeros };

	memset(zeros, '0', sizeof(zeros) - 1);
	argument_describe(&rule, text, 160);
	assert_int_equal(strlen(text), 159);
	snprintf(text, sizeof(text), EVENT "<!ATTLIST meal a CDATA '7'>" FIXED("a.type", "integer")
		 "<!ATTLIST meal a.minimum CDATA #FIXED '%s1' a.maximum CDATA #FIXED '%s2'"
		 " a.unit CDATA #FIXED '%s'>", zeros, zeros, zeros);
	assert_definition_refused(text, "own value \"7\" is not an integer from 0000");
}

static void definition_needs_its_name(void **state)
{
	struct error err = { 0 };

	assert_null(definition_load("/nowhere/meal.dtd", &err));
	assert_int_equal(err.code, -ENOENT);
	memset(&err, 0, sizeof(err));
	assert_null(definition_load("/nowhere/meal.xml", &err));
	assert_int_equal(err.code, -EINVAL);
	memset(&err, 0, sizeof(err));
	assert_null(definition_load("/nowhere/.dtd", &err));
	assert_int_equal(err.code, -EINVAL);
}

static void definition_is_bounded(void **state)
{
	static char data[DEFINITION_SIZE_MAX + 2];
	char bomb[4096] = "<!ELEMENT meal EMPTY><!ENTITY % e0 '<!--01234567890123456789-->'>";
	struct error err;
	char *text;

	memset(data, ' ', sizeof(data));
	assert_null(meal_load_bytes(data, sizeof(data), &err));
	assert_int_equal(err.code, -EFBIG);
	assert_null(meal_load_bytes("<!ELEMENT meal EMPTY>\0<", 23, &err));
	assert_non_null(strstr(err.text, "zero bytes"));
	/* 10^9 comments through parameter entities. */
	for (int i = 1; i < 10; i++)
		for (int j = -1; j < 11; j++)
			sprintf(bomb + strlen(bomb), j < 0 ? "<!ENTITY %% e%d '" : j < 10 ? "&#37;e%d;" : "'>",
				j < 0 ? i : i - 1);
	strcat(bomb, "%e9;");
	assert_null(meal_load(bomb, &err));
	assert_int_equal(err.code, -EINVAL);
	/* An automaton that would take minutes to build. */
	text = meal_repeated("<!ELEMENT tea EMPTY><!ELEMENT meal (tea?", ",tea?", 256, ")>");
	assert_null(meal_load(text, &err));
	assert_non_null(strstr(err.text, "too large"));
	free(text);
}

/* Whatever is cut off, it is a definition or it is refused with a reason. */
static void definition_cut_short(void **state)
{
	size_t size = strlen(MEAL);

	for (size_t n = 0; n <= size; n++) {
		struct error err;
		struct definition *definition = meal_load_bytes(MEAL, n, &err);

		assert_true(definition ? !err.code : err.code < 0 && err.text[0]);
		definition_free(definition);
	}
}

static void nothing_is_written_to_standard_error(void **state)
{
	static void (*const tests[])(void **state) = { definition_refusals, NULL };

	meal_assert_quiet(tests, state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(definition_tells_its_events),
		cmocka_unit_test(definition_refusals),
		cmocka_unit_test(long_bounds_are_cut),
		cmocka_unit_test(definition_needs_its_name),
		cmocka_unit_test(definition_is_bounded),
		cmocka_unit_test(definition_cut_short),
		cmocka_unit_test(nothing_is_written_to_standard_error),
	};

	return cmocka_run_group_tests(tests, meal_set_up, meal_tear_down);
}
