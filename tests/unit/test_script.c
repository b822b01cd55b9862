// SPDX-License-Identifier: GPL-2.0-only
/* lib/script: what definitions and scripts are refused, and what comes of those that are not (R3, R4). */
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

#include "lib/file.h"
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

#define DISH(attributes) "<meal><course><dish " attributes "/></course></meal>"

static char folder[] = "/tmp/test_script.XXXXXX";
static char path[64];
static struct definition *meal;

static struct definition *load_bytes(const char *data, size_t size, struct error *err)
{
	memset(err, 0, sizeof(*err));
	snprintf(path, sizeof(path), "%s/meal.dtd", folder);
	assert_int_equal(file_write(path, data, size, 0600, NULL), 0);
	return definition_load(path, err);
}

static struct definition *load(const char *text, struct error *err)
{
	return load_bytes(text, strlen(text), err);
}

static struct program *compile_bytes(const char *data, size_t size, struct error *err)
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

static struct program *compile(const char *text, struct error *err)
{
	return compile_bytes(text, strlen(text), err);
}

static void assert_good(const char *text)
{
	struct error err;
	struct program *program = compile(text, &err);

	if (!program)
		fail_msg("%s: %s", text, err.text);
	program_free(program);
}

static void assert_refused(const char *text, const char *expected)
{
	struct error err;
	struct program *program = compile(text, &err);

	if (program || strcmp(err.text, expected))
		fail_msg("%.200s:\n  found    %s\n  expected %s", text,
			 program ? "nothing wrong" : err.text, expected);
}

static void assert_definition_refused(const char *text, const char *expected)
{
	struct error err;
	struct definition *definition = load(text, &err);

	if (definition || !strstr(err.text, expected))
		fail_msg("%.200s:\n  found    %s\n  expected %s", text,
			 definition ? "nothing wrong" : err.text, expected);
}

static char *repeated(const char *head, const char *unit, size_t n, const char *tail)
{
	char *text = malloc(strlen(head) + n * strlen(unit) + strlen(tail) + 1), *p;

	p = stpcpy(text, head);
	while (n--)
		p = stpcpy(p, unit);
	strcpy(p, tail);
	return text;
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
		{ "<!ELEMENT meal EMPTY><!ATTLIST meal a ID #IMPLIED>", "attribute a must be CDATA" },
		{ "<!ELEMENT meal EMPTY><!ATTLIST meal a IDREF #IMPLIED>", "attribute a must be" },
		{ "<!ELEMENT meal EMPTY><!ATTLIST meal a ENTITY #IMPLIED>", "attribute a must be" },
#define EVENT "<!ELEMENT meal EMPTY><!ATTLIST meal event CDATA #FIXED 'e'>"
#define FIXED(name, value) "<!ATTLIST meal " name " CDATA #FIXED '" value "'>"
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
	assert_null(load_bytes(data, sizeof(data), &err));
	assert_int_equal(err.code, -EFBIG);
	assert_null(load_bytes("<!ELEMENT meal EMPTY>\0<", 23, &err));
	assert_non_null(strstr(err.text, "zero bytes"));
	/* 10^9 comments through parameter entities. */
	for (int i = 1; i < 10; i++)
		for (int j = -1; j < 11; j++)
			sprintf(bomb + strlen(bomb), j < 0 ? "<!ENTITY %% e%d '" : j < 10 ? "&#37;e%d;" : "'>",
				j < 0 ? i : i - 1);
	strcat(bomb, "%e9;");
	assert_null(load(bomb, &err));
	assert_int_equal(err.code, -EINVAL);
	/* An automaton that would take minutes to build. */
	text = repeated("<!ELEMENT tea EMPTY><!ELEMENT meal (tea?", ",tea?", 256, ")>");
	assert_null(load(text, &err));
	assert_non_null(strstr(err.text, "too large"));
	free(text);
}

/* Whatever is cut off, it is a definition or it is refused with a reason. */
static void definition_cut_short(void **state)
{
	size_t size = strlen(MEAL);

	for (size_t n = 0; n <= size; n++) {
		struct error err;
		struct definition *definition = load_bytes(MEAL, n, &err);

		assert_true(definition ? !err.code : err.code < 0 && err.text[0]);
		definition_free(definition);
	}
}

static void steps_are_in_document_order(void **state)
{
	struct error err;
	struct program *program = compile("<?xml version='1.0'?>\n"
					  "<meal>\n"
					  "  <course>\n"
					  "    <dish\n grams='1'/>\n"
					  "    <dish grams='-5' heat='80.5' note='ok' name='a.b' size='large'/>\n"
					  "  </course><course/>\n"
					  "  <tea></tea>\n"
					  "</meal>\n", &err);
	static const struct {
		const char *event;
		unsigned int line, n;
	} expected[] = { { "meal.start", 2, 0 }, { "dish.serve", 4, 2 }, { "dish.serve", 6, 5 },
			 { "drink.serve", 8, 0 }, { "meal.end", 9, 0 } };

	assert_non_null(program);
	assert_string_equal(program->service, "meal");
	assert_int_equal(program->n, 5);
	for (size_t i = 0; i < program->n; i++) {
		assert_string_equal(program->steps[i].event, expected[i].event);
		assert_int_equal(program->steps[i].line, expected[i].line);
		assert_int_equal(program->steps[i].n_arguments, expected[i].n);
	}
	program_free(program);
}

/* The parser reads in pieces; a tag may lie across two of them. */
static void places_are_right_in_a_long_script(void **state)
{
	enum { N = 20000 };
	char *text = repeated("<meal><course>", "\n\t<dish\n\t\tgrams='1'\n\t/>", N,
			      "\n\t<fork/></course></meal>"), expected[32];
	struct error err;
	struct program *program;

	assert_null(compile(text, &err));
	snprintf(expected, sizeof(expected), "meal.xml:%d:2:", 3 * N + 2);
	assert_int_equal(strncmp(err.text, expected, strlen(expected)), 0);
	assert_int_equal(err.line, 3 * N + 2);
	assert_int_equal(err.column, 2);
	strcpy(strstr(text, "<fork/>"), "</course></meal>");
	program = compile(text, &err);
	assert_non_null(program);
	assert_int_equal(program->n, N + 2);
	for (unsigned int i = 1; i <= N; i++)
		assert_int_equal(program->steps[i].line, 3 * i - 1);
	program_free(program);
	free(text);
}

static void params_are_typed(void **state)
{
	struct error err;
	struct program *program =
		compile(DISH("size='large' name='7' note='&#228;&quot;' heat='+.5' grams='007'"), &err);
	json_t *params = program ? program_step_params(&program->steps[1]) : NULL;
	char *text = json_dumps(params, JSON_SORT_KEYS | JSON_COMPACT);

	assert_string_equal(text, "{\"grams\":7,\"heat\":0.5,\"name\":\"7\",\"note\":\"ä\\\"\",\"size\":\"large\"}");
	free(text);
	json_decref(params);
	params = program_step_params(&program->steps[0]);
	assert_true(json_is_object(params));
	assert_int_equal(json_object_size(params), 0);
	json_decref(params);
	program_free(program);
}

static void decimals_are_those_of_strtod(void **state)
{
	const struct argument_rule rule = { .type = ARGUMENT_DECIMAL };
	union argument_number number;
	char text[64];

	srand(1);
	for (int i = 0; i < 200000; i++) {
		int before = rand() % 12, after = rand() % 12, n = 0;

		n += sprintf(text, "%s", (const char *[]){ "", "-", "+" }[rand() % 3]);
		while (before-- > 0)
			text[n++] = '0' + rand() % 10;
		if (after)
			text[n++] = '.';
		while (after-- > 0)
			text[n++] = '0' + rand() % 10;
		text[n] = '\0';
		if (!n || !strpbrk(text, "0123456789"))
			continue;
		assert_int_equal(argument_parse(&rule, text, &number), 0);
		if (number.decimal != strtod(text, NULL))
			fail_msg("%s: %.17g", text, number.decimal);
	}
}

/* What the script leaves out, the definition fills in; what neither says is not there. */
static void defaults_are_filled_in(void **state)
{
	struct error err;
	struct program *program = compile(DISH("grams='1'"), &err);

	assert_non_null(program);
	assert_int_equal(program->steps[1].n_arguments, 2);
	assert_string_equal(program->steps[1].arguments[1].attribute->name, "size");
	assert_string_equal(program->steps[1].arguments[1].value, "small");
	program_free(program);
}

static void program_outlives_the_definition(void **state)
{
	struct error err;
	struct definition *mine = load(MEAL, &err);
	struct program *program =
		interpretation_compile(mine, "a", "<meal><course/></meal>", 22, &err);

	definition_free(mine);
	assert_non_null(program);
	assert_string_equal(program->service, "meal");
	assert_string_equal(program->steps[1].event, "meal.end");
	program_free(program);
}

static void ranges_are_inclusive(void **state)
{
	assert_good(DISH("grams='-5'"));
	assert_good(DISH("grams='500'"));
	assert_good(DISH("grams='1' heat='80.5'"));
	assert_good(DISH("grams='1' heat='80.50'"));
	assert_good(DISH("grams='1' heat='-1000000'"));
	assert_good(DISH("grams='1' note='12'"));
	assert_good(DISH("grams='1' note='12345678'"));
#define GRAMS "; allowed: an integer from -5 to 500"
#define HEAT "; allowed: a decimal of at most 80.5 (celsius)"
#define NOTE "; allowed: a string from 2 to 8 bytes"
	assert_refused(DISH("grams='-6'"), "meal.xml:1:28: \"dish\": grams is \"-6\"" GRAMS);
	assert_refused(DISH("grams='501'"), "meal.xml:1:28: \"dish\": grams is \"501\"" GRAMS);
	assert_refused(DISH("grams='99999999999999999999'"),
		       "meal.xml:1:28: \"dish\": grams is \"99999999999999999999\"" GRAMS);
	assert_refused(DISH("grams='1.0'"), "meal.xml:1:28: \"dish\": grams is \"1.0\"" GRAMS);
	assert_refused(DISH("grams='0x1'"), "meal.xml:1:28: \"dish\": grams is \"0x1\"" GRAMS);
	assert_refused(DISH("grams=''"), "meal.xml:1:28: \"dish\": grams is \"\"" GRAMS);
	assert_refused(DISH("grams=' 1'"), "meal.xml:1:28: \"dish\": grams is \" 1\"" GRAMS);
	assert_refused(DISH("heat='80.6' grams='1'"), "meal.xml:1:27: \"dish\": heat is \"80.6\"" HEAT);
	assert_refused(DISH("heat='1e1' grams='1'"), "meal.xml:1:27: \"dish\": heat is \"1e1\"" HEAT);
	assert_refused(DISH("heat='inf' grams='1'"), "meal.xml:1:27: \"dish\": heat is \"inf\"" HEAT);
	assert_refused(DISH("heat='.' grams='1'"), "meal.xml:1:27: \"dish\": heat is \".\"" HEAT);
	assert_refused(DISH("note='1' grams='1'"), "meal.xml:1:27: \"dish\": note is \"1\"" NOTE);
	assert_refused(DISH("note='123456789' grams='1'"),
		       "meal.xml:1:27: \"dish\": note is \"123456789\"" NOTE);
	assert_refused(DISH("name='a b' grams='1'"),
		       "meal.xml:1:27: \"dish\": name is \"a b\"; allowed: a token");
	assert_refused(DISH("size='huge' grams='1'"),
		       "meal.xml:1:27: \"dish\": size is \"huge\"; allowed: \"small\", \"large\"");
	assert_refused(DISH("event='other' grams='1'"),
		       "meal.xml:1:28: \"dish\": event is \"other\"; allowed: \"dish.serve\" alone");
}

static void refusals_say_where_and_what_is_allowed(void **state)
{
	assert_refused("<tea/>", "meal.xml:1:1: \"tea\" cannot stand here; allowed: \"meal\"");
	assert_refused("<meal>\n <tea/></meal>",
		       "meal.xml:2:2: \"tea\" cannot stand here; allowed: \"course\"");
	assert_refused("<meal>\n\n\t<course/>\n\t<fork/></meal>",
		       "meal.xml:4:2: \"fork\" cannot stand here; allowed: \"course\", \"tea\", \"coffee\" or the end of \"meal\"");
	assert_refused("<meal><course/><tea/><tea/></meal>",
		       "meal.xml:1:22: \"tea\" cannot stand here; allowed: nothing but the end of \"meal\"");
	assert_refused("<meal><course/><tea><tea/></tea></meal>",
		       "meal.xml:1:21: \"tea\" cannot stand here; allowed: nothing but the end of \"tea\"");
	assert_refused("<meal>\n</meal>",
		       "meal.xml:2:1: \"meal\" ends too early; still to come: \"course\"");
	assert_refused("<meal/>", "meal.xml:1:1: \"meal\" ends too early; still to come: \"course\"");
	assert_refused("<meal><course><dish/></course></meal>",
		       "meal.xml:1:15: \"dish\" lacks the attribute \"grams\"; allowed: an integer from -5 to 500");
	assert_refused("<meal a='1'><course/></meal>",
		       "meal.xml:1:10: \"meal\" has no attribute \"a\"; allowed: none");
	assert_refused(DISH("colour='1'"),
		       "meal.xml:1:29: \"dish\" has no attribute \"colour\"; allowed: \"grams\", \"heat\", \"note\", \"name\", \"size\"");
	assert_refused("<meal>\n  eat<course/></meal>", "meal.xml:2:3: text \"eat\"; a script has tags alone");
	assert_refused("<meal><course> </course><tea> </tea></meal>",
		       "meal.xml:1:31: text in \"tea\", which must be empty");
	assert_refused("<meal><course/><tea><!-- --></tea></meal>",
		       "meal.xml:1:29: a comment in \"tea\", which must be empty");
	assert_refused("<meal><course/><tea><?p?></tea></meal>",
		       "meal.xml:1:26: a processing instruction in \"tea\", which must be empty");
}

static void comments_and_instructions_are_skipped(void **state)
{
	assert_good("<!-- a --><?b c?><meal><!-- d --><course><?e?></course></meal><!-- f -->\n");
	assert_good("\xef\xbb\xbf<meal><course/></meal>");
	assert_good("<?xml version='1.0' encoding='UTF-8' standalone='yes'?><meal><course/></meal>");
}

static void assert_hostile(const char *text, const char *part)
{
	struct error err;
	struct program *program = compile(text, &err);

	if (program || !strstr(err.text, part))
		fail_msg("%.200s:\n  found    %s\n  expected %s", text,
			 program ? "nothing wrong" : err.text, part);
}

static void hostile_documents(void **state)
{
	/* A declaration stops the parser: nothing is expanded, nothing opened. */
	assert_hostile("<!DOCTYPE meal [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
		       "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]>"
		       "<meal><course/>&d;</meal>", "1:1: a DOCTYPE; remove it");
	assert_hostile("<!DOCTYPE meal SYSTEM 'file:///etc/passwd'><meal><course/></meal>", "a DOCTYPE");
	assert_hostile("<!DOCTYPE meal SYSTEM 'http://127.0.0.1:1/meal.dtd'><meal><course/></meal>",
		       "a DOCTYPE");
	assert_hostile("<!DOCTYPE meal><meal><course/></meal>", "a DOCTYPE");
	assert_hostile("<!DOCTYPE meal [<!ELEMENT meal ANY>]><meal>anything</meal>", "a DOCTYPE");
	assert_hostile("<!DOCTYPE meal [%a;<!ENTITY", "a DOCTYPE");
	assert_hostile("<meal>&a;<course/></meal>", "Entity 'a' not defined");
	assert_hostile("<meal><course/>&lt;</meal>", "text \"<\"");
	assert_hostile(DISH("grams='&a;'"), "Entity 'a' not defined");
	assert_hostile("<meal>&#0;<course/></meal>", "not well-formed");
	assert_hostile("<meal>&#xD800;<course/></meal>", "not well-formed");
	assert_hostile("<meal><![CDATA[ ]]><course/></meal>", "a CDATA section");
	assert_hostile("<meal xmlns='urn:a'><course/></meal>", "a script has no namespaces");
	assert_hostile("<a:meal xmlns:a='urn:a'><course/></a:meal>", "a script has no namespaces");
	assert_hostile("<meal xml:lang='en'><course/></meal>", "has no attribute \"xml:lang\"");
	assert_hostile("<meal><course/></meal><meal><course/></meal>", "not well-formed");
	assert_hostile("<meal><course></meal></course>", "not well-formed");
	assert_hostile(DISH("grams='1' grams='2'"), "not well-formed");
	assert_hostile("", "not an XML document");
	assert_hostile("\xef\xbb\xbf", "not an XML document");
	assert_hostile("   \n ", "not well-formed");
	assert_hostile("{\"meal\": 1}", "not an XML document");
	assert_hostile("<?xml version='1.0'?>", "not well-formed");
}

static void hostile_encodings(void **state)
{
	static const char *const encodings[] = { "UTF-16", "UTF-7", "EBCDIC-CP-US", "no-such" };
	struct error err;
	char text[128];

	/* Whatever a document says of itself, it is read as UTF-8. */
	assert_hostile("<meal note='\xe4'><course/></meal>", "not proper UTF-8");
	assert_hostile("<?xml version='1.0' encoding='ISO-8859-1'?><meal note='\xe4'><course/></meal>",
		       "not proper UTF-8");
	assert_hostile("<meal note='\xc0\xaf'><course/></meal>", "not well-formed");
	assert_hostile("<meal note='\xed\xa0\x80'><course/></meal>", "not well-formed");
	assert_hostile("\x4c\x6f\xa7\x94\x93", "not an XML document");
	for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++) {
		snprintf(text, sizeof(text),
			 "<?xml version='1.0' encoding='%s'?><meal>+ADw-<course/></meal>", encodings[i]);
		assert_hostile(text, "meal.xml:1:");
	}
	assert_null(compile_bytes("\xff\xfe<\0m\0/\0>\0", 10, &err));
	assert_null(compile_bytes("<\0m\0/\0>\0", 8, &err));
	assert_null(compile_bytes("<meal><course/></meal>\0<", 24, &err));
	assert_null(compile_bytes("<meal>\0<course/></meal>", 23, &err));
}

static void assert_too_much(char *text, const char *part)
{
	struct error err;
	struct program *program = compile(text, &err);

	if (program || err.code != -EFBIG || !strstr(err.text, part))
		fail_msg("found %s, expected %s", program ? "nothing wrong" : err.text, part);
	free(text);
}

static void limits_hold(void **state)
{
	struct error err;
	struct program *program;
	char *text;

	assert_too_much(repeated("<meal>", " ", SCRIPT_SIZE_MAX, "<course/></meal>"),
			"a script has at most 16777216");
	assert_too_much(repeated("<meal><course><dish grams='1' note='", "x", SCRIPT_ATTRIBUTE_MAX + 1,
				 "'/></course></meal>"), "has 4097 bytes; at most 4096");
	assert_too_much(repeated("<meal>", "<course/>", SCRIPT_ELEMENTS_MAX, "</meal>"),
			"at most 1000000 elements");
	assert_too_much(repeated("<meal", " a=''", 1000000, "/>"), "more than 4096 \"=\"");
	text = repeated("<meal>", "<course/>", SCRIPT_ELEMENTS_MAX - 1, "</meal>");
	program = compile(text, &err);
	assert_non_null(program);
	assert_int_equal(program->n, 2);
	program_free(program);
	free(text);
}

static void depth_is_bounded(void **state)
{
	struct definition *outer = meal;
	struct error err;
	char *text;

	meal = load("<!ELEMENT meal (meal?)>", &err);
	assert_non_null(meal);
	text = repeated("", "<meal>", SCRIPT_DEPTH_MAX - 1, "<meal/>");
	text = realloc(text, 4096);
	for (int i = 0; i < SCRIPT_DEPTH_MAX - 1; i++)
		strcat(text, "</meal>");
	assert_good(text);
	free(text);
	assert_too_much(repeated("", "<meal>", 2000000, ""), "one within the other");
	definition_free(meal);
	meal = outer;
}

static void a_script_cut_short_is_refused(void **state)
{
	static const char script[] = "<?xml version='1.0'?><!-- c --><meal><course>"
				     "<dish grams='1' note='&lt;a'/><dish grams='2'/></course>"
				     "<?p i?><tea/></meal>";
	struct error err;

	assert_good(script);
	for (size_t n = 0; n < strlen(script); n++)
		assert_null(compile_bytes(script, n, &err));
}

/* Any byte in any place: refused or compiled, never worse; the sanitizers look on. */
static void a_script_with_a_wrong_byte(void **state)
{
	char script[] = "<meal><course><dish grams='1' heat='2.5' note='&#65;&lt;'/></course><tea/></meal>";

	for (size_t i = 0; i < strlen(script); i++) {
		char kept = script[i];

		for (int byte = 0; byte < 256; byte++) {
			struct error err;

			script[i] = byte;
			program_free(compile_bytes(script, sizeof(script) - 1, &err));
		}
		script[i] = kept;
	}
}

static void nothing_is_written_to_standard_error(void **state)
{
	char name[64];
	struct stat st;
	int old = dup(STDERR_FILENO), fd;

	snprintf(name, sizeof(name), "%s/stderr", folder);
	fd = open(name, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && old >= 0);
	dup2(fd, STDERR_FILENO);
	definition_refusals(state);
	hostile_documents(state);
	hostile_encodings(state);
	dup2(old, STDERR_FILENO);
	close(old);
	fstat(fd, &st);
	close(fd);
	assert_int_equal(st.st_size, 0);
	unlink(name);
}

static int set_up(void **state)
{
	struct error err;

	if (!mkdtemp(folder))
		return -1;
	meal = load(MEAL, &err);
	return meal ? 0 : -1;
}

static int tear_down(void **state)
{
	definition_free(meal);
	return folder_remove(folder, NULL);
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
		cmocka_unit_test(steps_are_in_document_order),
		cmocka_unit_test(places_are_right_in_a_long_script),
		cmocka_unit_test(params_are_typed),
		cmocka_unit_test(decimals_are_those_of_strtod),
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(program_outlives_the_definition),
		cmocka_unit_test(ranges_are_inclusive),
		cmocka_unit_test(refusals_say_where_and_what_is_allowed),
		cmocka_unit_test(comments_and_instructions_are_skipped),
		cmocka_unit_test(hostile_documents),
		cmocka_unit_test(hostile_encodings),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(a_script_cut_short_is_refused),
		cmocka_unit_test(a_script_with_a_wrong_byte),
		cmocka_unit_test(nothing_is_written_to_standard_error),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
