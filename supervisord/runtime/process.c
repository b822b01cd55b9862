// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "supervisord/gateway.h"
#include "supervisord/runtime/cgroup.h"
#include "supervisord/runtime/isolation.h"
#include "supervisord/runtime/log.h"
#include "supervisord/runtime/notify.h"

/* A process that broke its channel has this long to end by itself. */
#define BROKEN_GRACE_S 1.0

/* An application that is to end can ask for this much time in all. */
#define STOP_MAX_S 600

/* How long the kernel's record of an end may come after the end itself. */
#define RECORD_OVERDUE_S 0.25

/* Pipes of a start; [0] is read, [1] written. Each end is -1 once handed on. */
struct pipes {
	int in[2];
	int out[2];
	int err[2];
	int go[2];	/* parent to child: the watch is set */
	int failed[2];	/* child to parent: struct error, unless execve() worked */
};

static void pipes_close(struct pipes *p)
{
	int *all = (int *)p;

	for (size_t i = 0; i < sizeof(*p) / sizeof(int); i++)
		if (all[i] >= 0)
			close(all[i]);
}

static int pipes_open(struct pipes *p)
{
	memset(p, -1, sizeof(*p));
	if (!pipe2(p->in, O_CLOEXEC) && !pipe2(p->out, O_CLOEXEC) &&
	    !pipe2(p->err, O_CLOEXEC) && !pipe2(p->go, O_CLOEXEC) &&
	    !pipe2(p->failed, O_CLOEXEC))
		return 0;
	return -errno;
}

static void signals_reset(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		sigaction(s, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Environment from the application data alone, where its state is, and whom it notifies. */
static char **environment_make(const struct process_setup *setup, const struct notify *notify)
{
	int heartbeat_ms = setup->application->watch.heartbeat_ms;
	size_t n = 0;
	char **environment;

	while (setup->application->environment[n])
		n++;
	environment = alloc_zero(n + 7, sizeof(*environment));
	environment[n] = alloc_format("STATE_DIRECTORY=%s", setup->state_folder);
	environment[n + 1] = alloc_format("TMPDIR=%s", setup->state_folder);
	environment[n + 2] = "PATH=/usr/local/bin:/usr/bin:/bin";
	environment[n + 3] = alloc_format("NOTIFY_SOCKET=%s", notify_path(notify));
	if (heartbeat_ms) {
		environment[n + 4] = alloc_format("WATCHDOG_USEC=%d000", heartbeat_ms);
		environment[n + 5] = alloc_format("WATCHDOG_PID=%d", getpid());
	}
	memcpy(environment, setup->application->environment, n * sizeof(*environment));
	return environment;
}

#define CHILD_TRY(what, condition)					\
	do {								\
		if (!(condition))					\
			return error_set(err, -errno, "%s: %m", what);	\
	} while (0)

/* In the child; returns only when a step failed. */
static int child_become(const struct process_setup *setup, const struct notify *notify,
			struct pipes *p, struct error *err)
{
	char **environment = environment_make(setup, notify);
	char go;

	CHILD_TRY("setsid", setsid() >= 0);
	CHILD_TRY("descriptors", dup2(p->in[0], 0) == 0 && dup2(p->out[1], 1) == 1 &&
		  dup2(p->err[1], 2) == 2);
	CHILD_TRY("close_range", !syscall(SYS_close_range, 3, ~0U, 4 /* CLOEXEC */));
	umask(077);
	signals_reset();
	if (isolation_enter(setup->isolation, setup, err))
		return err->code;
	CHILD_TRY(setup->state_folder, !chdir(setup->state_folder));
	CHILD_TRY("watch", read(p->go[0], &go, 1) == 1);
	execve(setup->command[0], setup->command, environment);
	return error_set(err, -errno, "execute %s: %m", setup->command[0]);
}

static void child_run(const struct process_setup *setup, const struct notify *notify,
		      struct pipes *p)
{
	struct error err = { 0 };

	child_become(setup, notify, p, &err);
	if (write(p->failed[1], &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

/* Sets the watch, lets the child go on, and waits until it has executed. */
static int child_release(const struct process_setup *setup, pid_t pid, uint64_t cookie,
			 uint32_t *watch, struct pipes *p, struct error *err)
{
	struct error failure;
	ssize_t n;
	int ret;

	if (setup->source_ops) {
		ret = setup->source_ops->watch(setup->source, pid, cookie, NULL, watch, err);
		if (ret)
			return ret;
	}
	close(p->failed[1]);
	p->failed[1] = -1;
	if (write(p->go[1], "", 1) != 1)
		return error_set(err, -EPIPE, "%s: ended before it was started",
				 setup->application->name);
	do {
		n = read(p->failed[0], &failure, sizeof(failure));
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	return error_set(err, failure.code, "%s: cannot be started: %.400s",
			 setup->application->name, failure.text);
}

static void process_reap(struct process *process)
{
	siginfo_t info = { 0 };

	process->gone = true;
	if (waitid(P_PIDFD, process->pidfd, &info, WEXITED | WNOHANG) < 0 || !info.si_pid)
		return;
	if (info.si_code == CLD_EXITED)
		process->status = (info.si_status & 0xff) << 8;
	else
		process->status = info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

static void process_ended(struct process *process)
{
	ev_timer_stop(process->loop, &process->grace);
	if (process->handler)
		process->handler->exited(process->user, process->status);
	else
		process_free(process);
}

static void record_overdue(struct ev_loop *loop, ev_timer *timer, int events)
{
	process_ended(timer->data);
}

static void process_exited(struct ev_loop *loop, ev_io *io, int events)
{
	struct process *process = io->data;

	ev_io_stop(loop, io);
	ev_timer_stop(loop, &process->grace);
	/* Nothing of it may outlive it; reaped later, so the id is still its own. */
	process_kill(process);
	process_reap(process);
	process_log_drain(process->log);
	if (!process->handler || !process->watched || process->recorded) {
		process_ended(process);
		return;
	}
	ev_timer_init(&process->grace, record_overdue, RECORD_OVERDUE_S, 0.);
	process->grace.data = process;
	ev_timer_start(loop, &process->grace);
}

void process_recorded(struct process *process)
{
	process->recorded = true;
	if (process->gone)
		process_ended(process);
}

static void channel_request(struct jsonrpc_peer *peer, const char *method,
			    json_t *params, json_t *id, void *user)
{
	struct process *process = user;

	if (id)
		jsonrpc_error(peer, id, JSONRPC_METHOD_NOT_FOUND,
			      "the gateway takes notifications only", NULL);
	else if (process->handler)
		process->handler->event(process->user, method, params);
}

static void grace_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct process *process = timer->data;

	kill(-process->pid, process->grace_signal);
	process->grace_signal = SIGKILL;
}

/* Signals it after @seconds, and then every @seconds with SIGKILL until it is gone. */
static void grace_start(struct process *process, double seconds, int signal)
{
	process->grace_signal = signal;
	process->grace.repeat = seconds > 0.01 ? seconds : 0.01;
	ev_timer_again(process->loop, &process->grace);
}

static void channel_closed(struct jsonrpc_peer *peer, int code, void *user)
{
	struct process *process = user;

	process->channel = NULL;
	jsonrpc_free(peer);
	if (!process->stopping && !process->dying && !process->gone)
		grace_start(process, BROKEN_GRACE_S, SIGKILL);
}

/* Does what it fails to tell still concern anybody? */
static bool is_heard(const struct process *process)
{
	return process->handler && !process->stopping && !process->dying && !process->gone;
}

static void told_ready(void *user)
{
	struct process *process = user;

	if (is_heard(process))
		process->handler->ready(process->user);
}

static void told_too_late(void *user)
{
	struct process *process = user;

	if (is_heard(process))
		process->handler->start_overdue(process->user);
}

static void told_no_heartbeat(void *user, int interval_ms)
{
	struct process *process = user;

	if (is_heard(process))
		process->handler->heartbeat_missed(process->user, interval_ms);
}

static void told_to_wait(void *user, double seconds)
{
	struct process *process = user;
	double left = STOP_MAX_S - (clock_now() - process->stopping_ns) / 1e9;

	if (process->stopping && !process->gone && ev_is_active(&process->grace) && left > 0)
		grace_start(process, seconds < left ? seconds : left, process->grace_signal);
}

/* Stopped by a signal, traced, or in a group that is frozen. */
static bool stands_still(void *user)
{
	const struct process *process = user;
	__cleanup_fclose FILE *file = NULL;
	char path[32], line[512], *rest;

	snprintf(path, sizeof(path), "/proc/%d/stat", process->pid);
	file = fopen(path, "re");
	/* The name may hold anything; the last parenthesis ends it. */
	rest = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	if (rest && (rest[2] == 'T' || rest[2] == 't'))
		return true;
	return process->cgroup && cgroup_frozen(process->cgroup);
}

static const struct notify_handler notify_handler = {
	.ready = told_ready,
	.start_overdue = told_too_late,
	.missed = told_no_heartbeat,
	.extend = told_to_wait,
	.still = stands_still,
};

static const struct jsonrpc_handler channel_handler = {
	.request = channel_request,
	.closed = channel_closed,
};

static void process_attach(struct process *process, struct pipes *p,
			   const struct process_setup *setup)
{
	process->channel = jsonrpc_new(process->loop, p->out[0], p->in[1],
				       &channel_handler, process);
	p->out[0] = -1;
	p->in[1] = -1;
	process->log = process_log_new(process->loop, steal_fd(&p->err[0]),
				       setup->application->name, process->pid, setup->logs);
	ev_io_init(&process->exit, process_exited, process->pidfd, EV_READ);
	process->exit.data = process;
	ev_io_start(process->loop, &process->exit);
	ev_init(&process->grace, grace_over);
	process->grace.data = process;
	notify_start(process->notify, process->pid, &notify_handler, process);
}

/* fork(2) into a group, with a descriptor of the child; a move afterwards would cost milliseconds. */
static pid_t child_fork(const struct cgroup *cgroup, int *pidfd)
{
	struct clone_args arguments = {
		.flags = CLONE_PIDFD | (cgroup ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup ? cgroup_fd(cgroup) : 0,
	};

	return syscall(SYS_clone3, &arguments, sizeof(arguments));
}

/* Return: 0 with the group, or with none where the gateway has none. */
static int group_make(struct cgroup **cgroup, const struct process_setup *setup,
		      uint64_t cookie, struct error *err)
{
	const struct application *app = setup->application;

	if (!setup->isolation->cgroups.base)
		return 0;
	*cgroup = cgroup_new(&setup->isolation->cgroups, app->name, cookie,
			     (uint64_t)app->memory_mib << 20, app->processes, err);
	return *cgroup ? 0 : err->code;
}

/* A child that must not go on: it waits for the pipe, or has failed already. */
static void child_abort(pid_t pid, int pidfd)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (pidfd >= 0)
		close(pidfd);
}

int process_start(struct process **result, struct ev_loop *loop,
		  const struct process_setup *setup, struct error *err)
{
	static uint64_t last_cookie;
	uint64_t cookie = clock_now();
	uint32_t watch = 0;
	struct process *process;
	struct cgroup *cgroup = NULL;
	struct notify *notify;
	struct pipes p;
	int pidfd = -1, ret;
	pid_t pid;

	if (cookie <= last_cookie)
		cookie = last_cookie + 1;
	last_cookie = cookie;
	notify = notify_new(loop, setup->notify_folder, cookie, setup->uid,
			    &setup->application->watch, err);
	if (!notify)
		return err->code;
	ret = group_make(&cgroup, setup, cookie, err);
	if (ret) {
		notify_free(notify);
		return ret;
	}
	ret = pipes_open(&p);
	pid = ret ? -1 : child_fork(cgroup, &pidfd);
	if (!pid)
		child_run(setup, notify, &p);
	if (pid < 0) {
		ret = ret ? ret : -errno;
		pipes_close(&p);
		cgroup_free(cgroup);
		notify_free(notify);
		return error_set(err, ret, "%s: cannot be started: %s",
				 setup->application->name, strerror(-ret));
	}
	ret = child_release(setup, pid, cookie, &watch, &p, err);
	if (ret) {
		child_abort(pid, pidfd);
		pipes_close(&p);
		cgroup_free(cgroup);
		notify_free(notify);
		return ret;
	}
	process = alloc_zero(1, sizeof(*process));
	process->loop = loop;
	process->pid = pid;
	process->pidfd = pidfd;
	process->cookie = cookie;
	process->watch = watch;
	process->cgroup = cgroup;
	process->notify = notify;
	process->started_ns = clock_now();
	process->watched = setup->source_ops;
	process->grace_s = setup->application->grace_s;
	process->handler = setup->handler;
	process->user = setup->user;
	process_attach(process, &p, setup);
	pipes_close(&p);
	*result = process;
	return 0;
}

void process_stop(struct process *process)
{
	process->stopping = true;
	process->stopping_ns = clock_now();
	notify_stop(process->notify);
	if (process->channel)
		jsonrpc_finish(process->channel);
	grace_start(process, process->grace_s, SIGTERM);
}

void process_kill(struct process *process)
{
	kill(-process->pid, SIGKILL);
	if (process->cgroup)
		cgroup_kill(process->cgroup);
}

bool process_out_of_memory(const struct process *process)
{
	return process->cgroup && cgroup_out_of_memory(process->cgroup);
}

void process_disown(struct process *process)
{
	process->handler = NULL;
	process->stopping = true;
	notify_stop(process->notify);
	if (process->channel)
		jsonrpc_free(steal_pointer(&process->channel));
	if (!process->gone && !process->dying)
		process_kill(process);
	else if (process->gone)
		process_free(process);
}

void process_free(struct process *process)
{
	if (!process)
		return;
	ev_io_stop(process->loop, &process->exit);
	ev_timer_stop(process->loop, &process->grace);
	if (!process->gone)
		waitpid(process->pid, NULL, 0);
	cgroup_free(process->cgroup);
	notify_free(process->notify);
	jsonrpc_free(process->channel);
	process_log_free(process->log);
	close(process->pidfd);
	free(process);
}

const char *process_status(const struct process *process)
{
	return notify_status(process->notify);
}

json_t *process_log_lines(const struct process *process)
{
	return process_log_json(process->log);
}
