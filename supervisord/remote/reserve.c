// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/reserve.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "supervisord/priority.h"
#include "supervisord/program.h"
#include "supervisord/reliability/ranges.h"
#include "supervisord/remote/launch.h"
#include "supervisord/runtime/child.h"
#include "supervisord/runtime/process.h"
#include "supervisord/settings.h"

/* The application itself goes first, and one that does not last as long needs none; later and later where one ends. */
#define WAIT_FIRST_S 1.0
#define WAIT_MAX_S 300.

struct reserve {
	struct app *app;
	struct child child;
	char *purpose;	/* what the child was made for; NULL: there is none */
	double wait_s;
	ev_timer make;
	ev_io end;
};

/* One line for each thing; what separates them is no part of any. */
static void text_add(FILE *purpose, const char *text)
{
	fprintf(purpose, "%zu %s\n", text ? strlen(text) : 0, text ? text : "");
}

static void texts_add(FILE *purpose, char **texts)
{
	for (; *texts; texts++)
		text_add(purpose, *texts);
	fputc('\n', purpose);
}

/* The sandbox is about files as they are, whatever their names are. */
static void file_add(FILE *purpose, const char *path)
{
	struct stat st = { 0 };

	text_add(purpose, path);
	if (path && !stat(path, &st))
		fprintf(purpose, "%llx:%llx\n", (unsigned long long)st.st_dev,
			(unsigned long long)st.st_ino);
}

/* All of a setup that goes into the child, as a text that is compared. */
static char *purpose_of(const struct process_setup *setup)
{
	const struct application *app = setup->application;
	char *text = NULL;
	size_t size;
	FILE *purpose = open_memstream(&text, &size);

	if (!purpose)
		return alloc_copy("");
	fprintf(purpose, "%u %d %d %d %d %d %d %d %d\n", setup->uid, setup->standby, app->channel,
		app->memory_mib, app->files, app->processes, app->watch.heartbeat_ms,
		app->watch.ready, app->watch.start_s);
	text_add(purpose, app->name);
	text_add(purpose, app->version);
	texts_add(purpose, setup->command);
	texts_add(purpose, app->environment);
	file_add(purpose, setup->command[0]);
	file_add(purpose, setup->folder);
	file_add(purpose, setup->state_folder);
	file_add(purpose, setup->prepared);
	file_add(purpose, "/dev/faultline");
	fclose(purpose);
	return text;
}

/* Where a whole process stands by, that one takes the place. */
static bool is_wanted(const struct app *app)
{
	const struct settings *settings = app->gateway->settings;

	return settings->reliability && settings->reserve && app->data && app->data->resident &&
	       app->data->reserve && !app->data->standby;
}

/* The child is nobody's any more, or somebody else's. */
static void child_forget(struct reserve *reserve)
{
	ev_io_stop(reserve->app->gateway->loop, &reserve->end);
	free(steal_pointer(&reserve->purpose));
}

static void child_end(struct reserve *reserve)
{
	if (!reserve->purpose)
		return;
	child_forget(reserve);
	child_abort(&reserve->child);
}

static void make_later(struct reserve *reserve)
{
	reserve->make.repeat = reserve->wait_s;
	ev_timer_again(reserve->app->gateway->loop, &reserve->make);
}

static void ended(struct ev_loop *loop, ev_io *io, int events)
{
	struct reserve *reserve = io->data;
	struct error why = { 0 };

	if (read(reserve->child.failed, &why, sizeof(why)) < (ssize_t)sizeof(why))
		error_set(&why, -ESRCH, "it has ended");
	child_end(reserve);
	reserve->wait_s = reserve->wait_s * 2 < WAIT_MAX_S ? reserve->wait_s * 2 : WAIT_MAX_S;
	log_warning("%s has no process in reserve: %.400s; the next one is made in %g s",
		    reserve->app->name, why.text, reserve->wait_s);
	make_later(reserve);
}

/* Does one wait, and is it what @setup asks for? One that is not is of no use any more. */
static bool child_fits(struct reserve *reserve, const struct process_setup *setup)
{
	__cleanup_free char *purpose = NULL;

	if (!reserve->purpose)
		return false;
	purpose = purpose_of(setup);
	if (*purpose && !strcmp(purpose, reserve->purpose))
		return true;
	child_end(reserve);
	return false;
}

/* Return: 0, or negative errno with @err set. The one that waits stays where it is what would be made. */
static int child_renew(struct reserve *reserve, struct error *err)
{
	struct gateway *gateway = reserve->app->gateway;
	__cleanup_launch struct launch launch = { 0 };
	char gate[PATH_MAX];
	int ret = launch_make(&launch, reserve->app, err);

	if (ret || child_fits(reserve, &launch.setup))
		return ret;
	ret = program_beside("faultline-gate", gate);
	if (ret)
		return error_set(err, ret, "faultline-gate: %s", strerror(-ret));
	launch.setup.gate = gate;
	ret = child_make(&reserve->child, gateway->loop, &launch.setup, err);
	if (ret)
		return ret;
	reserve->purpose = purpose_of(&launch.setup);
	ev_io_set(&reserve->end, reserve->child.pidfd, EV_READ);
	ev_io_start(gateway->loop, &reserve->end);
	log_debug("%s: process %d is in reserve", reserve->app->name, reserve->child.pid);
	return 0;
}

static void make_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct reserve *reserve = timer->data;
	struct app *app = reserve->app;
	struct error err = { 0 };

	ev_timer_stop(loop, timer);
	/* Once it is started again it is wished for again. */
	if (!is_wanted(app) || !app->process)
		return;
	if (app->state != APP_RUNNING || app->fault)
		make_later(reserve);
	else if (child_renew(reserve, &err))
		log_warning("%s has no process in reserve: %s", app->name, err.text);
}

static struct reserve *reserve_get(struct app *app)
{
	struct reserve *reserve = app->reserve;

	if (reserve)
		return reserve;
	reserve = alloc_zero(1, sizeof(*reserve));
	reserve->app = app;
	reserve->wait_s = WAIT_FIRST_S;
	ev_init(&reserve->make, make_due);
	ev_init(&reserve->end, ended);
	reserve->make.data = reserve->end.data = reserve;
	app->reserve = reserve;
	return reserve;
}

void reserve_wish(struct app *app)
{
	if (is_wanted(app))
		make_later(reserve_get(app));
}

void reserve_release(struct app *app)
{
	struct reserve *reserve = app->reserve;

	if (!reserve || !reserve->purpose)
		return;
	if (reserve->child.watch)
		ranges_begin(app, reserve->child.watch);
	priority_yield(app->gateway->loop);
	if (child_release(&reserve->child, NULL))
		child_end(reserve);
}

bool reserve_take(struct app *app, const struct process_setup *setup, struct child *child)
{
	struct reserve *reserve = app->reserve;

	if (!reserve || !child_fits(reserve, setup))
		return false;
	child_forget(reserve);
	reserve->wait_s = WAIT_FIRST_S;
	*child = reserve->child;
	return true;
}

pid_t reserve_pid(const struct app *app)
{
	return app->reserve && app->reserve->purpose ? app->reserve->child.pid : 0;
}

void reserve_drop(struct app *app)
{
	struct reserve *reserve = steal_pointer(&app->reserve);

	if (!reserve)
		return;
	ev_timer_stop(app->gateway->loop, &reserve->make);
	child_end(reserve);
	free(reserve);
}
