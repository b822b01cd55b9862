/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs of the table do, what is done to them, what they need.
 */
#ifndef TESTS_FAULTS_ACTS_H
#define TESTS_FAULTS_ACTS_H

#include "faults.h"

/* Faults of the processor (cpu.c). */
void null_read(long with);
void null_jump(long with);
void read_only_write(long with);
void data_jump(long with);
void wild_read(long with);
void wild_stack(long with);
void privileged(long with);
void illegal(long with);
void divide(long with);
void breakpoint(long with);
void bus(long with);
void stack_overflow(long with);
void fault_blocked(long with);
void fault_ignored(long with);
void fault_in_handler(long with);
void overflow_handled(long alternate);
void faults_handled(long with);

/* Signals (signals.c). */
void call_abort(long with);
void signal_thread(long signo);
void signal_process(long signo);
void queue_self(long signo);
void broken_pipe(long with);
void alarm_clock(long with);
void interval(long which);
void posix_timer(long signo);
void trap_by_seccomp(long action);
void strict_seccomp(long with);
void seccomp_kills_a_thread(long with);
void signals_that_are_no_end(long with);
void unblocked(long with);
void pending_at_exit(long with);
void stops(long signo);
void waits(long with);
void waits_as_nobody(long with);
void spins(long with);
void aborts_when_told(long with);
void kills_its_group(long signo);
void kills_its_child(long signo);
void dies_with_its_parent(long signo);

/* Ends and families (families.c). */
void ends_with(long status);
void thread_ends_all(long status);
void thread_ends_alone(long with);
void leader_ends_thread_faults(long with);
void leader_ends_thread_exits(long with);
void leader_ends_thread_waits(long with);
void threads_fault_together(long with);
void exec_missing(long with);
void exec_unreadable(long with);
void exec_too_late(long with);
void exec_row(long row);
void exec_row_by_thread(long row);
void exec_resets_handlers(long with);
void spawns_row(long row);
void daemon_faults(long with);
void children_outlive(long with);
void clone_without_signal(long with);
void init_faults(long with);
void init_signals_itself(long with);

/* Limits (limits.c). */
void limit_core(long with);
void limit_cpu(long hard);
void limit_file_size(long with);
void limit_space(long with);
void limit_files(long with);
void limit_processes(long with);
void limit_realtime(long with);
void limit_data(long with);
void limit_locked(long with);
void limit_signals(long with);
void limit_queues(long with);
void limit_nice(long with);
void limit_priority(long with);
void group_out_of_memory(long way);
void group_of_processes(long with);
void group_is_killed(long with);

/* Hangs (hangs.c). */
void hang_in_vfork(long with);
void hang_in_file_system(long with);
void hang_in_locks(long with);
void hang_in_child(long with);
void hang_in_loop(long with);
void hang_in_calls(long with);
void hang_beside_rival(long with);
void hang_without_heartbeat(long with);

/* From outside (outside.c). */
int outside_kill(const struct fault *fault, pid_t pid, int go);
int outside_kill_stopped(const struct fault *fault, pid_t pid, int go);
int outside_queue(const struct fault *fault, pid_t pid, int go);
int outside_continue(const struct fault *fault, pid_t pid, int go);
int outside_trace_drop(const struct fault *fault, pid_t pid, int go);
int outside_trace_change(const struct fault *fault, pid_t pid, int go);
int outside_tracer_ends(const struct fault *fault, pid_t pid, int go);

const char *needs_core_file(void);
const char *needs_memory_group(void);
const char *needs_group(void);
const char *needs_pids_group(void);
const char *needs_containers(void);
const char *needs_realtime(void);
const char *needs_rival(void);

/* For group_out_of_memory(). */
enum { OOM_SELF, OOM_CHILD, OOM_GROUP };

/* Shared by the acts. */
void say_who(pid_t pid);
void await_go(void);
void say_ready(void);
pid_t own_tid(void);
int count_threads(void);
bool leader_is_zombie(void);
void spawn_thread(void *(*function)(void *with), void *with);
void *sleep_for_ever(void *with);
void *spin_for_ever(void *with);
int write_file(const char *path, const char *text);

#endif /* TESTS_FAULTS_ACTS_H */
