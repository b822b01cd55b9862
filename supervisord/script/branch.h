/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A place where a script is driven (drive.h): that of the script itself, and one for each
 * parallel branch that is under way. Each has its machine, its wait and its open request.
 *
 * A run asks an application for one processing at a time: a branch that finds it at work for
 * another one waits for its turn, in the order in which they came.
 */
#ifndef SUPERVISORD_BRANCH_H
#define SUPERVISORD_BRANCH_H

#include "supervisord/script/drive.h"
#include "supervisord/script/machine.h"

/* Room for the name of a branch: its number, and before it that of the branch that it is in. */
#define BRANCH_NAME_SIZE 8

/**
 * struct drive - a script that is driven
 * @main: the place of the script itself
 * @events: the list to go on by, or NULL: the one in @setup
 * @turns: how often a branch had to wait for its turn
 * @struck: the step that a fault of @struck_app has interrupted, in the branch called
 *	@struck_branch; NULL once something was restored
 * @gave_up: the step after which the script fails, once the application is restored
 */
struct drive {
	struct drive_setup setup;
	struct machine_run run;
	struct branch *main;
	const struct event_list *events;
	uint64_t turns;
	const struct program_step *struck;
	const struct app *struck_app;
	char struck_branch[BRANCH_NAME_SIZE];
	const struct program_step *gave_up;
};

/**
 * struct branch - a place
 * @parent: the one that waits for it to end; NULL for that of the script itself
 * @children: branches that it waits for; @next: of the same parent
 * @calling: the processing of the step has been requested, of @asked, and not answered,
 *	nor interrupted by a fault
 * @call: the request while it is open, or NULL
 * @call_id: its number on the application's channel
 * @waiting: @timer ends a wait of the script, at @until_ns
 * @turn: it waits for an application that is at work for another branch: since when; 0: it does not
 * @over: its block is repeated: it ends with the answer to what it has requested
 */
struct branch {
	struct drive *drive;
	struct branch *parent;
	struct branch *children;
	struct branch *next;
	struct machine machine;
	bool calling;
	const struct event_list_entry *asked;
	struct call *call;
	json_int_t call_id;
	bool waiting;
	uint64_t until_ns;
	uint64_t turn;
	bool over;
	ev_timer timer;
};

/** branch_new - at the begin of the script; where there is a parent, its machine is the caller's to place */
struct branch *branch_new(struct drive *drive, struct branch *parent);
/** branch_free - it and its branches; open requests stay open, and their answers concern nobody */
void branch_free(struct branch *branch);

/** branch_after - the one behind it, through all of a drive, each before its branches; NULL behind the last one */
struct branch *branch_after(const struct branch *branch);

/** branch_go - its step is taken up in so many seconds */
void branch_go(struct branch *branch, double seconds);
/** branch_stop - give no further event, and forget what was requested; its branches likewise */
void branch_stop(struct branch *branch);

/** branch_interrupted - a fault of the application that it has requested something of */
void branch_interrupted(struct branch *branch, const struct app *app);

/** branch_call_resume - what it had requested, under a supervisor before this one, is under way; see drive_resume() */
void branch_call_resume(struct branch *branch, uint64_t begun_ns);
/** branch_called_ns - when it has requested what is under way; 0: nothing is */
uint64_t branch_called_ns(const struct branch *branch);

/** branch_step - where it stands; NULL behind the last step */
const struct program_step *branch_step(const struct branch *branch);
/** branch_name - "2", or "1.2" in another branch; "" for the script itself */
const char *branch_name(const struct branch *branch, char name[BRANCH_NAME_SIZE]);

/** branch_entry - what its step drives; NULL when the list does not have it */
const struct event_list_entry *branch_entry(const struct branch *branch);

/** branch_params - the arguments of a step as they are requested; new reference */
json_t *branch_params(const struct program_step *step);

#endif /* SUPERVISORD_BRANCH_H */
