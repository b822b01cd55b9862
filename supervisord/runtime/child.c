// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "supervisord/gateway.h"
#include "supervisord/runtime/cgroup.h"
#include "supervisord/runtime/isolation.h"
#include "supervisord/runtime/notify.h"
#include "supervisord/runtime/process.h"

/* The supervisor stands still meanwhile; it takes less than a millisecond, unless the disk or somebody is in the way. */
#define EXECUTE_MS 2000

/* Both ends of each pipe, until the child has been forked: [0] is read, [1] written. */
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
		closep(&all[i]);
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

static size_t strings_count(char **strings)
{
	size_t n = 0;

	while (strings[n])
		n++;
	return n;
}

/* Environment from the application data alone, where its state is, and whom it notifies. */
static char **environment_make(const struct process_setup *setup, const struct notify *notify)
{
	int heartbeat_ms = setup->application->watch.heartbeat_ms;
	size_t n = strings_count(setup->application->environment);
	char **environment;

	environment = alloc_zero(n + 8, sizeof(*environment));
	environment[n] = alloc_format("STATE_DIRECTORY=%s", setup->state_folder);
	environment[n + 1] = alloc_format("TMPDIR=%s", setup->state_folder);
	environment[n + 2] = "PATH=/usr/local/bin:/usr/bin:/bin";
	environment[n + 3] = alloc_format("NOTIFY_SOCKET=%s", notify_path(notify));
	if (heartbeat_ms) {
		environment[n + 4] = alloc_format("WATCHDOG_USEC=%d000", heartbeat_ms);
		environment[n + 5] = alloc_format("WATCHDOG_PID=%d", getpid());
	}
	if (setup->standby)
		environment[heartbeat_ms ? n + 6 : n + 4] = "FAULTLINE_STANDBY=1";
	memcpy(environment, setup->application->environment, n * sizeof(*environment));
	return environment;
}

#define CHILD_TRY(what, condition)					\
	do {								\
		if (!(condition))					\
			return error_set(err, -errno, "%s: %m", what);	\
	} while (0)

/* Waits in a program of its own: what is left of the supervisor's memory goes, and other children's gates are closed. */
static int gate_execute(const struct process_setup *setup, char **environment,
			const struct pipes *p, struct error *err)
{
	size_t n_variables = strings_count(environment), n_command = strings_count(setup->command);
	char **arguments = alloc_zero(n_variables + n_command + 6, sizeof(*arguments));

	arguments[0] = "faultline-gate";
	arguments[1] = alloc_format("%d", p->go[0]);
	arguments[2] = alloc_format("%d", p->failed[1]);
	arguments[3] = alloc_format("%zu", n_variables);
	memcpy(arguments + 4, environment, n_variables * sizeof(*arguments));
	arguments[4 + n_variables] = "";
	memcpy(arguments + 5 + n_variables, setup->command, n_command * sizeof(*arguments));
	CHILD_TRY("descriptors", !fcntl(p->go[0], F_SETFD, 0) && !fcntl(p->failed[1], F_SETFD, 0));
	execve(setup->gate, arguments, (char *[]){ NULL });
	return error_set(err, -errno, "execute %s: %m", setup->gate);
}

/* In the child; returns only when a step failed. */
static int child_become(const struct process_setup *setup, const struct notify *notify,
			struct pipes *p, struct error *err)
{
	char **environment = environment_make(setup, notify);
	char go;

	CHILD_TRY("setsid", setsid() >= 0);
	CHILD_TRY("descriptors", dup2(p->in[0], 0) == 0 &&
		  dup2(setup->application->channel ? p->out[1] : p->err[1], 1) == 1 &&
		  dup2(p->err[1], 2) == 2);
	CHILD_TRY("close_range", !syscall(SYS_close_range, 3, ~0U, 4 /* CLOEXEC */));
	umask(077);
	signals_reset();
	if (isolation_enter(setup->isolation, setup, err))
		return err->code;
	CHILD_TRY(setup->state_folder, !chdir(setup->state_folder));
	if (setup->gate)
		return gate_execute(setup, environment, p, err);
	CHILD_TRY("watch", read(p->go[0], &go, 1) == 1);
	execve(setup->command[0], setup->command, environment);
	return error_set(err, -errno, "execute %s: %m", setup->command[0]);
}

static void child_run(const struct process_setup *setup, const struct notify *notify,
		      struct pipes *p)
{
	struct error err = { 0 };

	/* The other ends: a supervisor that is killed before it says go is to be noticed. */
	close(p->go[1]);
	close(p->failed[0]);
	child_become(setup, notify, p, &err);
	if (write(p->failed[1], &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
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
static int group_make(struct child *child, const struct process_setup *setup, struct error *err)
{
	const struct application *app = setup->application;

	if (!setup->isolation->cgroups.base)
		return 0;
	child->cgroup = cgroup_new(&setup->isolation->cgroups, app->name, child->cookie,
				   (uint64_t)app->memory_mib << 20, app->processes, err);
	return child->cgroup ? 0 : err->code;
}

static int pipes_fork(struct child *child, const struct process_setup *setup, struct error *err)
{
	struct pipes p;
	int ret = pipes_open(&p);

	child->pid = ret ? -1 : child_fork(child->cgroup, &child->pidfd);
	if (!child->pid)
		child_run(setup, child->notify, &p);
	if (child->pid < 0) {
		ret = ret ? ret : -errno;
		error_set(err, ret, "%s: cannot be started: %s", setup->application->name,
			  strerror(-ret));
	} else {
		child->in = steal_fd(&p.in[1]);
		child->out = steal_fd(&p.out[0]);
		child->err = steal_fd(&p.err[0]);
		child->go = steal_fd(&p.go[1]);
		child->failed = steal_fd(&p.failed[0]);
	}
	pipes_close(&p);
	return ret;
}

static int watch_set(struct child *child, const struct process_setup *setup, struct error *err)
{
	struct source_settings settings = { 0 };

	if (!setup->source_ops)
		return 0;
	watching_settings(&settings, &setup->application->watch);
	return setup->source_ops->watch(setup->source, child->pid, child->cookie, &settings,
					&child->watch, err);
}

static uint64_t cookie_next(void)
{
	static uint64_t last;
	uint64_t cookie = clock_now();

	if (cookie <= last)
		cookie = last + 1;
	last = cookie;
	return cookie;
}

int child_make(struct child *child, struct ev_loop *loop, const struct process_setup *setup,
	       struct error *err)
{
	int ret;

	*child = (struct child){
		.pid = -1, .pidfd = -1, .cookie = cookie_next(),
		.in = -1, .out = -1, .err = -1, .go = -1, .failed = -1,
	};
	child->notify = notify_new(loop, setup->notify_folder, child->cookie, setup->uid,
				   &setup->application->watch, err);
	if (!child->notify)
		return err->code;
	ret = group_make(child, setup, err);
	if (!ret)
		ret = pipes_fork(child, setup, err);
	if (!ret)
		ret = watch_set(child, setup, err);
	if (ret)
		child_abort(child);
	return ret;
}

int child_release(struct child *child, struct error *err)
{
	struct pollfd told = { .fd = child->failed, .events = POLLIN };
	struct error failure;
	int n;

	/* Another process of its user may have stopped it, and may do so again. */
	kill(child->pid, SIGCONT);
	if (write(child->go, "", 1) != 1)
		return error_set(err, -EPIPE, "ended before it was started");
	do {
		n = poll(&told, 1, EXECUTE_MS);
	} while (n < 0 && errno == EINTR);
	if (!n)
		return error_set(err, -ETIMEDOUT, "has not executed within %d ms", EXECUTE_MS);
	n = read(child->failed, &failure, sizeof(failure));
	if (n > 0)
		return error_set(err, failure.code, "%.400s", failure.text);
	child->released = true;
	return 0;
}

void child_close(struct child *child)
{
	int *all[] = { &child->pidfd, &child->in, &child->out, &child->err, &child->go,
		       &child->failed };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		closep(all[i]);
		*all[i] = -1;
	}
}

void child_abort(struct child *child)
{
	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
	}
	child_close(child);
	cgroup_free(child->cgroup);
	notify_free(child->notify);
}
