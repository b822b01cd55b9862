/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of a source share: one that is open for all of them, what it
 * delivered, and processes that are watched before they act.
 */
#ifndef TESTS_PROBES_STAGE_H
#define TESTS_PROBES_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisord/reliability/source.h"

/* Since the last record. */
#define STAGE_PATIENCE_S 60.0

/** struct seen - a record that was delivered */
struct seen {
	struct faultline_record record;
	bool captured;
	struct faultline_capture capture;
	uint8_t stack[FAULTLINE_STACK_MAX];
	struct faultline_usage usage;	/* of a LIMIT record */
	struct faultline_memory memory;	/* of an end; zeroes where it has none */
	/* One without a capture as a whole, for source_block_find(). */
	_Alignas(8) uint8_t whole[1024];
};

/**
 * struct stage
 * @ops: the source under test; set before stage_setup()
 * @owner: for source_ops::open()
 * @source: NULL where the machine has none: @reason says why
 */
struct stage {
	const struct source_ops *ops;
	const char *owner;
	struct ev_loop *loop;
	struct source *source;
	struct error reason;
	struct seen *seen;
	size_t count;
	size_t room;
	uint64_t cookie;	/* of the process that stage_spawn() made last */
};

extern struct stage stage;

/** stage_open - fill in stage.source */
void stage_open(void);
int stage_setup(void **state);
int stage_teardown(void **state);

/** stage_begin - acknowledge and forget what was seen; skips the test where there is no source */
void stage_begin(void);

/** stage_skip - skip the test, and say why */
void stage_skip(const char *why);

/**
 * stage_fork - a process that waits for stage_release() before it calls @act
 * and exits with what that returns; its signals are as at the start of a program
 */
pid_t stage_fork(int (*act)(void *argument), void *argument);
void stage_release(void);

/** stage_tell - the process that stage_fork() made last: it is where stage_hear(), in the tester, waits for it to be */
void stage_tell(void);
void stage_hear(void);

/** stage_spawn - stage_fork(), watched under a new cookie, released */
pid_t stage_spawn(int (*act)(void *argument), void *argument);

/** stage_until_last - run the loop until the watch that was set last is gone */
void stage_until_last(void);
/** stage_drain - run the loop until nothing more is ready */
void stage_drain(void);
/** stage_status - the end of a child, as waitpid() has it */
int stage_status(pid_t pid);

/** stage_find - the one record of this type of a process; NULL where there is none */
const struct seen *stage_find(pid_t tgid, int type);
size_t stage_count(int type);
struct source_ledger stage_ledger(void);

#endif /* TESTS_PROBES_STAGE_H */
