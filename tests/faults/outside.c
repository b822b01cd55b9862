// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tester's side: starts the program of a row, does what is done to it from
 * outside, and ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acts.h"

/* A machine that takes longer has stopped. */
#define PATIENCE_MS 60000

static void become(const struct fault_program *program, const char *faulter, int start,
		   int in, int out)
{
	sigset_t none;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || read(start, &byte, 1) != 1)
		_exit(99);
	execl(faulter, "faulter", program->fault->name, NULL);
	_exit(98);
}

int fault_start(struct fault_program *program, const struct fault *fault, const char *faulter)
{
	int start[2], in[2], out[2];

	*program = (struct fault_program) { .fault = fault, .pid = -1, .start = -1, .go = -1, .ready = -1 };
	if (pipe2(start, O_CLOEXEC) || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return -errno;
	program->start = start[1];
	program->go = in[1];
	program->ready = out[0];
	program->pid = fork();
	if (!program->pid) {
		close(start[1]);
		become(program, faulter, start[0], in[0], out[1]);
	}
	close(start[0]);
	close(in[0]);
	close(out[1]);
	return program->pid < 0 ? -errno : 0;
}

static void close_once(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int wait_ready(const struct fault_program *program, pid_t *pid)
{
	struct pollfd poll_fd = { .fd = program->ready, .events = POLLIN };

	if (poll(&poll_fd, 1, PATIENCE_MS) != 1)
		return -ETIME;
	return read(program->ready, pid, sizeof(*pid)) == sizeof(*pid) ? 0 : -EPIPE;
}

int fault_release(struct fault_program *program)
{
	const struct fault *fault = program->fault;
	pid_t pid;
	int err;

	if (write(program->start, "", 1) != 1)
		return -errno;
	if (!fault->outside && !fault->verdict)
		return 0;
	err = wait_ready(program, &pid);
	if (err)
		return err;
	program->stuck = pid;
	return fault->outside ? fault->outside(fault, pid, program->go) : 0;
}

void fault_go(struct fault_program *program)
{
	close_once(&program->go);
}

int fault_end(struct fault_program *program)
{
	int status = -1;
	pid_t ended;

	close_once(&program->start);
	close_once(&program->go);
	close_once(&program->ready);
	if (program->pid < 0)
		return -1;
	for (int waited = 0; !(ended = waitpid(program->pid, &status, WNOHANG)); waited++) {
		if (waited == PATIENCE_MS)
			kill(program->pid, SIGKILL);
		usleep(1000);
	}
	/* It may have been reaped by what was done from outside. */
	return ended < 0 ? -1 : status;
}

/* ---- what is done ---- */

static void let_go(int go)
{
	(void)!write(go, "", 1);
}

int outside_kill(const struct fault *fault, pid_t pid, int go)
{
	return kill(pid, fault->with) ? -errno : 0;
}

static int wait_stopped(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WUNTRACED | __WALL) != pid)
		return -errno;
	return WIFSTOPPED(status) ? WSTOPSIG(status) : -ECHILD;
}

int outside_kill_stopped(const struct fault *fault, pid_t pid, int go)
{
	int stopped;

	let_go(go);
	stopped = wait_stopped(pid);
	if (stopped < 0)
		return stopped;
	return kill(pid, SIGKILL) ? -errno : 0;
}

int outside_queue(const struct fault *fault, pid_t pid, int go)
{
	return sigqueue(pid, fault->with, (union sigval) { .sival_int = 1 }) ? -errno : 0;
}

int outside_continue(const struct fault *fault, pid_t pid, int go)
{
	int stopped;

	let_go(go);
	stopped = wait_stopped(pid);
	if (stopped < 0)
		return stopped;
	return kill(pid, SIGCONT) ? -errno : 0;
}

/* Let it come to its signal under a debugger, which goes on with @signo instead. */
static int trace(pid_t pid, int go, int signo)
{
	int stopped;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		return -errno;
	let_go(go);
	stopped = wait_stopped(pid);
	if (stopped != SIGABRT)
		return stopped < 0 ? stopped : -EBADMSG;
	return ptrace(PTRACE_DETACH, pid, NULL, (long)signo) ? -errno : 0;
}

int outside_trace_drop(const struct fault *fault, pid_t pid, int go)
{
	return trace(pid, go, 0);
}

int outside_trace_change(const struct fault *fault, pid_t pid, int go)
{
	return trace(pid, go, SIGFPE);
}

/* A debugger that wants its target to go with it. */
int outside_tracer_ends(const struct fault *fault, pid_t pid, int go)
{
	pid_t tracer = fork();
	int status;

	if (tracer < 0)
		return -errno;
	if (!tracer)
		_exit(ptrace(PTRACE_SEIZE, pid, NULL, (long)PTRACE_O_EXITKILL) ? errno : 0);
	if (waitpid(tracer, &status, 0) != tracer)
		return -errno;
	return -WEXITSTATUS(status);
}

/* ---- what is needed ---- */

const char *needs_core_file(void)
{
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	char pattern[128] = "|";

	if (fd >= 0) {
		(void)!read(fd, pattern, sizeof(pattern) - 1);
		close(fd);
	}
	return strchr("|/@", pattern[0]) ? "core dumps go elsewhere than to the working folder" : NULL;
}

static const char *try_in_child(int (*act)(void), const char *reason)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		_exit(act() ? 1 : 0);
	waitpid(pid, &status, 0);
	return status ? reason : NULL;
}

static int unshare_all(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS);
}

const char *needs_containers(void)
{
	return try_in_child(unshare_all, "no user, pid and mount namespaces here");
}

static int be_realtime(void)
{
	return sched_setscheduler(0, SCHED_FIFO, &(struct sched_param) { 1 });
}

const char *needs_realtime(void)
{
	return try_in_child(be_realtime, "no real-time priorities here");
}

/* A processor that a rival may have for itself. */
const char *needs_rival(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) < 2 ? "needs two processors" : needs_realtime();
}

const struct fault *fault_find(const char *name)
{
	for (size_t i = 0; i < fault_count; i++)
		if (!strcmp(faults[i].name, name))
			return &faults[i];
	return NULL;
}

const char *fault_missing(const struct fault *fault)
{
	const char *missing = fault->needs ? fault->needs() : NULL;

	return missing || fault->place != FAULT_CONTAINER ? missing : needs_containers();
}
