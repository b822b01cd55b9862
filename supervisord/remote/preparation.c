// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/preparation.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/remote/reserve.h"
#include "supervisord/runtime/process.h"
#include "supervisord/runtime/runtimes.h"
#include "supervisord/settings.h"

#define FOLDER "prepared"	/* below the state folder */
#define MADE "made"		/* in the folder that it is made in */
#define PRIORITY 10

/* A process that had a fault so soon after its start may have had it because of the file. */
#define SUSPECT_S 10

struct preparation {
	struct app *app;
	struct process *process;
	struct runtimes_prepare how;
	uint64_t begun_ns;
	ev_timer timeout;
};

static char *path_of(const struct app *app, const char *before)
{
	return alloc_format("%s/" FOLDER "/%s%s", app->gateway->settings->state_folder, before, app->name);
}

/* No application's name begins so. */
static char *work_folder(const struct app *app)
{
	return path_of(app, ".");
}

/* Of this version and this runtime: when the runtime is exchanged, the file has another name. */
static char *prepared_path(const struct app *app, const char *program)
{
	__cleanup_free char *folder = path_of(app, "");
	char real[PATH_MAX];
	struct stat st;

	if (!realpath(program, real) || stat(real, &st) < 0)
		return NULL;
	return alloc_format("%s/%s-%" PRIx64 "-%" PRIx64, folder, app->data->version,
			    (uint64_t)st.st_mtime, (uint64_t)st.st_size);
}

/* How it is prepared, into @made; NULL where it is not. @path is where what comes of it belongs. */
static char **prepare_command(const struct app *app, const char *made, struct runtimes_prepare *how,
			      char **path)
{
	__cleanup_free char *folder = app_folder(app);
	char **command;

	if (!app->data->resident)
		return NULL;	/* it would be deleted before it is of use */
	command = runtimes_prepare(app->gateway->runtimes, app->data, folder, made, how);
	*path = command ? prepared_path(app, command[0]) : NULL;
	if (command && *path)
		return command;
	runtimes_command_free(command);
	return NULL;
}

char *preparation_find(const struct app *app)
{
	__cleanup_free char *path = NULL;
	struct runtimes_prepare how;
	char **command = prepare_command(app, "", &how, &path);

	if (!command)
		return NULL;
	runtimes_command_free(command);
	return access(path, R_OK) ? NULL : steal_pointer(&path);
}

void preparation_end(struct app *app)
{
	struct preparation *preparation = steal_pointer(&app->preparation);
	__cleanup_free char *work = work_folder(app);

	if (!preparation)
		return;
	ev_timer_stop(app->gateway->loop, &preparation->timeout);
	if (preparation->process) {
		preparation->process->handler = NULL;
		process_kill(preparation->process);
		process_free(preparation->process);
	}
	folder_remove(work, NULL);
	free(preparation);
}

void preparation_drop(struct app *app)
{
	__cleanup_free char *folder = path_of(app, "");
	struct error err = { 0 };

	preparation_end(app);
	app->unprepared = false;
	if (folder_remove(folder, &err))
		log_warning("%s", err.text);
}

void preparation_distrust(struct app *app)
{
	const struct process *process = app->process;
	__cleanup_free char *path = NULL;

	if (!process->prepared || clock_now() - process->started_ns > SUSPECT_S * 1000000000ULL)
		return;
	path = preparation_find(app);
	if (!path)
		return;
	app->unprepared = true;
	if (!unlink(path))
		log_notice("%s: a fault soon after its start: what was prepared for it is deleted", app->name);
}

/* What the application's code has left: a file of its own, or whatever else it has put there. */
static char *made_read(const struct preparation *preparation, size_t *size, struct error *err)
{
	__cleanup_free char *work = work_folder(preparation->app);
	__cleanup_free char *made = alloc_format("%s/" MADE, work);
	__cleanup_close int fd = open(made, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		error_set(err, -errno, "%s: %m", made);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != preparation->app->uid || st.st_nlink != 1) {
		error_set(err, -EINVAL, "%s: it is not a file of the application's", made);
		return NULL;
	}
	return fd_read(fd, made, (size_t)preparation->how.size_mib << 20, size, err);
}

static int made_take(const struct preparation *preparation, size_t *size, struct error *err)
{
	struct app *app = preparation->app;
	__cleanup_free char *folder = path_of(app, "");
	__cleanup_free char *data = made_read(preparation, size, err);
	__cleanup_free char *path = NULL;
	struct runtimes_prepare how;
	char **command;

	if (!data)
		return err->code;
	command = prepare_command(app, "", &how, &path);
	if (!command)
		return error_set(err, -ENOENT, "%s: its runtime is gone", app->name);
	runtimes_command_free(command);
	/* Those of runtimes before. */
	if (folder_remove(folder, err) || folder_make(folder, 0711, err))
		return err->code;
	return file_write(path, data, *size, 0644, err);
}

static void prepared(struct preparation *preparation, struct error *err)
{
	struct app *app = preparation->app;
	double ms = (clock_now() - preparation->begun_ns) / 1e6;
	size_t size = 0;

	if (!err->code)
		made_take(preparation, &size, err);
	if (err->code)
		collection_add(app->gateway, &(struct event){
			.part = "runtime", .name = "application.not-prepared", .application = app->name },
			"%s cannot be prepared, and starts without: %s", app->name, err->text);
	else
		collection_add(app->gateway, &(struct event){
			.part = "runtime", .name = "application.prepared", .application = app->name,
			.data = json_pack("{s:s, s:I, s:f}", "version", app->data->version, "size",
					  (json_int_t)size, "ms", ms) },
			"%s %s is prepared for its next start: %zu bytes in %.0f ms", app->name,
			app->data->version, size, ms);
	preparation_end(app);
	/* One that waits already was made without. */
	reserve_wish(app);
}

static void ended(void *user, int status)
{
	struct preparation *preparation = user;
	struct error err = { 0 };

	process_free(steal_pointer(&preparation->process));
	if (status)
		error_set(&err, -EIO, "it ended with wait status %#x; its log says why", status);
	prepared(preparation, &err);
}

static void overdue(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct preparation *preparation = timer->data;
	struct error err = { 0 };

	error_set(&err, -ETIMEDOUT, "not within %d s", preparation->how.timeout_s);
	prepared(preparation, &err);
}

/* However it has answered: what it needs for that is loaded. */
static void answered(void *user, int code, json_t *result, json_t *error)
{
	struct process *process = user;

	if (process->handler && !process->stopping && code != -EPIPE)
		process_stop(process);
}

static void told_event(void *user, const char *method, json_t *params)
{
}

static void told(void *user)
{
}

static void told_no_heartbeat(void *user, int interval_ms)
{
}

static const struct process_handler handler = {
	.event = told_event,
	.ready = told,
	.start_overdue = told,
	.heartbeat_missed = told_no_heartbeat,
	.exited = ended,
};

/* An empty folder that is the application's. */
static int work_make(const struct app *app, const char *work, struct error *err)
{
	__cleanup_free char *all = alloc_format("%s/" FOLDER, app->gateway->settings->state_folder);
	int ret = folder_make(all, 0711, err);

	if (!ret)
		ret = folder_remove(work, err);
	if (!ret && (mkdir(work, 0700) < 0 || chown(work, app->uid, app->uid) < 0))
		ret = error_set(err, -errno, "%s: %m", work);
	return ret;
}

static int preparation_start(struct preparation *preparation, char **command, struct error *err)
{
	struct app *app = preparation->app;
	struct gateway *gateway = app->gateway;
	__cleanup_free char *folder = app_folder(app);
	__cleanup_free char *work = work_folder(app);
	__cleanup_free char *notify_folder = alloc_format("%s/notify", gateway->settings->run_folder);
	struct application data = *app->data;
	struct process_setup setup = {
		.application = &data,
		.command = command,
		.folder = folder,
		.state_folder = work,
		.notify_folder = notify_folder,
		.uid = app->uid,
		.isolation = gateway->isolation,
		.logs = gateway->logs,
		.standby = true,
		.handler = &handler,
		.user = preparation,
	};
	int ret = work_make(app, work, err);

	data.watch = (struct application_watch){ .range = data.watch.range };
	data.grace_s = preparation->how.timeout_s;
	/* Where they are counted for the user, the application's own are among them. */
	data.processes *= 2;
	if (!ret)
		ret = process_start(&preparation->process, gateway->loop, &setup, err);
	if (ret)
		return ret;
	setpriority(PRIO_PROCESS, preparation->process->pid, PRIORITY);
	if (!preparation->process->channel ||
	    jsonrpc_call(preparation->process->channel, "prepare", NULL, preparation->how.timeout_s,
			 answered, preparation->process))
		process_stop(preparation->process);
	return 0;
}

void preparation_wish(struct app *app)
{
	__cleanup_free char *work = work_folder(app);
	__cleanup_free char *made = alloc_format("%s/" MADE, work);
	__cleanup_free char *path = NULL;
	struct runtimes_prepare how;
	struct preparation *preparation;
	struct error err = { 0 };
	char **command;

	if (app->preparation || app->unprepared)
		return;
	command = prepare_command(app, made, &how, &path);
	if (command && access(path, F_OK)) {
		/* Once: what did not work does not work better a second time. */
		app->unprepared = true;
		preparation = alloc_zero(1, sizeof(*preparation));
		preparation->app = app;
		preparation->how = how;
		preparation->begun_ns = clock_now();
		ev_timer_init(&preparation->timeout, overdue, how.timeout_s, 0.);
		preparation->timeout.data = preparation;
		ev_timer_start(app->gateway->loop, &preparation->timeout);
		app->preparation = preparation;
		if (preparation_start(preparation, command, &err))
			prepared(preparation, &err);
	}
	runtimes_command_free(command);
}
