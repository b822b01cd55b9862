// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table: what happens, and which records must come of it, in their order.
 *
 * A row's records are apart by ";". Each begins with its type and how it ended:
 *
 *   fatal SEGV	a FATAL record of SIGSEGV
 *   exit SEGV	an EXIT record of a process that SIGSEGV ended
 *   exit 3	an EXIT record of a process that exited with status 3
 *   hang SPIN	a HANG record with this verdict
 *   over SPIN	a HANG_OVER record
 *
 * What follows must be so:
 *
 *   main	of the process that the watch was set on (F_MAIN)
 *   last	nothing of the watch is left after it (F_LAST)
 *   kernel	the kernel sent the signal (F_KERNEL)
 *   sent	another process sent it (F_SENT): of the watch
 *   sent-by-tester	likewise, and it was the test
 *   oom	memory ran out (F_OOM)
 *   core	there is a core dump (F_COREDUMP)
 *   capture	registers and stack come with it (F_CAPTURE)
 *   holds	where faults are held a HELD record comes before it, which says the
 *		same but for capture and address; there is none before any other
 *   leader, thread	which thread it was: the first one or another
 *   nobody	the user is 65534
 *   at=8, at=?	fault address: this one, one that is not 0; none: not looked at
 *   MAPERR ...	si_code
 *
 * and a flag that is not said must not be set, with "?" before it it may be. So
 * may a record with "?" before its type come or not, and "?holds" hold. The
 * first word "unordered" lets processes come in any order: of each process FATAL
 * comes before EXIT all the same, and "last" at the end.
 *
 * No other record may come. A source that has a column of its own is told of
 * what it sees in another way; where it is empty it sees the same as the one
 * before it.
 */
#include <signal.h>
#include <sys/time.h>
#include <linux/seccomp.h>

#include "acts.h"
#include "stuckfs.h"

/* One row for each place; a signal that is for the thread that brings it about. */
#define EVERYWHERE(row, act, with, signo, how)							\
	{ row "/main", FAULT_MAIN, act, with,							\
	  .sees = { "fatal " how " main leader; exit " signo " main last" } },			\
	{ row "/thread", FAULT_THREAD, act, with,						\
	  .sees = { "fatal " how " main thread; exit " signo " main last" } },			\
	{ row "/threads", FAULT_THREADS, act, with,						\
	  .sees = { "fatal " how " main thread; exit " signo " main last" } },			\
	{ row "/child", FAULT_CHILD, act, with,							\
	  .sees = { "fatal " how " leader; exit " signo "; exit 0 main last" } },		\
	{ row "/child-thread", FAULT_CHILD_THREAD, act, with,					\
	  .sees = { "fatal " how " thread; exit " signo "; exit 0 main last" } },		\
	{ row "/grandchild", FAULT_GRANDCHILD, act, with,					\
	  .sees = { "fatal " how " leader; exit " signo "; exit 0; exit 0 main last" } },	\
	{ row "/vfork", FAULT_VFORK, act, with,							\
	  .sees = { "fatal " how " leader; exit " signo "; exit 0 main last" } },		\
	{ row "/container", FAULT_CONTAINER, act, with,						\
	  .sees = { "fatal " how " leader; exit " signo "; exit 0; exit 0 main last" } }

/* Likewise, of a signal for the process: any of its threads may take it. */
#define ANYWHERE(row, act, with, signo, how)							\
	{ row "/main", FAULT_MAIN, act, with,							\
	  .sees = { "fatal " how " main; exit " signo " main last" } },			\
	{ row "/thread", FAULT_THREAD, act, with,						\
	  .sees = { "fatal " how " main; exit " signo " main last" } },			\
	{ row "/threads", FAULT_THREADS, act, with,						\
	  .sees = { "fatal " how " main; exit " signo " main last" } },			\
	{ row "/child", FAULT_CHILD, act, with,							\
	  .sees = { "fatal " how "; exit " signo "; exit 0 main last" } },			\
	{ row "/grandchild", FAULT_GRANDCHILD, act, with,					\
	  .sees = { "fatal " how "; exit " signo "; exit 0; exit 0 main last" } },		\
	{ row "/container", FAULT_CONTAINER, act, with,						\
	  .sees = { "fatal " how "; exit " signo "; exit 0; exit 0 main last" } }

/* In the main process, with nothing from outside. */
#define ROW(row, act, with, ...)	{ row, FAULT_MAIN, act, with, .sees = { __VA_ARGS__ } }
#define ROW_NEEDS(row, act, with, need, ...)							\
	{ row, FAULT_MAIN, act, with, .needs = need, .sees = { __VA_ARGS__ } }
#define ROW_HANG(row, in, act, asked, need, ...)						\
	{ row, in, act, .verdict = FAULTLINE_HANG_##asked, .needs = need, .sees = { __VA_ARGS__, "" } }
#define ROW_OUTSIDE(row, in, act, with, done, ...)						\
	{ row, in, act, with, .outside = done, .sees = { __VA_ARGS__ } }

const struct fault faults[] = {
	/* ---- faults of the processor ---- */
	EVERYWHERE("null-read", null_read, 0, "SEGV", "SEGV MAPERR at=8 kernel capture holds"),
	EVERYWHERE("read-only-write", read_only_write, 0, "SEGV", "SEGV ACCERR at=? kernel capture holds"),
	EVERYWHERE("non-canonical", wild_read, 0, "SEGV", "SEGV KERNEL at=0 kernel capture holds"),
	EVERYWHERE("illegal", illegal, 0, "ILL", "ILL ILLOPN at=? kernel capture holds"),
	EVERYWHERE("divide", divide, 0, "FPE", "FPE INTDIV at=? kernel capture holds"),
	EVERYWHERE("breakpoint", breakpoint, 0, "TRAP", "TRAP KERNEL at=0 kernel capture holds"),
	EVERYWHERE("bus", bus, 0, "BUS", "BUS ADRERR at=? kernel capture holds"),
	ROW("null-jump", null_jump, 0, "fatal SEGV MAPERR at=16 kernel capture holds main leader; exit SEGV main last"),
	ROW("data-jump", data_jump, 0, "fatal SEGV ACCERR at=? kernel capture holds main leader; exit SEGV main last"),
	ROW("privileged", privileged, 0, "fatal SEGV KERNEL at=0 kernel capture holds main leader; exit SEGV main last"),
	ROW("wild-stack", wild_stack, 0, "fatal SEGV MAPERR at=56 kernel capture holds main leader; exit SEGV main last"),
	ROW("stack-overflow", stack_overflow, 0,
	    "fatal SEGV MAPERR at=? kernel capture holds main leader; exit SEGV main last"),
	{ "stack-overflow/thread", FAULT_THREAD, stack_overflow, 0,
	  .sees = { "fatal SEGV ACCERR at=? kernel capture holds main thread; exit SEGV main last" } },
	ROW("threads-together", threads_fault_together, 0,
	    "fatal SEGV MAPERR at=8 kernel capture main; exit SEGV main last"),
	ROW("fault-blocked", fault_blocked, 0,
	    "fatal SEGV MAPERR at=8 kernel capture holds main leader; exit SEGV main last"),
	ROW("fault-ignored", fault_ignored, 0,
	    "fatal SEGV MAPERR at=8 kernel capture holds main leader; exit SEGV main last"),
	ROW("fault-in-handler", fault_in_handler, 0,
	    "fatal SEGV MAPERR at=16 kernel capture holds main leader; exit SEGV main last"),
	ROW("overflow-unhandled", overflow_handled, false,
	    "fatal SEGV ?MAPERR kernel capture holds main leader; exit SEGV main last"),

	/* ---- signals of its own ---- */
	EVERYWHERE("abort", call_abort, 0, "ABRT", "ABRT TKILL at=0 capture holds"),
	EVERYWHERE("pipe", broken_pipe, 0, "PIPE", "PIPE USER capture"),
	EVERYWHERE("seccomp", trap_by_seccomp, SECCOMP_RET_TRAP, "SYS", "SYS SECCOMP kernel capture holds"),
	EVERYWHERE("seccomp-process", trap_by_seccomp, SECCOMP_RET_KILL_PROCESS, "SYS",
		   "SYS SECCOMP kernel capture holds"),
	EVERYWHERE("own-hup", signal_thread, SIGHUP, "HUP", "HUP TKILL capture"),
	EVERYWHERE("own-int", signal_thread, SIGINT, "INT", "INT TKILL capture"),
	EVERYWHERE("own-quit", signal_thread, SIGQUIT, "QUIT", "QUIT TKILL capture holds"),
	EVERYWHERE("own-kill", signal_thread, SIGKILL, "KILL", "KILL TKILL capture"),
	EVERYWHERE("own-usr1", signal_thread, SIGUSR1, "USR1", "USR1 TKILL capture"),
	EVERYWHERE("own-usr2", signal_thread, SIGUSR2, "USR2", "USR2 TKILL capture"),
	EVERYWHERE("own-segv", signal_thread, SIGSEGV, "SEGV", "SEGV TKILL capture holds"),
	EVERYWHERE("own-stkflt", signal_thread, SIGSTKFLT, "STKFLT", "STKFLT TKILL capture"),
	EVERYWHERE("own-io", signal_thread, SIGIO, "IO", "IO TKILL capture"),
	EVERYWHERE("own-pwr", signal_thread, SIGPWR, "PWR", "PWR TKILL capture"),
	EVERYWHERE("own-34", signal_thread, 34, "34", "34 TKILL capture"),
	EVERYWHERE("own-64", signal_thread, 64, "64", "64 TKILL capture"),
	ANYWHERE("own-term", signal_process, SIGTERM, "TERM", "TERM USER capture"),
	ANYWHERE("alarm", alarm_clock, 0, "ALRM", "ALRM KERNEL kernel capture"),
	ROW("virtual-timer", interval, ITIMER_VIRTUAL, "fatal VTALRM KERNEL kernel capture main; exit VTALRM main last"),
	ROW("profiling-timer", interval, ITIMER_PROF, "fatal PROF KERNEL kernel capture main; exit PROF main last"),
	ROW("posix-timer", posix_timer, SIGUSR1, "fatal USR1 TIMER capture main; exit USR1 main last"),
	ROW("queued", queue_self, SIGUSR2, "fatal USR2 QUEUE capture main; exit USR2 main last"),
	ROW("unblocked", unblocked, 0, "fatal TERM TKILL capture main leader; exit TERM main last"),
	ROW("seccomp-strict", strict_seccomp, 0, "fatal KILL main; exit KILL main last"),

	/* ---- signals of others ---- */
	ROW_OUTSIDE("killed", FAULT_MAIN, waits, SIGKILL, outside_kill,
		    "fatal KILL USER sent-by-tester capture main; exit KILL main last"),
	ROW_OUTSIDE("killed/threads", FAULT_THREADS, waits, SIGKILL, outside_kill,
		    "fatal KILL USER sent-by-tester capture main; exit KILL main last"),
	ROW_OUTSIDE("killed/child", FAULT_CHILD, waits, SIGKILL, outside_kill,
		    "fatal KILL USER sent-by-tester capture; exit KILL; exit 0 main last"),
	ROW_OUTSIDE("killed/spinning", FAULT_MAIN, spins, SIGKILL, outside_kill,
		    "fatal KILL USER sent-by-tester capture main; exit KILL main last"),
	ROW_OUTSIDE("terminated", FAULT_MAIN, waits, SIGTERM, outside_kill,
		    "fatal TERM USER sent-by-tester capture main; exit TERM main last"),
	ROW_OUTSIDE("terminated/threads", FAULT_THREADS, waits, SIGTERM, outside_kill,
		    "fatal TERM USER sent-by-tester capture main; exit TERM main last"),
	ROW_OUTSIDE("segv-sent", FAULT_MAIN, waits, SIGSEGV, outside_kill,
		    "fatal SEGV USER at=0 sent-by-tester capture ?holds main; exit SEGV main last"),
	ROW_OUTSIDE("abort-sent", FAULT_GRANDCHILD, waits, SIGABRT, outside_kill,
		    "fatal ABRT USER sent-by-tester capture ?holds; exit ABRT; exit 0; exit 0 main last"),
	ROW_OUTSIDE("queued-by-other", FAULT_MAIN, waits, SIGUSR1, outside_queue,
		    "fatal USR1 QUEUE sent-by-tester capture main; exit USR1 main last"),
	ROW_OUTSIDE("user", FAULT_MAIN, waits_as_nobody, SIGTERM, outside_kill,
		    "fatal TERM USER nobody sent-by-tester capture main; exit TERM nobody main last"),
	ROW_OUTSIDE("killed-stopped", FAULT_MAIN, stops, SIGSTOP, outside_kill_stopped,
		    "fatal KILL USER sent-by-tester capture main; exit KILL main last"),
	ROW("child-killed", kills_its_child, SIGKILL, "fatal KILL USER sent capture; exit KILL; exit 0 main last"),
	ROW("child-segv-sent", kills_its_child, SIGSEGV,
	    "fatal SEGV USER sent capture ?holds; exit SEGV; exit 0 main last"),
	ROW("group-killed", kills_its_group, SIGTERM,
	    "unordered; fatal TERM USER capture main; exit TERM main ?last; fatal TERM USER sent capture; "
	    "exit TERM ?last; fatal TERM USER sent capture; exit TERM ?last"),
	ROW("parent-ends", dies_with_its_parent, SIGTERM,
	    "exit 3 main; fatal TERM USER sent capture leader; exit TERM last"),
	ROW_NEEDS("cgroup-killed", group_is_killed, 0, needs_group,
		  "fatal KILL USER sent capture; exit KILL; exit 0 main last"),

	/* ---- debuggers ---- */
	ROW_OUTSIDE("debugger-drops", FAULT_MAIN, aborts_when_told, 0, outside_trace_drop, "exit 12 main last"),
	ROW_OUTSIDE("debugger-changes", FAULT_MAIN, aborts_when_told, 0, outside_trace_change,
		    "fatal FPE ?TKILL ?sent capture main leader; exit FPE main last"),
	ROW_OUTSIDE("debugger-ends", FAULT_MAIN, waits, 0, outside_tracer_ends,
		    "fatal KILL kernel main; exit KILL main last"),

	/* ---- what is no fault ---- */
	ROW("faults-handled", faults_handled, 0, "exit 5 main last"),
	ROW("overflow-handled", overflow_handled, true, "exit 9 main last"),
	ROW("signals-that-are-no-end", signals_that_are_no_end, 0, "exit 6 main last"),
	ROW("pending-at-exit", pending_at_exit, 0, "exit 8 main last"),
	ROW("seccomp-kills-a-thread", seccomp_kills_a_thread, 0, "exit 4 main last"),
	ROW_OUTSIDE("stops", FAULT_MAIN, stops, SIGSTOP, outside_continue, "exit 7 main last"),

	/* ---- ends ---- */
	ROW("exit-0", ends_with, 0, "exit 0 main last"),
	ROW("exit-1", ends_with, 1, "exit 1 main last"),
	ROW("exit-127", ends_with, 127, "exit 127 main last"),
	ROW("exit-255", ends_with, 255, "exit 255 main last"),
	{ "exit-3/child", FAULT_CHILD, ends_with, 3, .sees = { "exit 3; exit 0 main last" } },
	{ "exit-3/vfork", FAULT_VFORK, ends_with, 3, .sees = { "exit 3; exit 0 main last" } },
	{ "exit-3/container", FAULT_CONTAINER, ends_with, 3, .sees = { "exit 3; exit 0; exit 0 main last" } },
	ROW("thread-ends-all", thread_ends_all, 42, "exit 42 main last"),
	ROW("thread-ends-alone", thread_ends_alone, 0, "exit 2 main last"),
	ROW("zombie-leader-fault", leader_ends_thread_faults, 0,
	    "fatal SEGV MAPERR at=8 kernel capture holds main thread; exit SEGV main last"),
	ROW("zombie-leader-exit", leader_ends_thread_exits, 0, "exit 9 main last"),
	ROW_OUTSIDE("zombie-leader-killed", FAULT_MAIN, leader_ends_thread_waits, SIGTERM, outside_kill,
		    "fatal TERM USER sent-by-tester capture main thread; exit TERM main last"),
	ROW("daemon", daemon_faults, 0,
	    "exit 0; exit 1 main; fatal SEGV MAPERR at=8 kernel capture holds leader; exit SEGV last"),
	ROW("children-outlive", children_outlive, 0, "exit 19 main; exit 20; exit 21 last"),
	ROW("clone-without-signal", clone_without_signal, 0,
	    "fatal SEGV MAPERR at=8 kernel capture holds leader; exit SEGV; exit 0 main last"),
	ROW_NEEDS("init-faults", init_faults, 0, needs_containers,
		  "fatal SEGV MAPERR at=8 kernel capture holds leader; exit SEGV; fatal KILL kernel; exit KILL; "
		  "exit 0 main last"),
	ROW_NEEDS("init-signals-itself", init_signals_itself, 0, needs_containers, "exit 7; exit 0 main last"),

	/* ---- exec ---- */
	ROW("exec-missing", exec_missing, 0, "exit 127 main last"),
	ROW("exec-unreadable", exec_unreadable, 0, "exit 126 main last"),
	ROW("exec-too-late", exec_too_late, 0, "fatal SEGV KERNEL kernel capture main leader; exit SEGV main last"),
	ROW("exec-fault", exec_row, (long)"null-read/main",
	    "fatal SEGV MAPERR at=8 kernel capture holds main leader; exit SEGV main last"),
	ROW("exec-by-thread-fault", exec_row_by_thread, (long)"null-read/main",
	    "fatal SEGV MAPERR at=8 kernel capture holds main leader; exit SEGV main last"),
	ROW("exec-by-thread-exit", exec_row_by_thread, (long)"exit-1", "exit 1 main last"),
	ROW("exec-resets-handlers", exec_resets_handlers, 0,
	    "fatal SEGV MAPERR at=8 kernel capture holds main leader; exit SEGV main last"),
	ROW("spawned-fault", spawns_row, (long)"abort/main",
	    "fatal ABRT TKILL at=0 capture holds leader; exit ABRT; exit 0 main last"),

	/* ---- limits ---- */
	ROW("limit-cpu", limit_cpu, false, "fatal XCPU KERNEL kernel capture holds main; exit XCPU main last"),
	ROW("limit-cpu-hard", limit_cpu, true, "fatal KILL kernel main; exit KILL main last"),
	ROW_NEEDS("limit-realtime", limit_realtime, 0, needs_realtime,
		  "fatal XCPU KERNEL kernel capture holds main; exit XCPU main last"),
	EVERYWHERE("limit-file-size", limit_file_size, 0, "XFSZ", "XFSZ USER capture holds"),
	ROW("limit-space", limit_space, 0, "exit 12 main last"),
	ROW("limit-files", limit_files, 0, "exit 24 main last"),
	ROW("limit-processes", limit_processes, 0, "exit 11 main last"),
	ROW("limit-data", limit_data, 0, "exit 12 main last"),
	ROW("limit-locked", limit_locked, 0, "exit 12 main last"),
	ROW("limit-signals", limit_signals, 0, "exit 11 main last"),
	ROW("limit-queues", limit_queues, 0, "exit 24 main last"),
	ROW("limit-nice", limit_nice, 0, "exit 13 main last"),
	ROW("limit-priority", limit_priority, 0, "exit 1 main last"),
	ROW_NEEDS("limit-core", limit_core, 0, needs_core_file,
		  "fatal SEGV MAPERR at=8 kernel core capture holds main leader; exit SEGV core main last"),
	ROW_NEEDS("cgroup-processes", group_of_processes, 0, needs_pids_group, "exit 11 main last"),
	ROW_NEEDS("out-of-memory", group_out_of_memory, OOM_SELF, needs_memory_group,
		  "fatal KILL kernel oom main; exit KILL oom main last"),
	ROW_NEEDS("out-of-memory/child", group_out_of_memory, OOM_CHILD, needs_memory_group,
		  "fatal KILL kernel oom; exit KILL oom; exit 0 main last"),
	ROW_NEEDS("out-of-memory/group", group_out_of_memory, OOM_GROUP, needs_memory_group,
		  "unordered; fatal KILL kernel oom; exit KILL oom ?last; fatal KILL kernel oom main; "
		  "exit KILL oom main ?last"),

	/* ---- hangs: once each, and over when what it waits for has ended ---- */
	ROW_HANG("hang-vfork", FAULT_MAIN, hang_in_vfork, DSTATE, NULL,
		 "unordered; hang DSTATE main leader; fatal KILL USER sent-by-tester capture; exit KILL; "
		 "over DSTATE main leader; exit 7 main last"),
	ROW_HANG("hang-file-system", FAULT_MAIN, hang_in_file_system, DSTATE, needs_stuckfs,
		 "unordered; hang DSTATE main leader; fatal KILL USER sent-by-tester capture; exit KILL; "
		 "over DSTATE main leader; exit 7 main last"),
	ROW_HANG("hang-file-system/thread", FAULT_THREAD, hang_in_file_system, DSTATE, needs_stuckfs,
		 "unordered; hang DSTATE main thread; fatal KILL USER sent-by-tester capture; exit KILL; "
		 "over DSTATE main thread; exit 7 main last"),
	ROW_HANG("hang-locks", FAULT_MAIN, hang_in_locks, DEADLOCK, NULL,
		 "unordered; hang DEADLOCK main; ?over DEADLOCK main; "
		 "fatal KILL USER sent-by-tester capture main; exit KILL main last"),
	ROW_HANG("hang-child", FAULT_MAIN, hang_in_child, DEADLOCK, NULL,
		 "unordered; hang DEADLOCK ?main; fatal KILL USER sent-by-tester capture; exit KILL; "
		 "over DEADLOCK ?main; exit 7 main last"),
	ROW_HANG("hang-loop", FAULT_MAIN, hang_in_loop, SPIN, NULL,
		 "unordered; hang SPIN main leader; ?over SPIN main leader; "
		 "fatal KILL USER sent-by-tester capture main; exit KILL main last"),
	ROW_HANG("hang-loop/thread", FAULT_THREAD, hang_in_loop, SPIN, NULL,
		 "unordered; hang SPIN main thread; ?over SPIN main thread; "
		 "fatal KILL USER sent-by-tester capture main; exit KILL main last"),
	ROW_HANG("hang-calls", FAULT_MAIN, hang_in_calls, SPIN, NULL,
		 "unordered; hang SPIN main leader; ?over SPIN main leader; "
		 "fatal KILL USER sent-by-tester capture main; exit KILL main last"),
	ROW_HANG("hang-starved", FAULT_MAIN, hang_beside_rival, STARVED, needs_rival,
		 "unordered; hang STARVED main leader; fatal KILL USER sent-by-tester capture; exit KILL; "
		 "over STARVED main leader; exit 7 main last"),
	ROW_HANG("hang-heartbeat", FAULT_MAIN, hang_without_heartbeat, HEARTBEAT, NULL,
		 "hang HEARTBEAT main; fatal KILL USER sent-by-tester capture main; exit KILL main last"),
};

const size_t fault_count = sizeof(faults) / sizeof(faults[0]);

const char *fault_sees(const struct fault *fault, enum fault_source source)
{
	while (source > 0 && !fault->sees[source])
		source--;
	return fault->sees[source];
}
