// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/process.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "supervisord/gateway.h"
#include "supervisord/priority.h"
#include "supervisord/runtime/cgroup.h"
#include "supervisord/runtime/child.h"
#include "supervisord/runtime/keeper.h"
#include "supervisord/runtime/log.h"
#include "supervisord/runtime/notify.h"
#include "supervisord/runtime/process_watch.h"

/* A process that broke its channel has this long to end by itself. */
#define BROKEN_GRACE_S 1.0

/* An application that is to end can ask for this much time in all. */
#define STOP_MAX_S 600

/* How long the end of a process that has been killed is waited for. */
#define ADOPTED_END_MS 5000

/* How long the kernel's record of an end may come after the end itself. */
#define RECORD_OVERDUE_S 0.25

static void process_reap(struct process *process)
{
	siginfo_t info = { 0 };

	process->gone = true;
	/* Of another one's child the kernel tells nobody here: the record of its end has it. */
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
	process->telling = true;
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

/* What the keeper keeps of a process, in this order; the channel's two last, where it has one. */
enum kept {
	KEPT_ERR,
	KEPT_PIDFD,
	KEPT_NOTIFY,
	KEPT_IN,
	KEPT_OUT,
	KEPT_COUNT,
};

static int kept_count(bool talks)
{
	return talks ? KEPT_COUNT : KEPT_IN;
}

static void kept_name(char name[32], const struct process *process)
{
	snprintf(name, 32, "process/%" PRIx64, process->cookie);
}

static json_t *kept_data(const struct process *process)
{
	return json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:i, s:b, s:b, s:s, s:s, s:s*}",
			 "application", process->application, "version", process->version,
			 "pid", process->pid, "uid", (json_int_t)process->uid,
			 "cookie", (json_int_t)process->cookie,
			 "watch", (json_int_t)process->watching.id,
			 "started_ns", (json_int_t)process->started_ns,
			 "heartbeat_ms", process->watching.heartbeat_ms,
			 "ready", notify_ready(process->notify),
			 "standby", process->standby,
			 "notify", notify_path(process->notify),
			 "status", notify_status(process->notify),
			 "cgroup", process->cgroup ? cgroup_path(process->cgroup) : NULL);
}

static void process_keep(const struct process *process, const int *fds)
{
	char name[32];

	kept_name(name, process);
	keeper_put(process->keeper, name, kept_data(process), fds,
		   fds ? kept_count(process->talks) : 0);
}

/* Its end is wanted or has come: the keeper must not hold its input open. */
static void process_unkeep(struct process *process)
{
	char name[32];

	kept_name(name, process);
	keeper_drop(process->keeper, name);
	process->keeper = NULL;
}

static void told_ready(void *user)
{
	struct process *process = user;

	process_keep(process, NULL);
	if (is_heard(process))
		process->handler->ready(process->user);
}

static void told_status(void *user)
{
	process_keep(user, NULL);
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

static void told_alive(void *user, int interval_ms)
{
	struct process *process = user;
	int before = process->watching.heartbeat_ms;

	watching_beat(&process->watching, interval_ms);
	/* The next supervisor expects it at the same intervals. */
	if (process->watching.heartbeat_ms != before)
		process_keep(process, NULL);
}

bool process_listen(struct process *process)
{
	unsigned int before = process->watching.beats;

	notify_listen(process->notify);
	return process->watching.beats != before;
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
	.beat = told_alive,
	.status = told_status,
	.still = stands_still,
};

static const struct jsonrpc_handler channel_handler = {
	.request = channel_request,
	.closed = channel_closed,
};

/* The descriptors are the process's from now on. */
static void process_attach(struct process *process, int fds[KEPT_COUNT],
			   const struct process_setup *setup)
{
	if (process->talks)
		process->channel = jsonrpc_new(process->loop, fds[KEPT_OUT], fds[KEPT_IN],
					       &channel_handler, process);
	process->log = process_log_new(process->loop, fds[KEPT_ERR],
				       setup->application->name, process->pid, setup->logs);
	process->pidfd = fds[KEPT_PIDFD];
	for (int i = 0; i < KEPT_COUNT; i++)
		fds[i] = -1;
	ev_io_init(&process->exit, process_exited, process->pidfd, EV_READ);
	process->exit.data = process;
	ev_io_start(process->loop, &process->exit);
	ev_init(&process->grace, grace_over);
	process->grace.data = process;
	notify_start(process->notify, process->pid, &notify_handler, process);
}

static struct process *process_new(struct ev_loop *loop, const struct process_setup *setup,
				   pid_t pid, uint64_t cookie)
{
	struct process *process = alloc_zero(1, sizeof(*process));

	process->loop = loop;
	snprintf(process->application, sizeof(process->application), "%s",
		 setup->application->name);
	snprintf(process->version, sizeof(process->version), "%s", setup->application->version);
	process->uid = setup->uid;
	process->pid = pid;
	process->cookie = cookie;
	process->started_ns = clock_now();
	process->watched = setup->source_ops;
	process->grace_s = setup->application->grace_s;
	process->talks = setup->application->channel;
	process->prepared = setup->prepared;
	process->keeper = setup->keeper;
	process->standby = setup->standby;
	process->handler = setup->handler;
	process->user = setup->user;
	return process;
}

/* Once it has executed: until then it has the supervisor's own open files, which it does not keep. */
static void limits_begin(const struct process *process, const struct application *application)
{
	const struct watching *watching = &process->watching;
	struct source_settings settings = { 0 };
	int ret;

	process_watch_settings(&settings, application);
	if (!watching->id || !watching->ops || !settings.given)
		return;
	ret = watching->ops->change(watching->source, watching->id, &settings);
	/* -ENOENT: it has just ended. */
	if (ret && ret != -ENOENT)
		log_warning("%s: its soft limits are not watched: %s", process->application, strerror(-ret));
}

/* It is gone when it cannot be started. */
static int child_execute(struct child *child, struct ev_loop *loop, const struct process_setup *setup,
			 struct error *err)
{
	struct error why = { 0 };
	int ret;

	if (child->released)
		return 0;
	if (child->watch)
		setup->handler->watched(setup->user, child->watch);
	priority_yield(loop);
	ret = child_release(child, &why);
	if (!ret)
		return 0;
	child_abort(child);
	return error_set(err, ret, "%s: cannot be started: %.400s", setup->application->name, why.text);
}

/* One that waits and cannot be used after all has told nobody anything: another one says what is wrong. */
static int child_start(struct child *child, struct ev_loop *loop, const struct process_setup *setup,
		       struct error *err)
{
	int ret;

	if (setup->waiting) {
		*child = *setup->waiting;
		if (!child_execute(child, loop, setup, NULL))
			return 0;
	}
	ret = child_make(child, loop, setup, err);
	return ret ? ret : child_execute(child, loop, setup, err);
}

int process_start(struct process **result, struct ev_loop *loop,
		  const struct process_setup *setup, struct error *err)
{
	struct process *process;
	struct child child;
	int fds[KEPT_COUNT];
	int ret = child_start(&child, loop, setup, err);

	if (ret)
		return ret;
	process = process_new(loop, setup, child.pid, child.cookie);
	watching_begin(&process->watching, setup->source_ops, setup->source, child.watch,
		       &setup->application->watch);
	limits_begin(process, setup->application);
	process->cgroup = child.cgroup;
	process->notify = child.notify;
	/* Without a channel its input ends at once: child_close() has both ends of it. */
	fds[KEPT_IN] = process->talks ? steal_fd(&child.in) : -1;
	fds[KEPT_OUT] = process->talks ? steal_fd(&child.out) : -1;
	fds[KEPT_ERR] = steal_fd(&child.err);
	fds[KEPT_PIDFD] = steal_fd(&child.pidfd);
	fds[KEPT_NOTIFY] = notify_fd(child.notify);
	process_keep(process, fds);
	process_attach(process, fds, setup);
	child_close(&child);
	*result = process;
	return 0;
}

int process_adopt(struct process **result, struct ev_loop *loop,
		  const struct process_setup *setup, const json_t *data, int *fds, int n,
		  struct error *err)
{
	const char *cgroup = json_string_value(json_object_get(data, "cgroup"));
	const char *notify = json_string_value(json_object_get(data, "notify"));
	json_int_t pid = json_integer_value(json_object_get(data, "pid"));
	json_int_t cookie = json_integer_value(json_object_get(data, "cookie"));
	struct application_watch watch = setup->application->watch;
	int heartbeat_ms = json_integer_value(json_object_get(data, "heartbeat_ms"));
	struct process *process;

	if (heartbeat_ms > 0)
		watch.heartbeat_ms = heartbeat_ms;
	if (n != kept_count(setup->application->channel) || pid <= 1 || !cookie || !notify)
		return error_set(err, -EINVAL, "%s: what is kept of its process is not whole",
				 setup->application->name);
	process = process_new(loop, setup, pid, cookie);
	process->adopted = true;
	watching_begin(&process->watching, setup->source_ops, setup->source,
		       json_integer_value(json_object_get(data, "watch")), &watch);
	process->started_ns = json_integer_value(json_object_get(data, "started_ns"));
	process->cgroup = cgroup ? cgroup_adopt(cgroup) : NULL;
	process->notify = notify_adopt(loop, fds[KEPT_NOTIFY], notify, setup->uid, &watch,
				       json_is_true(json_object_get(data, "ready")),
				       json_string_value(json_object_get(data, "status")));
	process_attach(process, fds, setup);
	/* Calls are numbered from 1, and nobody makes one each microsecond. */
	if (process->channel)
		jsonrpc_resume(process->channel, clock_now() / 1000);
	*result = process;
	return 0;
}

void process_activate(struct process *process)
{
	process->standby = false;
	process_keep(process, NULL);
	if (process->channel)
		jsonrpc_notify(process->channel, "activate", NULL);
}

int process_rewatch(struct process *process, const struct application *application,
		    const struct source_ops *ops, struct source *source, struct error *err)
{
	struct source_settings settings = { 0 };
	uint32_t id;
	int ret;

	watching_settings(&settings, &process->watching.expected);
	ret = ops->watch(source, process->pid, process->cookie, &settings, &id, err);
	/* One that is watched already has the number that was kept. */
	if (!ret)
		process->watching.id = id;
	watching_resume(&process->watching, ops, source);
	limits_begin(process, application);
	/* One that has ended since cannot be watched any more, but its record may have come. */
	process->watched = !ret || ret == -EEXIST || process->recorded;
	process_keep(process, NULL);
	return process->watched ? 0 : ret;
}

void process_stop(struct process *process)
{
	process->stopping = true;
	process->stopping_ns = clock_now();
	process_unkeep(process);
	notify_stop(process->notify);
	if (process->watching.heartbeat_ms)
		watching_beat(&process->watching, 0);
	if (process->channel)
		jsonrpc_finish(process->channel);
	if (!process->talks)
		kill(-process->pid, SIGTERM);
	grace_start(process, process->grace_s, process->talks ? SIGTERM : SIGKILL);
}

void process_kill(struct process *process)
{
	/* Once it has gone, what another one's child was called by may be somebody else. */
	if (!process->adopted || !process->cgroup)
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
	process_unkeep(process);
	notify_stop(process->notify);
	if (process->channel)
		jsonrpc_free(steal_pointer(&process->channel));
	if (!process->gone && !process->dying)
		process_kill(process);
	else if (process->gone && !process->telling)
		process_free(process);
}

/* All but the group and the socket, which may go on. */
static void process_fini(struct process *process)
{
	ev_io_stop(process->loop, &process->exit);
	ev_timer_stop(process->loop, &process->grace);
	jsonrpc_free(process->channel);
	process_log_free(process->log);
	close(process->pidfd);
	free(process);
}

void process_free(struct process *process)
{
	struct pollfd end;

	if (!process)
		return;
	end = (struct pollfd){ .fd = process->pidfd, .events = POLLIN };
	process_unkeep(process);
	if (!process->gone && !process->adopted)
		waitpid(process->pid, NULL, 0);
	else if (!process->gone)
		poll(&end, 1, ADOPTED_END_MS);
	cgroup_free(process->cgroup);
	notify_free(process->notify);
	process_fini(process);
}

void process_leave(struct process *process)
{
	cgroup_leave(process->cgroup);
	notify_leave(process->notify);
	process_fini(process);
}

bool process_ready(const struct process *process)
{
	return notify_ready(process->notify);
}

const char *process_status(const struct process *process)
{
	return notify_status(process->notify);
}

json_t *process_log_lines(const struct process *process)
{
	return process_log_json(process->log);
}
