// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probes on the kernel at hand: what each kind of end of a process gives,
 * what gives nothing, and that every record is accounted for. Needs root.
 * With the argument "module" the same is asked of the module, through the
 * supervisor's client of it.
 */
#include "tests/probes/ends.h"

#include <string.h>

static int run(const struct source_ops *ops)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segv),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_many_threads_at_once),
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_child_outlives_main),
		cmocka_unit_test(test_last_is_the_last),
		cmocka_unit_test(test_vfork),
		cmocka_unit_test(test_handled),
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_sent_while_blocked),
		cmocka_unit_test(test_stop_and_continue),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_core_dump),
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_exit_of_threads),
		cmocka_unit_test(test_exec_chain),
		cmocka_unit_test(test_exec_kills_no_process),
		cmocka_unit_test(test_stack_overflow),
		cmocka_unit_test(test_stack_unreadable),
		cmocka_unit_test(test_stack_ends),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_memory_of_a_fault),
		cmocka_unit_test(test_memory_of_a_signal),
		cmocka_unit_test(test_memory_without_capture),
		cmocka_unit_test(test_memory_of_an_exit),
		cmocka_unit_test(test_pid_namespace),
		cmocka_unit_test(test_unwatched),
		cmocka_unit_test(test_watch_refused),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_ack),
		cmocka_unit_test(test_thousand),
		cmocka_unit_test(test_nobody_reads),
		cmocka_unit_test(test_close_and_open),
		cmocka_unit_test(test_no_rights),
	};

	stage.ops = ops;
	return cmocka_run_group_tests_name(ops->name, tests, stage_setup, stage_teardown);
}

int main(int argc, char **argv)
{
	return run(argc > 1 && !strcmp(argv[1], "module") ? &source_module : &source_probes);
}
