// SPDX-License-Identifier: GPL-2.0-only
/* Scripts (12): what comes of them, and which are refused (R3, R4). */
#include "tests/unit/meal.h"

#define DISH(attributes) "<meal><course><dish " attributes "/></course></meal>"

static void assert_good(const char *text)
{
	struct error err;
	struct program *program = meal_compile(text, &err);

	if (!program)
		fail_msg("%s: %s", text, err.text);
	program_free(program);
}

static void assert_refused(const char *text, const char *expected)
{
	struct error err;
	struct program *program = meal_compile(text, &err);

	if (program || strcmp(err.text, expected))
		fail_msg("%.200s:\n  found    %s\n  expected %s", text,
			 program ? "nothing wrong" : err.text, expected);
}

static void steps_are_in_document_order(void **state)
{
	struct error err;
	struct program *program = meal_compile("<?xml version='1.0'?>\n"
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
	char *text = meal_repeated("<meal><course>", "\n\t<dish\n\t\tgrams='1'\n\t/>", N,
			      "\n\t<fork/></course></meal>"), expected[32];
	struct error err;
	struct program *program;

	assert_null(meal_compile(text, &err));
	snprintf(expected, sizeof(expected), "meal.xml:%d:2:", 3 * N + 2);
	assert_int_equal(strncmp(err.text, expected, strlen(expected)), 0);
	assert_int_equal(err.line, 3 * N + 2);
	assert_int_equal(err.column, 2);
	strcpy(strstr(text, "<fork/>"), "</course></meal>");
	program = meal_compile(text, &err);
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
		meal_compile(DISH("size='large' name='7' note='&#228;&quot;' heat='+.5' grams='007'"), &err);
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
	struct program *program = meal_compile(DISH("grams='1'"), &err);

	assert_non_null(program);
	assert_int_equal(program->steps[1].n_arguments, 2);
	assert_string_equal(program->steps[1].arguments[1].attribute->name, "size");
	assert_string_equal(program->steps[1].arguments[1].value, "small");
	program_free(program);
}

static void program_outlives_the_definition(void **state)
{
	struct error err;
	struct definition *mine = meal_load(MEAL, &err);
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

#define PARTS                                                                          \
	"<!ELEMENT meal (dish | wine | list)*>"                                        \
	"<!ELEMENT dish EMPTY><!ATTLIST dish event CDATA #FIXED 'dish' name ID #IMPLIED name.type CDATA #FIXED 'token'>" \
	"<!ELEMENT wine EMPTY><!ATTLIST wine event CDATA #FIXED 'wine' name ID #REQUIRED name.type CDATA #FIXED 'token'" \
	"  to IDREF #IMPLIED to.type CDATA #FIXED 'token'>"                             \
	"<!ELEMENT list EMPTY><!ATTLIST list event CDATA #FIXED 'list' of IDREFS #REQUIRED of.type CDATA #FIXED 'string'>"

/* IDs and what refers to them, before and after. */
static void identifiers_are_there_once(void **state)
{
	static const struct {
		const char *script, *expected;
	} cases[] = {
		{ "<meal><dish name='a'/><wine name='b' to='a'/><list of='a b'/></meal>", NULL },
		{ "<meal><list of='b a b'/><wine name='b' to='b'/><dish name='a'/><dish/></meal>", NULL },
		{ "<meal><dish name='a'/>\n<wine name='a'/></meal>",
		  "meal.xml:2:13: \"wine\": name is \"a\", which another tag is called already" },
		{ "<meal><wine name='a' to='b'/>\n<list of='c'/></meal>", "meal.xml:1:26: no tag is called \"b\"" },
		{ "<meal>\n<list of='c a'/><dish name='a'/></meal>", "meal.xml:2:11: no tag is called \"c\"" },
		{ "<meal><dish name='1'/></meal>", "meal.xml:1:19: \"dish\": name is \"1\"; allowed: a token" },
		{ "<meal><dish name='a b'/></meal>", "name is \"a b\"" },
		{ "<meal><dish name=''/></meal>", "name is \"\"" },
		{ "<meal><dish name='a'/><wine name='b' to='a a'/></meal>", "to is \"a a\"" },
		{ "<meal><list of=''/></meal>", "of is \"\"" },
		{ "<meal><wine name='a' to='b'/><soup/></meal>", "\"soup\" cannot stand here" },
		/* The first that is wrong is told, also where it is looked up after what comes behind it was read. */
		{ "<meal><dish name='a'/><dish name='a'/><soup/></meal>",
		  "meal.xml:1:35: \"dish\": name is \"a\", which another tag is called already" },
		{ "<meal><dish name='a'/>\n<wine name='b' to='c'/><dish name='b'/><dish name='a'/><dish",
		  "meal.xml:2:36: \"dish\": name is \"b\", which another tag is called already" },
		{ "<meal><dish name='a'/><wine name='a' to='1'/></meal>",
		  "meal.xml:1:35: \"wine\": name is \"a\", which another tag is called already" },
		{ "<meal><dish name='a'/><wine to='1' name='a'/></meal>", "meal.xml:1:33: \"wine\": to is \"1\"" },
		/* A place is in characters. */
		{ "<meal><wine to='b' name='\xc3\xa4\xc3\xb6'/></meal>", "meal.xml:1:17: no tag is called \"b\"" },
		{ "\xef\xbb\xbf<meal><dish name='\xc3\xa4'/><list of='b'/></meal>", "meal.xml:1:33: no tag is called \"b\"" },
	};
	struct definition *outer = meal;
	struct error err;

	meal = meal_load(PARTS, &err);
	assert_non_null(meal);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct program *program = meal_compile(cases[i].script, &err);

		if (cases[i].expected ? program || !strstr(err.text, cases[i].expected) : !program)
			fail_msg("%s: %s", cases[i].script, program ? "nothing wrong" : err.text);
		program_free(program);
	}
	definition_free(meal);
	meal = outer;
}

static void assert_hostile(const char *text, const char *part)
{
	struct error err;
	struct program *program = meal_compile(text, &err);

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
	for (size_t i = 0; i < sizeof(encodings) / sizeof(*encodings); i++) {
		snprintf(text, sizeof(text),
			 "<?xml version='1.0' encoding='%s'?><meal><course/></meal>", encodings[i]);
		assert_hostile(text, "meal.xml:1:31: encoding \"");
	}
	assert_hostile("<?xml version=\"1.0\"\tencoding = \"koi8-r\" ?><meal><course/></meal>",
		       "1:33: encoding \"koi8-r\": a script is UTF-8");
	assert_good("<?xml version='1.0' encoding='us-ascii'?><meal><course/></meal>");
	assert_good("<?xml version='1.0' encoding='ISO-8859-1'?><meal><course/></meal>");
	assert_good("<?xml version='1.0'?><!-- encoding='koi8-r' --><meal><course/></meal>");
	assert_hostile("<?>", "meal.xml:1:");
	assert_hostile("<?xml", "meal.xml:1:");
	assert_hostile("<?xml encoding?>", "meal.xml:1:");
	assert_hostile("<?xml encoding=?>", "meal.xml:1:");
	assert_hostile("<?xml encoding='?>", "meal.xml:1:");
	assert_null(meal_compile_bytes("\xff\xfe<\0m\0/\0>\0", 10, &err));
	assert_null(meal_compile_bytes("<\0m\0/\0>\0", 8, &err));
	assert_null(meal_compile_bytes("<meal><course/></meal>\0<", 24, &err));
	assert_null(meal_compile_bytes("<meal>\0<course/></meal>", 23, &err));
}

static void assert_too_much(char *text, const char *part)
{
	struct error err;
	struct program *program = meal_compile(text, &err);

	if (program || err.code != -EFBIG || !strstr(err.text, part))
		fail_msg("found %s, expected %s", program ? "nothing wrong" : err.text, part);
	free(text);
}

static void limits_hold(void **state)
{
	struct error err;
	struct program *program;
	char *text;

	assert_too_much(meal_repeated("<meal>", " ", SCRIPT_SIZE_MAX, "<course/></meal>"),
			"a script has at most 16777216");
	assert_too_much(meal_repeated("<meal><course><dish grams='1' note='", "x", SCRIPT_ATTRIBUTE_MAX + 1,
				 "'/></course></meal>"), "has 4097 bytes; at most 4096");
	assert_too_much(meal_repeated("<meal>", "<course/>", SCRIPT_ELEMENTS_MAX, "</meal>"),
			"at most 1000000 elements");
	assert_too_much(meal_repeated("<meal", " a=''", 1000000, "/>"), "more than 4096 \"=\"");
	text = meal_repeated("<meal>", "<course/>", SCRIPT_ELEMENTS_MAX - 1, "</meal>");
	program = meal_compile(text, &err);
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

	meal = meal_load("<!ELEMENT meal (meal?)>", &err);
	assert_non_null(meal);
	text = meal_repeated("", "<meal>", SCRIPT_DEPTH_MAX - 1, "<meal/>");
	text = realloc(text, 4096);
	for (int i = 0; i < SCRIPT_DEPTH_MAX - 1; i++)
		strcat(text, "</meal>");
	assert_good(text);
	free(text);
	assert_too_much(meal_repeated("", "<meal>", 2000000, ""), "one within the other");
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
		assert_null(meal_compile_bytes(script, n, &err));
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
			program_free(meal_compile_bytes(script, sizeof(script) - 1, &err));
		}
		script[i] = kept;
	}
}

static void nothing_is_written_to_standard_error(void **state)
{
	static void (*const tests[])(void **state) = { hostile_documents, hostile_encodings, NULL };

	meal_assert_quiet(tests, state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_are_in_document_order),
		cmocka_unit_test(places_are_right_in_a_long_script),
		cmocka_unit_test(params_are_typed),
		cmocka_unit_test(decimals_are_those_of_strtod),
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(program_outlives_the_definition),
		cmocka_unit_test(ranges_are_inclusive),
		cmocka_unit_test(refusals_say_where_and_what_is_allowed),
		cmocka_unit_test(comments_and_instructions_are_skipped),
		cmocka_unit_test(identifiers_are_there_once),
		cmocka_unit_test(hostile_documents),
		cmocka_unit_test(hostile_encodings),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(a_script_cut_short_is_refused),
		cmocka_unit_test(a_script_with_a_wrong_byte),
		cmocka_unit_test(nothing_is_written_to_standard_error),
	};

	return cmocka_run_group_tests(tests, meal_set_up, meal_tear_down);
}
