/* SPDX-License-Identifier: GPL-2.0-only */
/* The tests of progress_test.c, and what they share: processes that hang, and what is said of them. */
#ifndef TESTS_PROBES_HANGS_H
#define TESTS_PROBES_HANGS_H

#include "tests/probes/stage.h"

#define HANG FAULTLINE_RECORD_HANG
#define OVER FAULTLINE_RECORD_HANG_OVER

/* Generous: the machine may be busy, and a spinning thread is judged by the CPU time that it got. */
#define PATIENCE_S 60
/* How long nothing has to happen where nothing is to happen. */
#define QUIET_S 1.5

/* The watch that was set last. */
extern uint32_t hang_watch;
/* While it is not 0, spin() spins; shared with it. No bool: with -fsanitize=bool the compiler reads it once and for all. */
extern volatile int *hang_go_on;

/** hang_one, hang_all - settings with one threshold, and with all but the heartbeat's, work being due */
struct source_settings hang_one(enum faultline_watch_attr attr, uint64_t ms);
struct source_settings hang_all(uint64_t ms);

/** spin, work_and_rest, deadlock - for hang_spawn() */
int spin(void *argument);
int work_and_rest(void *argument);
int deadlock(void *argument);

/** hang_spawn - stage_spawn() with settings */
pid_t hang_spawn(int (*act)(void *), void *argument, const struct source_settings *settings);
/** hang_end - kill it, and wait for its last record */
void hang_end(pid_t pid);

/** hang_find - a record of this type and code; NULL */
const struct faultline_record *hang_find(pid_t tgid, int type, int code);
/** hang_until - run the loop until there is one */
const struct faultline_record *hang_until(pid_t tgid, int type, int code);
void hang_run(double seconds);

void assert_no_hang(void);
/** assert_quiet - nothing hangs for a while, nor until it is killed */
void assert_quiet(pid_t pid);

/* hangs_thread.c */
void test_spin(void **state);
void test_work_is_no_spin(void **state);
void test_deadlock(void **state);
void test_time_limit_is_no_deadlock(void **state);
void test_input_is_no_hang(void **state);
void test_dstate(void **state);
void test_vfork_is_no_dstate(void **state);

/* hangs_machine.c */
void test_stopped(void **state);
void test_traced(void **state);
void test_frozen(void **state);
void test_starved(void **state);
void test_overloaded_machine(void **state);

#endif /* TESTS_PROBES_HANGS_H */
