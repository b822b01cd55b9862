/* SPDX-License-Identifier: GPL-2.0-only */
/* The tests of probes_test.c, and what they share: ends of processes, and what is said of them. */
#ifndef TESTS_PROBES_ENDS_H
#define TESTS_PROBES_ENDS_H

#include "tests/probes/stage.h"

#define FATAL FAULTLINE_RECORD_FATAL
#define EXIT FAULTLINE_RECORD_EXIT

/* What crash() leaves: where it writes, what it has pushed, and what is in a register. */
#define BAD_ADDRESS 0x10UL
#define MARK_STACK 0x5eed5eedL
#define MARK_REGISTER 0x1122334455667788UL

/* Places in struct faultline_capture::regs, and how many there are. */
#if defined(__x86_64__)
enum { AT_R12 = 3, AT_IP = 16, AT_SP = 19, AT_COUNT = 27 };
#endif

/** crash and others - for stage_spawn(): end by SIGSEGV, themselves or a grandchild; with status 7; when somebody ends it */
int crash(void *argument);
int crash_in_grandchild(void *argument);
int exit_seven(void *argument);
int wait_for_ever(void *argument);
/** thread_for_ever - likewise, as a thread */
void *thread_for_ever(void *argument);

/** assert_signaled, assert_exited - wait for a child, which ended so */
void assert_signaled(pid_t pid, int signo);
void assert_exited(pid_t pid, int code);

/** flags_of - without those that tell of the evidence, which differs */
int flags_of(const struct seen *seen);

/* ends_fault.c */
void test_segv(void **state);
void test_thread(void **state);
void test_many_threads_at_once(void **state);
void test_family(void **state);
void test_child_outlives_main(void **state);
void test_last_is_the_last(void **state);
void test_vfork(void **state);
void test_handled(void **state);

/* ends_signal.c */
void test_sent(void **state);
void test_sent_while_blocked(void **state);
void test_stop_and_continue(void **state);
void test_abort(void **state);
void test_timer(void **state);
void test_core_dump(void **state);

/* ends_exit.c */
void test_exit_status(void **state);
void test_exit_of_threads(void **state);
void test_exec_chain(void **state);
void test_exec_kills_no_process(void **state);

/* ends_stack.c */
void test_stack_overflow(void **state);
void test_stack_unreadable(void **state);
void test_stack_ends(void **state);

/* ends_limit.c */
void test_out_of_memory(void **state);
void test_limits(void **state);

/* ends_memory.c */
void test_memory_of_a_fault(void **state);
void test_memory_of_a_signal(void **state);
void test_memory_without_capture(void **state);
void test_memory_of_an_exit(void **state);

/* ends_watch.c */
void test_pid_namespace(void **state);
void test_unwatched(void **state);
void test_watch_refused(void **state);
void test_settings(void **state);
void test_ack(void **state);
void test_thousand(void **state);
void test_nobody_reads(void **state);
void test_close_and_open(void **state);
void test_no_rights(void **state);

#endif /* TESTS_PROBES_ENDS_H */
