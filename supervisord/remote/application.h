/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The applications of this gateway (11a to 11x) and their data (322): what is
 * installed, in which state each is, and how its process is called.
 */
#ifndef SUPERVISORD_APPLICATION_H
#define SUPERVISORD_APPLICATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/application.h"
#include "lib/name.h"
#include "supervisord/gateway.h"
#include "supervisord/reliability/attempts.h"
#include "supervisord/reliability/holding.h"

struct download;
struct fault;
struct preparation;
struct process;
struct request;
struct reserve;
struct spare;

/**
 * enum app_state - where an application is in its life
 * @APP_ABSENT: not on this gateway
 * @APP_DOWNLOADING: on its way from the center
 * @APP_STANDBY: installed, waits until a processing is requested (S2)
 * @APP_STARTING: its process runs, and has not said yet that it is ready
 * @APP_RUNNING: its process runs
 * @APP_RESTORING: its process had a fault; a countermeasure is awaited or under way
 * @APP_STOPPING: its process has been asked to end
 * @APP_HALTED: a fault was not restored; it starts again when it is requested
 */
enum app_state {
	APP_ABSENT,
	APP_DOWNLOADING,
	APP_STANDBY,
	APP_STARTING,
	APP_RUNNING,
	APP_RESTORING,
	APP_STOPPING,
	APP_HALTED,
};

/** struct app_limits - limits in place of those of the application data; 0: those */
struct app_limits {
	int memory_mib;
	int files;
	int processes;
};

/**
 * struct app - an application of this gateway
 * @data: what application.xml says; NULL while it is absent
 * @process: NULL while none runs
 * @spare: waits to take its place, or NULL
 * @reserve: its next process, which has not executed; or NULL
 * @preparation: while something is made for its next start, or NULL
 * @unprepared: nothing more is to be made for it
 * @uid: its user; owner of its state folder
 * @download: while it is on its way from the center, else NULL
 * @users: runs that need it
 * @requests: requests to start that wait for it
 * @unready: its last process had a fault before it was ready
 * @fault: the fault that is being handled, or NULL
 * @halted: app_halt() is kept in the database
 * @restarts: since the supervisor started
 * @attempts: what was done about its faults lately
 * @limits: set by a countermeasure
 * @holding: of its faults
 * @range: what was chosen for its range of operation, once it is known; negative: nothing
 */
struct app {
	struct app *next;
	struct gateway *gateway;
	char name[NAME_MAX_LEN + 1];
	enum app_state state;
	struct application *data;
	struct process *process;
	struct spare *spare;
	struct reserve *reserve;
	struct preparation *preparation;
	bool unprepared;
	uid_t uid;
	struct download *download;
	int users;
	struct request *requests;
	bool unready;
	struct fault *fault;
	bool halted;
	unsigned int restarts;
	struct attempts attempts;
	struct app_limits limits;
	struct holding holding;
	struct {
		bool known;
		int chosen;
	} range;
};

/** app_list_open - find what is installed; what was half-installed is removed */
int app_list_open(struct gateway *gateway, struct error *err);
/** app_list_close - kill what runs and forget all */
void app_list_close(struct gateway *gateway);
struct app *app_list_first(const struct gateway *gateway);

/** app_get - the application called @name, created absent when there is none */
struct app *app_get(struct gateway *gateway, const char *name);
/** app_by_cookie - the application whose process has this watch, or NULL */
struct app *app_by_cookie(const struct gateway *gateway, uint64_t cookie);

const char *app_state_name(enum app_state state);
/** app_version - its version, or "unknown" while it is absent */
const char *app_version(const struct app *app);

/* Paths; to be freed. */
char *app_folder(const struct app *app);
char *app_state_folder(const struct app *app);
/** app_staging - a new empty folder to unpack a bundle in; to be freed; NULL with @err set */
char *app_staging(const struct gateway *gateway, struct error *err);

/**
 * app_install - make what was unpacked in @staging the application
 *
 * Checks its application data against the name, gives it a user and a state
 * folder, and puts it in place by one rename. Another version that was there
 * before is kept for app_rollback(), until it is deleted or a third one comes.
 */
int app_install(struct app *app, const char *staging, struct error *err);

/**
 * app_rollback - put the version that was installed before in place, by one rename
 *
 * What it takes the place of is deleted. The state folder stays as it is.
 *
 * Return: 0; -ENOENT when none is kept, or another negative errno, with @err set.
 */
int app_rollback(struct app *app, struct error *err);

/** app_halt - it is @APP_HALTED, for a supervisor that starts anew too */
void app_halt(struct app *app);
/** app_halt_end - it runs again, or is another one: that it was halted is forgotten */
void app_halt_end(struct app *app);

/** app_remove - delete it from the gateway (S19); its state folder goes too */
int app_remove(struct app *app, struct error *err);

#endif /* SUPERVISORD_APPLICATION_H */
