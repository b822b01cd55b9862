// SPDX-License-Identifier: GPL-2.0-only
/* The control vocabulary: what of it is refused, how long a script is at worst, and in which order it runs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/file.h"
#include "lib/script/interpretation.h"
#include "supervisord/script/machine.h"

/* Events are single letters; R reads the number that a script calls "level". */
#define EVENT(name) "<!ELEMENT " name " EMPTY><!ATTLIST " name " event CDATA #FIXED '" name "'>"
#define MODULE                                                   \
	"<!ENTITY % steps 'a | b | c | group'>"                   \
	"<!ENTITY % control SYSTEM 'control.dtd'>%control;"
#define STEPS                                                                            \
	EVENT("a") EVENT("b") EVENT("c")                                                  \
	"<!ELEMENT group (%steps; | %controls; | then | otherwise)*>"                     \
	"<!ELEMENT r EMPTY><!ATTLIST r event CDATA #FIXED 'r' reading CDATA #FIXED 'level'" \
	" reading.member CDATA #FIXED 'value' reading.minimum CDATA #FIXED '0'"           \
	" reading.maximum CDATA #FIXED '100' reading.unit CDATA #FIXED 'mm'>"
#define SERVICE MODULE "<!ELEMENT work (%steps; | %controls; | then)*>" STEPS

#define WORK(steps) "<work>" steps "</work>"
#define REPEAT(n, steps) "<repeat times='" #n "'>" steps "</repeat>"
#define ON_FAULT(what, n, steps) "<on-fault do='" what "' attempts='" #n "'>" steps "</on-fault>"
#define CHOOSE(then, otherwise)                                                          \
	"<choose reading='level' is='above' value='10'><then>" then "</then><otherwise>" \
	otherwise "</otherwise></choose>"

static char folder[] = "/tmp/test_control.XXXXXX";
static struct definition *work;

static struct definition *load(const char *text, struct error *err)
{
	char path[64];

	memset(err, 0, sizeof(*err));
	snprintf(path, sizeof(path), "%s/work.dtd", folder);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
	return definition_load(path, err);
}

static void assert_definition_refused(const char *text, const char *expected)
{
	struct error err;
	struct definition *definition = load(text, &err);

	if (definition || !strstr(err.text, expected))
		fail_msg("%.300s:\n  found    %s\n  expected %s", text,
			 definition ? "nothing wrong" : err.text, expected);
}

static struct program *compile(const char *text, struct error *err)
{
	memset(err, 0, sizeof(*err));
	return interpretation_compile(work, "work.xml", text, strlen(text), err);
}

static struct program *compile_good(const char *text)
{
	struct error err;
	struct program *program = compile(text, &err);

	if (!program)
		fail_msg("%s: %s", text, err.text);
	return program;
}

static void assert_refused(const char *text, const char *expected)
{
	struct error err;
	struct program *program = compile(text, &err);

	if (program || !strstr(err.text, expected) || !err.line)
		fail_msg("%.200s:\n  found    %s\n  expected %s", text,
			 program ? "nothing wrong" : err.text, expected);
}

static void module_comes_from_one_place(void **state)
{
	static const char *const systems[] = {
		"other.dtd", "./control.dtd", "../control.dtd", "/etc/passwd",
		"file:///etc/passwd", "http://127.0.0.1:1/control.dtd", "CONTROL.DTD", "",
	};
	const char *const own = "<!ELEMENT surprise EMPTY>";
	struct definition *definition;
	struct error err;
	char path[64], text[512];

	/* A file of that name beside the definition is not looked at. */
	snprintf(path, sizeof(path), "%s/control.dtd", folder);
	assert_int_equal(file_write(path, own, strlen(own), 0600, NULL), 0);
	definition = load(SERVICE, &err);
	assert_non_null(definition);
	assert_non_null(definition_element(definition, "wait-until"));
	assert_null(definition_element(definition, "surprise"));
	definition_free(definition);
	for (size_t i = 0; i < sizeof(systems) / sizeof(*systems); i++) {
		snprintf(text, sizeof(text), "<!ENTITY %% c SYSTEM '%s'>%%c;<!ELEMENT work EMPTY>",
			 systems[i]);
		assert_definition_refused(text, "is refused");
	}
	assert_definition_refused("<!ENTITY % c PUBLIC 'p' 'control.dtd'>%c;<!ELEMENT work EMPTY>",
				  "is refused");
	assert_definition_refused("<!ENTITY c SYSTEM 'control.dtd'><!ELEMENT work EMPTY>",
				  "is refused");
	/* Once is enough. */
	assert_definition_refused(MODULE "%control;<!ELEMENT work (a)*>" STEPS, "work.dtd");
	assert_definition_refused("<!ENTITY % control SYSTEM 'control.dtd'>%control;"
				  "<!ELEMENT work EMPTY>", "steps");
	setenv("FAULTLINE_DTD", "/nonexistent", 1);
	assert_definition_refused(SERVICE, "/nonexistent/control.dtd");
	setenv("FAULTLINE_DTD", "dtd", 1);
}

#define CONTROL(name, attributes) \
	"<!ELEMENT work (a)*><!ELEMENT a EMPTY><!ATTLIST a control CDATA #FIXED '" name "' " attributes ">"

static void controls_have_their_bounds(void **state)
{
	static const struct {
		const char *dtd, *expected;
	} cases[] = {
		{ CONTROL("loop", ""), "there is no control \"loop\"" },
		{ CONTROL("repeat", ""), "needs times" },
		{ CONTROL("repeat", "times NMTOKEN #REQUIRED times.type CDATA #FIXED 'integer'"), "needs times" },
		{ CONTROL("repeat", "times NMTOKEN #REQUIRED times.type CDATA #FIXED 'integer'"
			  " times.minimum CDATA #FIXED '1' times.maximum CDATA #FIXED '1000001'"), "needs times" },
		{ CONTROL("repeat", "times NMTOKEN #IMPLIED times.type CDATA #FIXED 'integer'"
			  " times.minimum CDATA #FIXED '1' times.maximum CDATA #FIXED '10'"), "needs times" },
		{ CONTROL("wait", "seconds NMTOKEN #REQUIRED seconds.type CDATA #FIXED 'decimal'"
			  " seconds.minimum CDATA #FIXED '-1' seconds.maximum CDATA #FIXED '10'"), "needs seconds" },
		{ CONTROL("on-fault", "do NMTOKEN #REQUIRED do.type CDATA #FIXED 'token'"), "needs do" },
		{ CONTROL("on-fault", "do (repeat-step | panic) #REQUIRED do.type CDATA #FIXED 'token'"), "needs do" },
		{ CONTROL("once", "event CDATA #FIXED 'e'"), "has no event" },
		{ CONTROL("once", "x CDATA #IMPLIED x.type CDATA #FIXED 'string'"), "no arguments of its own" },
		{ "<!ELEMENT work EMPTY><!ATTLIST work reading CDATA #FIXED 'level'>", "needs an event" },
		{ "<!ELEMENT work EMPTY><!ATTLIST work event CDATA #FIXED 'e' reading CDATA #FIXED 'level'>",
		  "reading.member" },
		{ "<!ELEMENT work EMPTY><!ATTLIST work event CDATA #FIXED 'e' reading CDATA #FIXED 'Level'"
		  " reading.member CDATA #FIXED 'm'>", "cannot name a reading" },
		{ "<!ELEMENT work EMPTY><!ATTLIST work event CDATA #FIXED 'e' reading CDATA #FIXED 'level'"
		  " reading.member CDATA #FIXED 'm' x CDATA #IMPLIED x.type CDATA #FIXED 'string'>",
		  "without arguments" },
		{ "<!ELEMENT work EMPTY><!ATTLIST work event CDATA #FIXED 'e' reading CDATA #FIXED 'level'"
		  " reading.member CDATA #FIXED 'm' reading.minimum CDATA #FIXED 'x'>", "range of reading" },
		{ "<!ELEMENT work (a)><!ELEMENT a EMPTY><!ATTLIST work event CDATA #FIXED 'e'"
		  " reading CDATA #FIXED 'level' reading.member CDATA #FIXED 'm'><!ATTLIST a event CDATA #FIXED 'f'"
		  " reading CDATA #FIXED 'level' reading.member CDATA #FIXED 'm'>", "there twice" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_definition_refused(cases[i].dtd, cases[i].expected);
}

static void scripts_that_are_refused(void **state)
{
	static const struct {
		const char *script, *expected;
	} cases[] = {
		{ WORK(REPEAT(0, "<a/>")), "times is \"0\"; allowed: an integer from 1 to 1000000" },
		{ WORK(REPEAT(99999999999999999999, "<a/>")), "times is" },
		{ WORK(REPEAT(2, "")), "ends too early" },
		{ WORK(REPEAT(2, "<group/>")), "\"repeat\" has nothing to do in it" },
		{ WORK(ON_FAULT("repeat-block", 2, "<group><group/></group>")), "\"on-fault\" has nothing" },
		{ WORK(ON_FAULT("panic", 2, "<a/>")), "do is \"panic\"" },
		{ WORK(ON_FAULT("repeat-block", 101, "<a/>")), "from 1 to 100" },
		{ WORK(REPEAT(2, "<once><a/></once>")), "cannot stand in what is repeated" },
		{ WORK("<once>" REPEAT(2, "<a/>") "</once>"), "cannot stand in what is done once" },
		{ WORK("<then><a/></then>"), "\"then\" cannot stand here" },
		{ WORK("<group><otherwise/></group>"), "\"otherwise\" cannot stand here" },
		{ WORK("<choose reading='level' is='above' value='1'/>"), "then" },
		{ WORK("<choose reading='level' is='above' value='1'><otherwise/></choose>"), "then" },
		{ WORK("<choose reading='depth' is='above' value='1'><then/></choose>"), "no reading of this service" },
		{ WORK("<choose reading='level' is='over' value='1'><then/></choose>"), "is is \"over\"" },
		{ WORK("<choose reading='level' is='above' value='101'><then/></choose>"),
		  "level is a decimal from 0 to 100 (mm)" },
		{ WORK("<choose reading='level' is='above' value='x'><then/></choose>"), "value is \"x\"" },
		{ WORK("<wait seconds='0'/>"), "seconds is \"0\"" },
		{ WORK("<wait seconds='1e3'/>"), "seconds is" },
		{ WORK("<wait-until reading='level' is='above' value='1'/>"), "lacks the attribute \"within\"" },
		{ WORK("<wait-until reading='level' is='above' value='1' within='1' every='0'/>"), "every is \"0\"" },
		/* 10^6 × 10^6 and more: the product of the bounds is what counts. */
		{ "<work>\n<a/>\n" REPEAT(1000000, REPEAT(1000000, "<a/>")) "</work>", "work.xml:3:1: too long" },
		{ WORK(REPEAT(1000000, REPEAT(1000000, REPEAT(1000000, REPEAT(1000000, "<a/>"))))), "too long" },
		{ WORK(REPEAT(367, "<wait seconds='86400'/>")), "at most 10000000 events and readings and 366 days" },
		{ WORK("<wait-until-time time='24:00'/>"), "time is \"24:00\"" },
		{ WORK("<wait-until-time time='12:60'/>"), "HH:MM" },
		{ WORK("<wait-until-time time='1:234'/>"), "HH:MM" },
		{ WORK("<wait-until-time time='12:34x56'/>"), "HH:MM" },
		{ WORK("<wait-until-time/>"), "lacks the attribute \"time\"" },
		{ WORK(REPEAT(1000, "<wait-until-time time='12:34'/>")), "too long" },
		{ WORK(REPEAT(1000, "<wait-until reading='level' is='above' value='1' within='3600' every='0.1'/>")),
		  "too long" },
		{ WORK(ON_FAULT("repeat-block", 100, ON_FAULT("repeat-step", 100, ON_FAULT("repeat-block", 100,
			ON_FAULT("repeat-step", 100, "<a/>"))))), "too long" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_refused(cases[i].script, cases[i].expected);
}

static char *nested(const char *open, const char *inner, const char *close, int depth)
{
	char *text = malloc(32 + strlen(inner) + depth * (strlen(open) + strlen(close))), *p;

	p = stpcpy(text, "<work>");
	for (int i = 0; i < depth; i++)
		p = stpcpy(p, open);
	p = stpcpy(p, inner);
	for (int i = 0; i < depth; i++)
		p = stpcpy(p, close);
	strcpy(p, "</work>");
	return text;
}

static void blocks_nest_as_deep_as_scripts(void **state)
{
	char *good = nested("<repeat times='1'>", "<a/>", "</repeat>", SCRIPT_DEPTH_MAX - 2);
	char *deep = nested("<repeat times='1'>", "<a/>", "</repeat>", SCRIPT_DEPTH_MAX - 1);
	char *long_one = nested("<repeat times='1000000'>", "<a/>", "</repeat>", SCRIPT_DEPTH_MAX - 2);
	struct program *program = compile_good(good);
	struct machine_run run;
	struct machine machine;

	machine_run_init(&run, program);
	machine_init(&machine, &run);
	assert_int_equal(machine_next(&machine), MACHINE_EVENT);
	machine_answered(&machine);
	assert_int_equal(machine_next(&machine), MACHINE_END);
	assert_int_equal(machine.depth, 0);
	machine_run_fini(&run);
	program_free(program);
	assert_refused(deep, "one within the other");
	assert_refused(long_one, "too long");
	free(good);
	free(deep);
	free(long_one);
}

static struct program_cost ten_seconds(void *user, const struct program_step *step)
{
	return (struct program_cost){ 10000 };
}

static void worst_case(void **state)
{
	static const struct {
		const char *script;
		unsigned int requests, plain_ms, ms;
	} cases[] = {
		{ WORK("<a/><b/>"), 2, 0, 20000 },
		{ WORK("<wait seconds='1.5'/><a/>"), 1, 1500, 11500 },
		{ WORK(REPEAT(3, "<a/><wait seconds='2'/>" REPEAT(2, "<b/>"))), 9, 6000, 96000 },
		{ WORK(CHOOSE("<a/><b/>", "<wait seconds='100'/>")), 3, 100000, 110000 },
		{ WORK(CHOOSE("", "<a/>")), 2, 0, 20000 },
		{ WORK("<wait-until reading='level' is='above' value='1' within='10' every='3'/>"), 5, 10000, 20000 },
		{ WORK(ON_FAULT("repeat-step", 2, "<a/><b/>")), 6, 0, 60000 },
		{ WORK(ON_FAULT("repeat-block", 4, "<a/><wait seconds='1'/>")), 5, 5000, 55000 },
		{ WORK(ON_FAULT("give-up", 9, "<a/>")), 1, 0, 10000 },
		{ WORK("<b/>" ON_FAULT("repeat-script", 2, "<a/>") ON_FAULT("repeat-script", 1, "<a/>")), 12, 0, 120000 },
		{ WORK("<once><a/></once>"), 1, 0, 10000 },
		{ WORK("<wait-until-time time='06:30'/><a/>"), 1, 90000000, 90010000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct program *program = compile_good(cases[i].script);
		struct program_length length;
		unsigned int line;

		assert_int_equal(program->length.requests, cases[i].requests);
		assert_int_equal(program->length.ms, cases[i].plain_ms);
		assert_int_equal(program_measure(program, ten_seconds, NULL, &length, &line), 0);
		assert_int_equal(length.requests, cases[i].requests);
		assert_int_equal(length.ms, cases[i].ms);
		program_free(program);
	}
}

/**
 * walk - run a script, and note what it does
 * @readings: what each reading in turn is
 * @strikes: of each request in turn, '!' when a fault interrupts it
 *
 * Return: events as letters, 'r' for a reading, '.' for a wait, '?' where the script
 * is late, 'X' where it gives up; a second of the clock passes with each of them.
 */
static const char *walk(const char *script, const char *readings, const char *strikes)
{
	static char done[128];
	struct program *program = compile_good(script);
	const struct program_step *block;
	enum machine_action action;
	struct machine machine, *at;
	struct machine_run run;
	uint64_t now_ns = 1000;
	char *p = done;

	machine_run_init(&run, program);
	machine_init(&machine, &run);
	while ((action = machine_next(&machine)) != MACHINE_END && p < done + sizeof(done) - 2) {
		const char *event = program->steps[machine.step].event;
		bool struck = action != MACHINE_WAIT && *strikes && *strikes++ == '!';

		*p++ = action == MACHINE_WAIT ? '.' : *event;
		now_ns += action == MACHINE_WAIT ? machine_pause_ms(&machine) * 1000000 : 1;
		if (action == MACHINE_WAIT) {
			machine_waited(&machine);
			continue;
		}
		machine_requested(&machine, now_ns);
		if (struck) {
			if (machine_interrupted(&machine, &block, &at) != CONTROL_GIVE_UP)
				continue;
			*p++ = 'X';
			break;
		}
		if (action == MACHINE_EVENT) {
			machine_answered(&machine);
		} else if (machine_read(&machine, *readings++ == '+' ? 50 : 5, now_ns) == MACHINE_LATE) {
			*p++ = '?';
			break;
		}
	}
	*p = '\0';
	machine_run_fini(&run);
	program_free(program);
	return done;
}

#define UNTIL(more) "<wait-until reading='level' is='above' value='10' within='3' every='1' " more "/>"

static void order_of_steps(void **state)
{
	static const struct {
		const char *script, *readings, *strikes, *expected;
	} cases[] = {
		{ WORK(""), "", "", "" },
		{ WORK("<a/>" REPEAT(3, "<b/>" REPEAT(2, "<c/>")) "<a/>"), "", "", "abccbccbcca" },
		{ WORK("<a/><wait seconds='1'/><b/>"), "", "", "a.b" },
		{ WORK(CHOOSE("<a/>", "<b/>") "<c/>"), "+", "", "rac" },
		{ WORK(CHOOSE("<a/>", "<b/>") "<c/>"), "-", "", "rbc" },
		{ WORK(CHOOSE("", "<b/>") "<c/>"), "+", "", "rc" },
		{ WORK("<choose reading='level' is='at-most' value='10'><then><a/></then></choose><c/>"), "+", "", "rc" },
		{ WORK(REPEAT(3, CHOOSE("<a/>", CHOOSE("<b/>", "<c/>")))), "+---+", "", "rarrcrrb" },
		{ WORK(UNTIL("") "<a/>"), "--+", "", "r.r.ra" },
		{ WORK(UNTIL("") "<a/>"), "-----", "", "r.r.r.r?" },
		{ WORK(UNTIL("late='go-on'") "<a/>"), "-----", "", "r.r.r.ra" },
		{ WORK(REPEAT(2, UNTIL("late='go-on'"))), "--------", "", "r.r.r.rr.r.r.r" },
		/* Without an on-fault block the step is repeated, as often as it is restored. */
		{ WORK("<a/><b/>"), "", " !!!!!", "abbbbbb" },
		{ WORK(CHOOSE("<a/>", "<b/>")), "+", "!", "rra" },
		{ WORK(UNTIL("") "<a/>"), "-+", " !!", "r.rrra" },
		{ WORK(ON_FAULT("repeat-step", 2, "<a/><b/>")), "", " !! ", "abbb" },
		{ WORK(ON_FAULT("repeat-step", 2, "<a/><b/>")), "", "!! !!!", "aaabbbX" },
		{ WORK(ON_FAULT("give-up", 1, "<a/><b/>") "<c/>"), "", " !", "abX" },
		{ WORK("<c/>" ON_FAULT("repeat-block", 2, "<a/><b/>") "<c/>"), "", "  ! ! ", "cabababc" },
		{ WORK("<c/>" ON_FAULT("repeat-block", 2, "<a/><b/>")), "", "  ! ! !", "cabababX" },
		{ WORK("<c/>" ON_FAULT("repeat-block", 2, "<a/><b/>")), "", " !!!", "caaaX" },
		{ WORK("<c/>" ON_FAULT("repeat-script", 1, "<a/>") "<b/>"), "", " ! ! ", "cacaX" },
		{ WORK(REPEAT(2, ON_FAULT("repeat-script", 1, "<a/>"))), "", " !  ", "aaaa" },
		/* The attempts of a block begin anew in each round, those of the script do not. */
		{ WORK(REPEAT(2, ON_FAULT("repeat-block", 1, "<a/>"))), "", "! ! ", "aaaa" },
		/* What the inner block cannot do any more, the outer one does. */
		{ WORK(ON_FAULT("repeat-block", 1, "<c/>" ON_FAULT("repeat-step", 1, "<a/>"))), "", " !!   ", "caaca" },
		{ WORK(ON_FAULT("repeat-block", 1, "<c/>" ON_FAULT("repeat-step", 1, "<a/>"))), "", " !! !!", "caacaaX" },
		{ WORK(REPEAT(2, ON_FAULT("repeat-block", 1, REPEAT(2, "<a/><b/>")))), "", "   !    ", "abababababab" },
		/* Once is once. */
		{ WORK("<once><a/></once><b/>"), "", "!", "ab" },
		{ WORK(ON_FAULT("repeat-block", 3, "<once><a/></once><b/>")), "", " !!", "abbb" },
		{ WORK(ON_FAULT("repeat-block", 3, "<b/><once><a/></once>")), "", " !", "bab" },
		{ WORK(ON_FAULT("repeat-script", 3, "<b/><once><a/><c/></once>")), "", "  !", "bacb" },
		{ WORK("<once>" CHOOSE("<a/>", "<b/>") "</once>"), "+", " !", "ra" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *found = walk(cases[i].script, cases[i].readings, cases[i].strikes);

		if (strcmp(found, cases[i].expected))
			fail_msg("%s, readings \"%s\", strikes \"%s\":\n  found    %s\n  expected %s",
				 cases[i].script, cases[i].readings, cases[i].strikes, found,
				 cases[i].expected);
	}
}

/* A script never takes more requests than its worst case, whatever strikes and is read. */
static void worst_case_is_never_exceeded(void **state)
{
	static const char *const scripts[] = {
		WORK("<a/>" ON_FAULT("repeat-script", 2, REPEAT(2, ON_FAULT("repeat-block", 2, "<a/>"
			ON_FAULT("repeat-step", 1, "<b/>" CHOOSE("<c/>", "<a/>")))))),
		WORK(ON_FAULT("repeat-block", 2, "<once><a/></once>" ON_FAULT("repeat-script", 1, "<b/>")
			UNTIL("late='go-on'"))),
	};

	for (unsigned int seed = 0; seed < 400; seed++) {
		struct program *program = compile_good(scripts[seed % 2]);
		const struct program_step *block;
		enum machine_action action;
		struct machine machine, *at;
		struct machine_run run;
		uint64_t now_ns = 1, requests = 0;

		srand(seed);
		machine_run_init(&run, program);
		machine_init(&machine, &run);
		while ((action = machine_next(&machine)) != MACHINE_END) {
			if (action == MACHINE_WAIT) {
				now_ns += machine_pause_ms(&machine) * 1000000;
				machine_waited(&machine);
				continue;
			}
			requests++;
			machine_requested(&machine, now_ns);
			/* Outside every on-fault block nothing bounds how often: not struck there. */
			if (machine.depth && rand() % 3 == 0) {
				if (machine_interrupted(&machine, &block, &at) == CONTROL_GIVE_UP)
					break;
			} else if (action == MACHINE_EVENT) {
				machine_answered(&machine);
			} else {
				machine_read(&machine, rand() % 20, now_ns);
			}
		}
		assert_true(requests <= program->length.requests);
		machine_run_fini(&run);
		program_free(program);
	}
}

/* Days of 23, 24 and 25 hours. */
static void time_of_day(void **state)
{
	static const struct {
		time_t now;
		const char *time;
		time_t due;
	} cases[] = {
		{ 1767222000, "00:00", 1767222000 },	/* 2026-01-01 00:00 in Berlin: it is now */
		{ 1767222001, "00:00", 1767308400 },	/* a second later: tomorrow */
		{ 1767222000, "06:30", 1767245400 },
		{ 1767222000, "23:59:59", 1767308399 },
		{ 1774740600, "02:30", 1774747800 },	/* 2026-03-29 00:30: 02:30 is not there, 03:30 is */
		{ 1774740600, "12:00", 1774778400 },	/* and noon is an hour nearer */
		{ 1792879200, "12:00", 1792926000 },	/* 2026-10-25 00:00: noon is an hour farther */
	};

	setenv("TZ", "Europe/Berlin", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(machine_time_next(cases[i].now, control_time_parse(cases[i].time)),
				 cases[i].due);
	unsetenv("TZ");
	tzset();
}

static int set_up(void **state)
{
	struct error err;

	assert_non_null(mkdtemp(folder));
	setenv("FAULTLINE_DTD", "dtd", 1);
	work = load(SERVICE, &err);
	if (!work)
		print_error("%s\n", err.text);
	return work ? 0 : -1;
}

static int tear_down(void **state)
{
	definition_free(work);
	return folder_remove(folder, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(module_comes_from_one_place),
		cmocka_unit_test(controls_have_their_bounds),
		cmocka_unit_test(scripts_that_are_refused),
		cmocka_unit_test(blocks_nest_as_deep_as_scripts),
		cmocka_unit_test(worst_case),
		cmocka_unit_test(order_of_steps),
		cmocka_unit_test(time_of_day),
		cmocka_unit_test(worst_case_is_never_exceeded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
