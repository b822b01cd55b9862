/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One process of an application in its execution environment (31): started
 * under a watch of the kernel, as its own user, with its channel and its log.
 */
#ifndef SUPERVISORD_PROCESS_H
#define SUPERVISORD_PROCESS_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/application.h"
#include "lib/error.h"
#include "lib/jsonrpc.h"
#include "lib/name.h"
#include "supervisord/reliability/source.h"
#include "supervisord/runtime/watching.h"

struct cgroup;
struct child;
struct isolation;
struct keeper;
struct logs;
struct notify;

#define PROCESS_LOG_LINES 100
#define PROCESS_LOG_LINE_MAX 240

/**
 * struct process_handler - what becomes of a process
 * @event: a notification of the application; @params is borrowed, may be NULL
 * @ready: it says that it has started; only where its application data expect that
 * @start_overdue: it has not said so in time
 * @heartbeat_missed: its heart has not beaten within so many ms; 0: it says itself that it hangs
 * @watched: the kernel watches it, and it has not executed yet
 * @exited: it is gone and reaped, and the kernel's record of that has come or
 *	is overdue; @status as wait(2) has it. The owner may free the process here.
 */
struct process_handler {
	void (*event)(void *user, const char *method, json_t *params);
	void (*exited)(void *user, int status);
	void (*ready)(void *user);
	void (*start_overdue)(void *user);
	void (*heartbeat_missed)(void *user, int interval_ms);
	void (*watched)(void *user, uint32_t watch);
};

/**
 * struct process - a running process
 * @pid: valid until @exited was called
 * @cookie: of its watch; never used twice
 * @watching: what the kernel is told of it
 * @started_ns: clock_now() when it began to run
 * @stopping: its end was asked for, and is no fault
 * @dying: a fatal signal has been delivered; it may still be dumping core
 * @watched: the kernel reports its end
 * @recorded: it has done so: set with process_recorded()
 * @gone: it is reaped, @status is how it ended
 * @telling: its owner is being told of that, and frees it
 * @standby: it waits for "activate"
 * @adopted: it is another supervisor's child: only the kernel's record says how it ended
 * @prepared: it was started with a prepared file
 * @talks: it has a channel
 * @channel: NULL once it is broken, or where it has none
 */
struct process {
	struct ev_loop *loop;
	char application[NAME_MAX_LEN + 1];
	char version[VERSION_MAX_LEN + 1];
	uid_t uid;
	pid_t pid;
	int pidfd;
	struct cgroup *cgroup;	/* NULL where the gateway has none */
	struct keeper *keeper;	/* holds its descriptors too; or NULL */
	uint64_t cookie;
	struct watching watching;
	uint64_t started_ns;
	bool stopping;
	bool dying;
	bool watched;
	bool recorded;
	bool gone;
	bool telling;
	bool standby;
	bool adopted;
	bool talks;
	bool prepared;
	int status;
	int grace_s;
	struct jsonrpc_peer *channel;
	const struct process_handler *handler;
	void *user;
	ev_io exit;
	ev_timer grace;
	int grace_signal;
	struct process_log *log;
	struct notify *notify;
	uint64_t stopping_ns;	/* when its end was asked for */
};

/**
 * struct process_setup - how to start one
 * @command: absolute program and arguments
 * @folder: of the installed bundle, read-only for the process
 * @state_folder: the only place that it owns; its working directory
 * @prepared: a file that its runtime starts it faster with, to read; or NULL
 * @notify_folder: where its socket for sd_notify(3) is made
 * @uid: user and group id that it runs as
 * @source_ops: NULL when nothing watches
 * @keeper: keeps it for the next supervisor; NULL: it ends with this one
 * @standby: it is to initialise itself and wait until it is told "activate"
 * @gate: the program that a child waits in until it is released; NULL: in a copy of the supervisor
 * @waiting: a child that was made of the same setup and waits; NULL: one is made
 */
struct process_setup {
	const struct application *application;
	char **command;
	const char *folder;
	const char *state_folder;
	const char *prepared;
	const char *notify_folder;
	uid_t uid;
	const struct isolation *isolation;
	const struct source_ops *source_ops;
	struct source *source;
	struct logs *logs;
	struct keeper *keeper;
	bool standby;
	const char *gate;
	struct child *waiting;
	const struct process_handler *handler;
	void *user;
};

/**
 * process_start - start a process; the watch is set before it executes
 *
 * Return: 0, or negative errno with @err set: nothing was started.
 */
int process_start(struct process **process, struct ev_loop *loop,
		  const struct process_setup *setup, struct error *err);

/**
 * process_adopt - take over a process that a supervisor before this one has left
 * @setup: @command, @folder, @state_folder and @notify_folder are not used
 * @data: what that one had the keeper keep
 * @fds: likewise, @n of them; those that are taken over are set to -1
 *
 * Return: 0, or -EINVAL with @err set where they do not belong together.
 */
int process_adopt(struct process **process, struct ev_loop *loop,
		  const struct process_setup *setup, const json_t *data, int *fds, int n,
		  struct error *err);

/** process_activate - one that stood by does the application's work from now on */
void process_activate(struct process *process);

/** process_rewatch - see to it that the kernel watches an adopted process; 0 or negative errno */
int process_rewatch(struct process *process, const struct application *application,
		    const struct source_ops *ops, struct source *source,
		    struct error *err);

/** process_leave - forget a process that goes on, for the next supervisor to find */
void process_leave(struct process *process);

/** process_stop - end of input now, SIGTERM after its grace time, or at once if it has no channel, then SIGKILL */
void process_stop(struct process *process);

/** process_kill - SIGKILL to it, all of its session and all of its group, now */
void process_kill(struct process *process);

/**
 * process_disown - its end no longer concerns the owner: it is killed unless it
 * is dying already, reaped and freed by itself, and so is what it leaves in its session
 */
void process_disown(struct process *process);

/**
 * process_listen - take in at once what it has told by sd_notify(3)
 *
 * Return: a sign of life was there.
 */
bool process_listen(struct process *process);

/** process_recorded - the kernel has reported its end */
void process_recorded(struct process *process);

/** process_out_of_memory - has the kernel killed in its group because of the limit of memory? */
bool process_out_of_memory(const struct process *process);

/** process_free - forget a process that has ended */
void process_free(struct process *process);

/** process_ready - has it said that it is ready, or need it not? */
bool process_ready(const struct process *process);
/** process_status - what it last told of itself (STATUS of sd_notify(3)), or "" */
const char *process_status(const struct process *process);

/** process_log_lines - the last lines of its standard error, oldest first; new reference */
json_t *process_log_lines(const struct process *process);

#endif /* SUPERVISORD_PROCESS_H */
