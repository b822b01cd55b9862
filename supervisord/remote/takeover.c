// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/takeover.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "supervisord/reliability/fault.h"
#include "supervisord/reliability/ranges.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/management.h"
#include "supervisord/remote/spare.h"
#include "supervisord/runtime/cgroup.h"
#include "supervisord/runtime/keeper.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/run_kept.h"
#include "supervisord/settings.h"

/* Without its pidfd, which comes with it, there is nothing that could be ended by mistake. */
void takeover_refuse(json_t *data, const int *fds, int n)
{
	const char *path = json_string_value(json_object_get(data, "cgroup"));
	struct cgroup *cgroup = path ? cgroup_adopt(path) : NULL;

	for (int i = 0; i < n; i++)
		syscall(SYS_pidfd_send_signal, fds[i], SIGKILL, NULL, 0);
	cgroup_free(cgroup);
}

static struct app *installed(struct gateway *gateway, const char *name)
{
	for (struct app *app = app_list_first(gateway); app; app = app->next)
		if (name && app->data && !strcmp(app->name, name))
			return app;
	return NULL;
}

static void process_take(struct gateway *gateway, const char *item, json_t *data, int *fds, int n)
{
	const char *name = json_string_value(json_object_get(data, "application"));
	const char *version = json_string_value(json_object_get(data, "version"));
	struct app *app = installed(gateway, name);
	bool standby = json_is_true(json_object_get(data, "standby"));
	struct error err = { 0 };

	if (!app || (standby ? !!spare_process(app) : !!app->process) || !version ||
	    strcmp(version, app->data->version))
		error_set(&err, -ENOENT, "%s %s is not what is installed here",
			  name ? name : "(nameless)", version ? version : "");
	else if (standby ? !spare_adopt(app, data, fds, n, &err) :
			   !management_adopt(app, data, fds, n, &err))
		return;
	log_warning("a process of the supervisor before is ended: %s", err.text);
	takeover_refuse(data, fds, n);
	keeper_drop(gateway->keeper, item);
}

static void item_take(void *user, const char *item, json_t *data, int *fds, int n)
{
	struct gateway *gateway = user;

	if (!strncmp(item, "process/", strlen("process/")))
		process_take(gateway, item, data, fds, n);
	else
		run_kept_take(gateway, item, data, fds, n);
}

/* Does it belong to a process that goes on? */
static bool cookie_known(const struct gateway *gateway, uint64_t cookie)
{
	for (struct app *app = app_list_first(gateway); app; app = app->next) {
		const struct process *spare = spare_process(app);

		if ((app->process && app->process->cookie == cookie) ||
		    (spare && spare->cookie == cookie))
			return true;
	}
	return false;
}

/* Of processes that have ended with or since their supervisor, such as those in reserve. */
static void sockets_sweep(const struct gateway *gateway)
{
	__cleanup_free char *path = alloc_format("%s/notify", gateway->settings->run_folder);
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (entry->d_type == DT_SOCK &&
		    !cookie_known(gateway, strtoull(entry->d_name, NULL, 16)))
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
}

void takeover_kept(struct gateway *gateway)
{
	int ret;

	if (!keeper_found(gateway->keeper))
		return;
	ret = keeper_list(gateway->keeper, item_take, gateway);
	if (ret)
		log_error("faultline-keeper: what it kept is not known: %s", strerror(-ret));
	else
		sockets_sweep(gateway);
}

void takeover_faults(struct gateway *gateway)
{
	json_t *faults = store_faults_unfinished(gateway->store), *row;
	size_t i;

	json_array_foreach(faults, i, row) {
		struct app *app = installed(gateway, json_string_value(
						json_object_get(row, "application")));

		if (!keeper_found(gateway->keeper) || !app || app->fault)
			store_fault_abandon(gateway->store,
					    json_string_value(json_object_get(row, "id")));
		else
			fault_resume(app, row);
	}
	json_decref(faults);
	store_flush(gateway->store);
}

/* A transient application whose run did not outlive the supervisor is not needed any more. */
static void idle_end(struct app *app)
{
	if (app->process && !app->fault && !app->users && !app->data->resident) {
		management_use(app);
		management_release(app);
	}
}

static void watch_again(struct app *app, struct process *process)
{
	struct gateway *gateway = app->gateway;
	struct error err = { 0 };

	if (!process || !gateway->source_ops)
		return;
	if (process_rewatch(process, app->data, gateway->source_ops, gateway->source, &err))
		log_warning("%s: %s", process->application, err.text);
	else if (process->watching.id)
		ranges_begin(app, process->watching.id);
}

void takeover_watches(struct gateway *gateway)
{
	for (struct app *app = app_list_first(gateway); app; app = app->next) {
		watch_again(app, app->process);
		watch_again(app, spare_process(app));
		idle_end(app);
	}
}
