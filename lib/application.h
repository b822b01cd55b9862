/* SPDX-License-Identifier: GPL-2.0-only */
/* Application data (322): what application.xml says of a bundle (docs/formats.md). */
#ifndef LIB_APPLICATION_H
#define LIB_APPLICATION_H

#include <stdbool.h>

#include "lib/cleanup.h"
#include "lib/error.h"

#define APPLICATION_FILE "application.xml"
#define APPLICATION_PROCESSINGS_MAX 256
#define APPLICATION_ARGUMENTS_MAX 64

struct application_processing {
	char *name;
	int timeout_s;
};

/**
 * struct application_watch - what the application tells by sd_notify(3)
 * @ready: it is started once it says READY=1, not as soon as it executes
 * @start_s: seconds that it has for that
 * @heartbeat_ms: WATCHDOG=1 comes within this time, again and again; 0: none is expected
 * @all: any of its processes may tell, not only its first one
 * @range: what is done about its range of operation: "off", "learn", "report", "refuse"
 * @dstate_ms: a thread that sleeps so long where nothing can wake it is a fault; 0: it is not, likewise:
 * @starved_ms: one that wants to run and gets no CPU
 * @spin_ms: one that uses so much CPU time without a pause and to no effect
 * @deadlock_ms: all threads wait for each other while a processing is requested
 */
struct application_watch {
	bool ready;
	int start_s;
	int heartbeat_ms;
	bool all;
	char *range;
	int dstate_ms;
	int starved_ms;
	int spin_ms;
	int deadlock_ms;
};

/**
 * struct application - application data; every string is owned by it
 * @channel: it is asked for its processings by JSON-RPC; else what is asked for is that it runs
 * @program: path below the bundle's root, without "." and ".."
 * @arguments: ended by NULL
 * @environment: NAME=VALUE, ended by NULL
 * @memory_mib: limit of its memory
 * @files: limit of open files
 * @processes: limit of processes and threads
 * @grace_s: seconds between the end of its input, SIGTERM and SIGKILL
 * @warn_percent: of memory, files and processes, from which on an event warns; 0: none
 * @warn_cpu_s: seconds of CPU time in all, likewise
 * @standby: a second process of it waits, to take the place of one that has a fault
 * @reserve: its next process is made while this one runs, and waits before it executes
 * @exclusive: a replacement waits until the process that it replaces is gone
 */
struct application {
	char *name;
	char *version;
	char *runtime;
	bool resident;
	bool channel;
	char *program;
	char **arguments;
	char **environment;
	struct application_processing *processings;
	int n_processings;
	struct application_watch watch;
	int memory_mib;
	int files;
	int processes;
	int grace_s;
	int warn_percent;
	int warn_cpu_s;
	bool standby;
	bool reserve;
	bool exclusive;
};

/**
 * application_read - read and check an application.xml
 * @path: file name
 * @err: says file, line and what is wrong
 *
 * Return: freed with application_free(); NULL with @err set.
 */
struct application *application_read(const char *path, struct error *err);
void application_free(struct application *application);
DEFINE_CLEANUP(struct application *, application_free)
#define __cleanup_application __cleanup(application_freep)

/** application_processing - the processing called @name, or NULL */
const struct application_processing *
application_processing(const struct application *application, const char *name);

#endif /* LIB_APPLICATION_H */
