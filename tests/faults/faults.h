/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small programs that come to an end in one way each, and a table of the
 * records that must come of it, for whichever source of records is asked.
 *
 * table.c is the table and all that a reader needs. A test of a source has for
 * each row a process that it watches and that then becomes `faulter ROW`; it
 * does to it what the row wants done from outside, and gives the records that
 * came, in their order, to fault_check().
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/faultline.h>

/**
 * enum fault_place - where in the watched family it happens
 * @FAULT_MAIN: in the process that the watch was set on, which has one thread
 * @FAULT_THREAD: in its second thread, for which the first waits
 * @FAULT_THREADS: in one of its threads; others spin and sleep
 * @FAULT_CHILD: in its child; as in all that follow, it waits and exits with 0
 * @FAULT_CHILD_THREAD: in a second thread of its child
 * @FAULT_GRANDCHILD: in a child of its child, which waits and exits with 0
 * @FAULT_VFORK: in a child that has borrowed its memory
 * @FAULT_CONTAINER: in a process below the init of user, pid and mount
 *	namespaces of their own; that init waits and exits with 0
 */
enum fault_place {
	FAULT_MAIN,
	FAULT_THREAD,
	FAULT_THREADS,
	FAULT_CHILD,
	FAULT_CHILD_THREAD,
	FAULT_GRANDCHILD,
	FAULT_VFORK,
	FAULT_CONTAINER,
};

/* Who tells of it: a column of the table each. */
enum fault_source {
	FAULT_MODULE,
	FAULT_PROBES,
	FAULT_SOURCES
};

/**
 * struct fault - one row
 * @name: argument of faulter
 * @place: where @act runs
 * @act: what happens; one that returns lets its process exit with 0
 * @with: for @act
 * @outside: what the test does to it once the program has said that it is
 *	ready, with the process that said so; it goes on when @go is closed. The
 *	test must be its parent. Returns 0 or a negative errno. NULL: nothing
 * @needs: what this machine lacks for it, or NULL; NULL: nothing is needed
 * @verdict: enum faultline_hang that the watch is to ask for. The program says
 *	whose end ends the hang: when it is told, the test ends that one with
 *	SIGKILL. When it is told that the hang is over, the test closes @go
 * @sees: what each source must tell; NULL: as the column to its left; "": it
 *	does not see such a thing, and there is nothing to be tested
 */
struct fault {
	const char *name;
	enum fault_place place;
	void (*act)(long with);
	long with;
	int (*outside)(const struct fault *fault, pid_t pid, int go);
	const char *(*needs)(void);
	int verdict;
	const char *sees[FAULT_SOURCES];
};

extern const struct fault faults[];
extern const size_t fault_count;

const struct fault *fault_find(const char *name);
const char *fault_sees(const struct fault *fault, enum fault_source source);
const char *fault_missing(const struct fault *fault);

/** fault_run - be the program; in faulter only */
_Noreturn void fault_run(const struct fault *fault);

/**
 * struct fault_subject - of whom the records tell
 * @main: the process that the watch was set on
 * @tester: its parent, which sends the signals from outside
 * @held: the watch had its faults held, and the test released them
 */
struct fault_subject {
	pid_t main;
	pid_t tester;
	bool held;
};

/**
 * fault_check - compare what came with what the row says
 * @records: the fixed parts of the records of this watch, in their order
 * @text: set to what is wrong, in one line, when something is
 *
 * The words of a row are explained in table.c.
 */
bool fault_check(const struct fault *fault, enum fault_source source,
		 const struct fault_subject *subject,
		 const struct faultline_record *const records[], size_t count,
		 char *text, size_t size);

/**
 * struct fault_program - a process that is to become faulter
 * @pid: it waits, to be watched, until fault_release()
 * @stuck: with a verdict: whose end ends the hang
 * @go: write end of its standard input
 * @ready: read end of its standard output
 */
struct fault_program {
	const struct fault *fault;
	pid_t pid;
	pid_t stuck;
	int start;
	int go;
	int ready;
};

/**
 * fault_start - fork a process that waits, and then executes @faulter
 * @faulter: path of the program
 *
 * The next three return 0 or a negative errno; what was started is reaped by
 * fault_end() in any case.
 */
int fault_start(struct fault_program *program, const struct fault *fault, const char *faulter);
/** fault_release - let it go, and do what is to be done from outside */
int fault_release(struct fault_program *program);
/** fault_go - let it go on, once the hang is over */
void fault_go(struct fault_program *program);
/** fault_end - kill it if it still is there, and reap it; returns waitpid()'s status, -1: is not known */
int fault_end(struct fault_program *program);

#endif /* TESTS_FAULTS_H */
