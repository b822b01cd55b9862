// SPDX-License-Identifier: GPL-2.0-only
/* Parallel branches: what is refused of them, how long they take at worst, in which order they run, and where they are after a fault. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/file.h"
#include "lib/script/interpretation.h"
#include "supervisord/script/machine.h"
#include "supervisord/script/machine_state.h"

/* Events are single letters; a and b are one application's, c and d another's. */
#define EVENT(name) "<!ELEMENT " name " EMPTY><!ATTLIST " name " event CDATA #FIXED '" name "'>"
#define SERVICE                                                                          \
	"<!ENTITY % steps 'a | b | c | d | nothing | branch'>"                            \
	"<!ENTITY % control SYSTEM 'control.dtd'>%control;"                               \
	"<!ELEMENT work (%steps; | %controls;)*>" EVENT("a") EVENT("b") EVENT("c") EVENT("d") \
	"<!ELEMENT nothing EMPTY>"                                                        \
	"<!ELEMENT r EMPTY><!ATTLIST r event CDATA #FIXED 'r' reading CDATA #FIXED 'level'" \
	" reading.member CDATA #FIXED 'value'>"

#define WORK(steps) "<work>" steps "</work>"
#define PARALLEL(steps) "<parallel>" steps "</parallel>"
#define BRANCH(steps) "<branch>" steps "</branch>"
#define BOTH(one, other) PARALLEL(BRANCH(one) BRANCH(other))
#define REPEAT(n, steps) "<repeat times='" #n "'>" steps "</repeat>"
#define ON_FAULT(what, n, steps) "<on-fault do='" what "' attempts='" #n "'>" steps "</on-fault>"
#define WAIT(seconds) "<wait seconds='" #seconds "'/>"

static char folder[] = "/tmp/test_parallel.XXXXXX";
static struct definition *work;

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

#define ONE BRANCH("<a/>")
#define FOUR ONE ONE ONE ONE

static void scripts_that_are_refused(void **state)
{
	static const struct {
		const char *script, *expected;
	} cases[] = {
		{ WORK(PARALLEL("")), "ends too early; still to come: \"branch\"" },
		{ WORK(PARALLEL(ONE)), "ends too early; still to come: \"branch\"" },
		{ WORK(PARALLEL("<a/>" FOUR)), "\"a\" cannot stand here; allowed: \"branch\"" },
		{ WORK(PARALLEL(FOUR FOUR ONE)), "work.xml:1:185: \"branch\" is one too many: a parallel block has at most 8" },
		{ WORK(PARALLEL(ONE BRANCH(""))), "ends too early" },
		{ WORK(BOTH("<nothing/>", "<a/>")), "\"branch\" has nothing to do in it" },
		{ WORK(REPEAT(1000000, BOTH("<a/>", "<nothing/>"))), "\"branch\" has nothing to do in it" },
		{ WORK(BRANCH("<a/>")), "\"branch\" cannot stand here: a parallel block has its branches" },
		{ WORK(REPEAT(2, BRANCH("<a/>"))), "\"branch\" cannot stand here" },
		{ WORK(BOTH("<a/>", BRANCH("<a/>"))), "\"branch\" cannot stand here" },
		{ WORK(BOTH("<a/>", BOTH("<b/>", BOTH("<c/>", "<d/>")))), "at most 2 parallel blocks can be one within the other" },
		{ WORK(BOTH("<a/>", REPEAT(2, BOTH("<b/>", ON_FAULT("give-up", 1, BOTH("<c/>", "<d/>")))))), "at most 2 parallel" },
		{ WORK(REPEAT(2, BOTH("<a/>", "<once><b/></once>"))), "cannot stand in what is repeated" },
		{ WORK("<once>" BOTH("<a/>", REPEAT(2, "<b/>")) "</once>"), "cannot stand in what is done once" },
		{ WORK(REPEAT(1000000, BOTH(REPEAT(1000000, "<a/>"), "<b/>"))), "too long in the worst case" },
		{ WORK(BOTH("<a/>", REPEAT(367, WAIT(86400)))), "too long in the worst case" },
		{ WORK("<parallel>" BRANCH("<a/>") "<branch><a/>"), "not well-formed" },
		{ WORK("<parallel count='2'>" BRANCH("<a/>") BRANCH("<b/>") "</parallel>"), "no attribute \"count\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error err;
		struct program *program = compile(cases[i].script, &err);

		if (program || !strstr(err.text, cases[i].expected) || !err.line)
			fail_msg("%.200s:\n  found    %s\n  expected %s", cases[i].script,
				 program ? "nothing wrong" : err.text, cases[i].expected);
	}
}

/* a and b are the first application's. */
static unsigned int application_of(const struct program_step *step)
{
	return *step->event == 'c' || *step->event == 'd';
}

static struct program_cost ten_seconds(void *user, const struct program_step *step)
{
	return (struct program_cost){ 10000, application_of(step) };
}

static void worst_case(void **state)
{
	static const struct {
		const char *script;
		unsigned int requests, plain_ms, ms;
	} cases[] = {
		{ WORK(BOTH("<a/>", "<c/>")), 2, 0, 10000 },
		{ WORK(BOTH("<a/>", "<c/><c/>") "<a/>"), 4, 0, 30000 },
		{ WORK(BOTH(WAIT(5), WAIT(7))), 0, 7000, 7000 },
		/* The first one has to wait for both requests of the second one, at worst. */
		{ WORK(BOTH("<a/>" WAIT(5), "<b/><b/>")), 3, 5000, 35000 },
		{ WORK(BOTH("<a/><c/>", "<b/><d/>")), 4, 0, 40000 },
		{ WORK(BOTH("<a/>", REPEAT(3, "<b/>" WAIT(1)))), 4, 3000, 43000 },
		{ WORK(REPEAT(3, BOTH("<a/>", "<c/>"))), 6, 0, 30000 },
		{ WORK(ON_FAULT("repeat-block", 1, BOTH("<a/>", "<c/>" WAIT(1)))), 4, 2000, 22000 },
		{ WORK(BOTH(ON_FAULT("repeat-step", 2, "<a/>"), "<c/>")), 4, 0, 30000 },
		{ WORK(BOTH(BOTH("<a/>", "<c/>"), "<b/>")), 3, 0, 20000 },
		{ WORK(BOTH(BOTH("<c/>", "<d/>"), "<b/>")), 3, 0, 20000 },
		{ WORK(BOTH("<choose reading='level' is='above' value='1'><then><c/><c/></then>"
			    "<otherwise>" WAIT(50) "</otherwise></choose>", "<c/>")), 4, 50000, 70000 },
		{ WORK(BOTH("<wait-until reading='level' is='above' value='1' within='60' every='30'/>", "<a/>")),
		  5, 60000, 80000 },
		{ WORK(PARALLEL(FOUR FOUR)), 8, 0, 80000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct program *program = compile_good(cases[i].script);
		struct program_length length;
		unsigned int line;

		assert_int_equal(program_measure(program, ten_seconds, NULL, &length, &line), 0);
		if (program->length.requests != cases[i].requests || program->length.ms != cases[i].plain_ms ||
		    length.requests != cases[i].requests || length.ms != cases[i].ms)
			fail_msg("%s: %u requests, %u and %u ms", cases[i].script, (unsigned int)length.requests,
				 (unsigned int)program->length.ms, (unsigned int)length.ms);
		program_free(program);
	}
}

/* Machines of a run, each with when it has what it does behind it. */
#define PLACES_MAX 80

struct place {
	struct machine machine;
	uint64_t ready_ms;
	bool used;
};

struct walk {
	struct program *program;
	struct machine_run run;
	struct place places[PLACES_MAX];
	uint64_t free_ms[2];
	uint64_t now_ms, requests;
	char done[256];
};

static struct place *place_new(struct walk *walk)
{
	for (size_t i = 0; i < PLACES_MAX; i++)
		if (!walk->places[i].used) {
			walk->places[i].used = true;
			walk->places[i].ready_ms = walk->now_ms;
			return &walk->places[i];
		}
	fail_msg("more than %d places", PLACES_MAX);
	return NULL;
}

static bool has_branches(const struct walk *walk, const struct place *place)
{
	for (size_t i = 0; i < PLACES_MAX; i++)
		if (walk->places[i].used && walk->places[i].machine.parent == &place->machine)
			return true;
	return false;
}

static void branches_drop(struct walk *walk, const struct machine *machine)
{
	for (size_t i = 0; i < PLACES_MAX; i++)
		if (walk->places[i].used && walk->places[i].machine.parent == machine) {
			branches_drop(walk, &walk->places[i].machine);
			walk->places[i].used = false;
		}
}

/* The one whose turn it is: ready first, and of those in the order in which they began. */
static struct place *place_next(struct walk *walk)
{
	struct place *next = NULL;

	for (size_t i = 0; i < PLACES_MAX; i++) {
		struct place *place = &walk->places[i];

		if (place->used && !has_branches(walk, place) && (!next || place->ready_ms < next->ready_ms))
			next = place;
	}
	return next;
}

static void walk_init(struct walk *walk, const char *script)
{
	memset(walk, 0, sizeof(*walk));
	walk->program = compile_good(script);
	machine_run_init(&walk->run, walk->program);
	machine_init(&place_new(walk)->machine, &walk->run);
}

static void walk_fini(struct walk *walk)
{
	machine_run_fini(&walk->run);
	program_free(walk->program);
}

static void note(struct walk *walk, char what)
{
	size_t len = strlen(walk->done);

	if (len + 1 < sizeof(walk->done))
		walk->done[len] = what;
}

/* Its request occupies its application for @cost_ms, once that has time. */
static void place_request(struct walk *walk, struct place *place, uint64_t cost_ms)
{
	const struct program_step *step = &walk->program->steps[place->machine.step];
	uint64_t *free_ms = &walk->free_ms[application_of(step)];

	note(walk, *step->event);
	walk->requests++;
	machine_requested(&place->machine, place->ready_ms * 1000000);
	place->ready_ms = (place->ready_ms > *free_ms ? place->ready_ms : *free_ms) + cost_ms;
	*free_ms = place->ready_ms;
}

static void place_end(struct walk *walk, struct place *place)
{
	struct machine *parent = place->machine.parent;

	place->used = false;
	for (size_t i = 0; i < PLACES_MAX; i++)
		if (&walk->places[i].machine == parent && !has_branches(walk, &walk->places[i])) {
			note(walk, ')');
			machine_joined(parent);
			walk->places[i].ready_ms = walk->now_ms;
		}
}

static void place_fork(struct walk *walk, struct place *place)
{
	note(walk, '(');
	for (size_t branch = 0; (branch = machine_branch_next(&place->machine, branch));)
		machine_branch(&place_new(walk)->machine, &place->machine, branch);
}

/**
 * walk_step - the next thing that happens
 * @struck: when it is a request, a fault interrupts it
 * @reading: when it is a reading, what is found
 *
 * Return: false at the end of the script, or when it gives up.
 */
static bool walk_step(struct walk *walk, bool struck, double reading, uint64_t cost_ms)
{
	struct place *place = place_next(walk);
	const struct program_step *block;
	enum machine_action action;
	struct machine *at;

	walk->now_ms = place->ready_ms;
	action = machine_next(&place->machine);
	switch (action) {
	case MACHINE_EVENT:
	case MACHINE_READING:
		place_request(walk, place, cost_ms);
		if (struck) {
			note(walk, '!');
			if (machine_interrupted(&place->machine, &block, &at) == CONTROL_GIVE_UP) {
				note(walk, 'X');
				return false;
			}
			branches_drop(walk, at);
			return true;
		}
		if (action == MACHINE_EVENT)
			machine_answered(&place->machine);
		else
			machine_read(&place->machine, reading, place->ready_ms * 1000000);
		return true;
	case MACHINE_WAIT:
		note(walk, '.');
		place->ready_ms += machine_pause_ms(&place->machine);
		machine_waited(&place->machine);
		return true;
	case MACHINE_FORK:
		place_fork(walk, place);
		return true;
	case MACHINE_END:
		if (!place->machine.parent)
			return false;
		place_end(walk, place);
		return true;
	}
	return false;
}

/* Everything is put down in words and taken up again from them, as by another supervisor. */
static void walk_carry(struct walk *walk)
{
	struct walk other = { .program = walk->program, .now_ms = walk->now_ms, .requests = walk->requests };
	json_t *run = machine_run_save(&walk->run);

	memcpy(other.done, walk->done, sizeof(other.done));
	memcpy(other.free_ms, walk->free_ms, sizeof(other.free_ms));
	machine_run_init(&other.run, walk->program);
	assert_int_equal(machine_run_load(&other.run, run), 0);
	json_decref(run);
	/* A parent is below its branches, or the first free place that one before it had: several passes. */
	for (unsigned int depth = 0; depth <= PROGRAM_PARALLELS_MAX; depth++)
		for (size_t i = 0; i < PLACES_MAX; i++) {
			struct place *from = &walk->places[i], *to = &other.places[i];
			unsigned int above = 0;
			json_t *state;

			for (const struct machine *m = from->machine.parent; from->used && m; m = m->parent)
				above++;
			if (!from->used || above != depth)
				continue;
			*to = (struct place){ .used = true, .ready_ms = from->ready_ms };
			state = machine_state_save(&from->machine);
			machine_init(&to->machine, &other.run);
			if (from->machine.parent) {
				size_t parent = ((char *)from->machine.parent - (char *)walk->places) /
						sizeof(struct place);

				assert_int_equal(machine_state_load(&to->machine, state,
								    &other.places[parent].machine, false), 0);
			} else {
				assert_int_equal(machine_state_load(&to->machine, state, NULL, false), 0);
			}
			json_decref(state);
		}
	machine_run_fini(&walk->run);
	memcpy(walk, &other, sizeof(other));
	/* What pointed into the other one points into this one. */
	for (size_t i = 0; i < PLACES_MAX; i++) {
		struct machine *machine = &walk->places[i].machine;

		if (!walk->places[i].used)
			continue;
		machine->run = &walk->run;
		if (machine->parent)
			machine->parent = (struct machine *)((char *)walk->places +
							     ((char *)machine->parent - (char *)other.places));
	}
}

static void order_of_steps(void **state)
{
	static const struct {
		const char *script, *strikes, *expected;
	} cases[] = {
		{ WORK("<a/>" BOTH("<b/><b/>", "<c/>") "<d/>"), "", "a(bcb)d" },
		{ WORK(BOTH("<a/>" WAIT(5) "<a/>", "<c/><c/><c/>")), "", "(ac.cca)" },
		{ WORK(REPEAT(2, BOTH("<a/>", "<c/>"))), "", "(ac)(ac)" },
		{ WORK(BOTH(REPEAT(2, "<a/>"), BOTH("<c/>", "<d/>"))), "", "(a(cda))" },
		{ WORK(PARALLEL(BRANCH("<a/>") BRANCH("<b/>") BRANCH("<c/>"))), "", "(abc)" },
		/* A fault in a branch concerns it alone, unless a block around all of them is repeated. */
		{ WORK(BOTH("<a/><b/>", "<c/><d/>")), "  !", "(acb!db)" },
		{ WORK(BOTH(ON_FAULT("repeat-block", 1, "<a/><b/>"), "<c/><d/>")), "  !", "(acb!dab)" },
		{ WORK("<d/>" ON_FAULT("repeat-block", 1, BOTH("<a/><b/>", "<c/><d/>")) "<d/>"), "   !", "d(acb!(acdb)d" },
		{ WORK("<d/>" ON_FAULT("repeat-script", 1, BOTH("<a/><b/>", "<c/>"))), "   !", "d(acb!d(acb)" },
		{ WORK(ON_FAULT("give-up", 1, BOTH("<a/><b/>", "<c/>"))), "  !", "(acb!X" },
		{ WORK(BOTH(ON_FAULT("repeat-step", 1, "<a/>"), "<c/>")), "! !", "(a!ca!X" },
		/* A step's attempts are its own, whatever block allows them. */
		{ WORK(ON_FAULT("repeat-step", 1, BOTH("<a/>", "<c/>"))), "!!", "(a!c!ac)" },
		{ WORK(ON_FAULT("repeat-block", 1, BOTH(BOTH("<a/>", "<c/>"), "<b/>"))), " !", "((ba!((bac))" },
		{ WORK(ON_FAULT("repeat-block", 2, BOTH("<once><a/></once><b/>", "<c/>"))), "  !", "(acb!(bc)" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int carried = 0; carried < 2; carried++) {
			const char *strikes = cases[i].strikes;
			struct walk walk;
			uint64_t requests;
			bool more;

			walk_init(&walk, cases[i].script);
			do {
				requests = walk.requests;
				if (carried)
					walk_carry(&walk);
				more = walk_step(&walk, *strikes == '!', 0, 1000);
				strikes += *strikes && walk.requests > requests;
			} while (more);
			if (strcmp(walk.done, cases[i].expected))
				fail_msg("%s, strikes \"%s\":\n  found    %s\n  expected %s", cases[i].script,
					 cases[i].strikes, walk.done, cases[i].expected);
			walk_fini(&walk);
		}
}

/* Whatever is read and strikes, and however long what is asked takes within its time: never longer, never more. */
static void worst_case_is_never_exceeded(void **state)
{
	static const char *const scripts[] = {
		WORK(ON_FAULT("repeat-block", 2, PARALLEL(
			BRANCH(REPEAT(3, "<a/>" WAIT(3)) "<c/>")
			BRANCH("<choose reading='level' is='above' value='10'><then><c/><d/></then><otherwise>"
			       BOTH("<b/><c/>", REPEAT(2, "<a/><d/>")) "</otherwise></choose>")
			BRANCH(ON_FAULT("repeat-step", 2, "<b/>") ON_FAULT("repeat-block", 1, "<c/>" WAIT(1) "<b/>"))))),
		WORK(ON_FAULT("repeat-script", 1, BOTH(
			"<wait-until reading='level' is='above' value='18' within='20' every='4' late='go-on'/><c/>",
			REPEAT(2, BOTH("<a/><d/>", "<b/>"))))),
	};

	for (unsigned int seed = 0; seed < 400; seed++) {
		struct program_length length;
		unsigned int line;
		struct walk walk;

		srand(seed);
		walk_init(&walk, scripts[seed % 2]);
		assert_int_equal(program_measure(walk.program, ten_seconds, NULL, &length, &line), 0);
		while (walk_step(&walk, rand() % 8 == 0, rand() % 20, rand() % 4 ? 10000 : rand() % 10000))
			;
		if (walk.requests > length.requests || walk.now_ms > length.ms)
			fail_msg("seed %u: %u requests of %u, %u ms of %u: %s", seed, (unsigned int)walk.requests,
				 (unsigned int)length.requests, (unsigned int)walk.now_ms,
				 (unsigned int)length.ms, walk.done);
		walk_fini(&walk);
	}
}

static void assert_state_refused(struct machine_run *run, struct machine *parent, const char *text)
{
	json_t *state = json_loads(text, 0, NULL);
	struct machine machine;

	assert_non_null(state);
	machine_init(&machine, run);
	if (machine_state_load(&machine, state, parent, false) != -EINVAL)
		fail_msg("%s is taken", text);
	json_decref(state);
}

/* Of another program, as after a change of the definition. */
static void places_that_do_not_fit(void **state)
{
	/* 0 on-fault, 1 parallel, 2 branch, 3 a, 4 end, 5 branch, 6 repeat, 7 b, 8 end, 9 end, 10 end, 11 end */
	struct program *program = compile_good(WORK(ON_FAULT("repeat-block", 1, BOTH("<a/>", REPEAT(2, "<b/>")))));
	struct machine_run run;
	struct machine main;

	assert_int_equal(program->n, 12);
	machine_run_init(&run, program);
	machine_init(&main, &run);
	assert_int_equal(machine_next(&main), MACHINE_FORK);
	assert_int_equal(main.step, 1);
#define STATE(begin, step, frames) \
	"{\"begin\": " #begin ", \"step\": " #step ", \"attempts\": 0, \"frames\": " frames "}"
	assert_state_refused(&run, NULL, STATE(0, 13, "[]"));
	assert_state_refused(&run, NULL, STATE(0, -1, "[]"));
	assert_state_refused(&run, NULL, STATE(0, 1, "[]"));
	assert_state_refused(&run, NULL, STATE(0, 1, "[[0, 0], [0, 0]]"));
	assert_state_refused(&run, NULL, STATE(0, 1, "[[1, 0]]"));
	assert_state_refused(&run, NULL, STATE(0, 3, "[[0, 0]]"));
	assert_state_refused(&run, NULL, STATE(0, 12, "[[0, 0]]"));
	assert_state_refused(&run, NULL, "{\"step\": 1}");
	assert_state_refused(&run, &main, STATE(0, 3, "[]"));
	assert_state_refused(&run, &main, STATE(3, 4, "[]"));
	assert_state_refused(&run, &main, STATE(2, 2, "[]"));
	assert_state_refused(&run, &main, STATE(2, 5, "[]"));
	assert_state_refused(&run, &main, STATE(2, 3, "[[0, 0]]"));
	assert_state_refused(&run, &main, STATE(5, 7, "[]"));
	assert_state_refused(&run, &main, STATE(5, 9, "[[6, 1]]"));
	assert_state_refused(&run, &main, STATE(99, 7, "[]"));
	main.step = 0;
	assert_state_refused(&run, &main, STATE(2, 3, "[]"));
	machine_run_fini(&run);
	program_free(program);
}

static int set_up(void **state)
{
	struct error err = { 0 };
	char path[64];

	assert_non_null(mkdtemp(folder));
	setenv("FAULTLINE_DTD", "dtd", 1);
	snprintf(path, sizeof(path), "%s/work.dtd", folder);
	assert_int_equal(file_write(path, SERVICE, strlen(SERVICE), 0600, NULL), 0);
	work = definition_load(path, &err);
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
		cmocka_unit_test(scripts_that_are_refused),
		cmocka_unit_test(worst_case),
		cmocka_unit_test(order_of_steps),
		cmocka_unit_test(worst_case_is_never_exceeded),
		cmocka_unit_test(places_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
