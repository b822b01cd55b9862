// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/application.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/log.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/download.h"
#include "supervisord/remote/preparation.h"
#include "supervisord/remote/request.h"
#include "supervisord/remote/reserve.h"
#include "supervisord/remote/signature.h"
#include "supervisord/remote/spare.h"
#include "supervisord/runtime/process.h"
#include "supervisord/settings.h"

/* Below the state folder: bundles, what applications write, bundles to go back to. */
#define BUNDLES "applications"
#define STATES "data"
#define PREVIOUS "previous"
/* A folder of this beginning is being unpacked; no application's name begins so. */
#define STAGING "." 

DEFINE_CLEANUP(DIR *, closedir)

struct application_list {
	struct app *first;
};

static const char *const state_names[] = {
	[APP_ABSENT] = "absent",
	[APP_DOWNLOADING] = "downloading",
	[APP_STANDBY] = "standby",
	[APP_STARTING] = "starting",
	[APP_RUNNING] = "running",
	[APP_RESTORING] = "restoring",
	[APP_STOPPING] = "stopping",
	[APP_HALTED] = "halted",
};

const char *app_state_name(enum app_state state)
{
	return state_names[state];
}

const char *app_version(const struct app *app)
{
	return app->data ? app->data->version : "unknown";
}

static char *path_below(const struct gateway *gateway, const char *folder, const char *name)
{
	return alloc_format("%s/%s%s%s", gateway->settings->state_folder, folder,
			    name ? "/" : "", name ? name : "");
}

char *app_folder(const struct app *app)
{
	return path_below(app->gateway, BUNDLES, app->name);
}

char *app_state_folder(const struct app *app)
{
	return path_below(app->gateway, STATES, app->name);
}

char *app_staging(const struct gateway *gateway, struct error *err)
{
	char *path = path_below(gateway, BUNDLES, STAGING "XXXXXX");

	if (mkdtemp(path) && !chmod(path, 0755))
		return path;
	error_set(err, -errno, "%s: %m", path);
	free(path);
	return NULL;
}

struct app *app_list_first(const struct gateway *gateway)
{
	return gateway->applications->first;
}

/* What a countermeasure has set before the supervisor was started anew. */
static void limits_read(struct app *app)
{
	json_t *kept = store_setting(app->gateway->store, "limits", app->name);

	app->limits.memory_mib = json_integer_value(json_object_get(kept, "memory"));
	app->limits.files = json_integer_value(json_object_get(kept, "files"));
	app->limits.processes = json_integer_value(json_object_get(kept, "processes"));
	json_decref(kept);
}

struct app *app_get(struct gateway *gateway, const char *name)
{
	struct app *app;

	for (app = gateway->applications->first; app; app = app->next)
		if (!strcmp(app->name, name))
			return app;
	app = alloc_zero(1, sizeof(*app));
	app->gateway = gateway;
	snprintf(app->name, sizeof(app->name), "%s", name);
	app->next = gateway->applications->first;
	gateway->applications->first = app;
	limits_read(app);
	return app;
}

struct app *app_by_cookie(const struct gateway *gateway, uint64_t cookie)
{
	for (struct app *app = gateway->applications->first; app; app = app->next)
		if (app->process && app->process->cookie == cookie)
			return app;
	return NULL;
}

/* Is this user id the owner of some application's state folder? */
static bool uid_taken(const struct gateway *gateway, uid_t uid)
{
	__cleanup_free char *path = path_below(gateway, STATES, NULL);
	__cleanup(closedirp) DIR *folder = opendir(path);
	struct dirent *entry;
	struct stat st;

	while (folder && (entry = readdir(folder)))
		if (!fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    st.st_uid == uid)
			return true;
	return false;
}

/*
 * The state folder belongs to the application's user: its owner is the record
 * of which user id the application has.
 */
static int user_give(struct app *app, struct error *err)
{
	__cleanup_free char *path = app_state_folder(app);
	uid_t uid = app->gateway->settings->first_uid;
	struct stat st;

	if (!lstat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid) {
		app->uid = st.st_uid;
		return 0;
	}
	while (uid_taken(app->gateway, uid))
		if (++uid == (uid_t)app->gateway->settings->first_uid + SETTINGS_UIDS)
			return error_set(err, -ENOSPC,
					 "%s: all %d user ids for applications are taken",
					 app->name, SETTINGS_UIDS);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, "%s: %m", path);
	if (chown(path, uid, uid) < 0)
		return error_set(err, -errno, "%s: %m", path);
	app->uid = uid;
	return 0;
}

static int data_read(struct app *app, const char *folder, struct error *err)
{
	__cleanup_free char *path = alloc_format("%s/" APPLICATION_FILE, folder);
	__cleanup_application struct application *data = application_read(path, err);

	if (!data)
		return -EINVAL;
	if (strcmp(data->name, app->name))
		return error_set(err, -EINVAL,
				 "the bundle of %s is of an application called %s",
				 app->name, data->name);
	application_free(app->data);
	app->data = steal_pointer(&data);
	return 0;
}

static int exchange(const char *a, const char *b)
{
	return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) ? -errno : 0;
}

/*
 * Puts what is in @staging into @folder. What was in @folder is in @staging
 * afterwards; an empty folder or none, if nothing was.
 */
static int folder_put(const char *staging, const char *folder, struct error *err)
{
	int ret = exchange(staging, folder);

	if (ret == -ENOENT)
		ret = rename(staging, folder) < 0 ? -errno : 0;
	return ret ? error_set(err, ret, "%s: %s", folder, strerror(-ret)) : 0;
}

/* The version that @staging holds now becomes the one to go back to. */
static int previous_keep(const struct app *app, const char *staging, struct error *err)
{
	__cleanup_free char *folder = path_below(app->gateway, PREVIOUS, app->name);
	__cleanup_free char *all = path_below(app->gateway, PREVIOUS, NULL);
	int ret = folder_make(all, 0711, err);

	if (!ret)
		ret = folder_put(staging, folder, err);
	return ret ? ret : folder_sync(all, err);
}

/* Out of the way by one rename, so that a power cut leaves all of it or none; 0 where it is not there. */
static int folder_discard(const struct app *app, const char *folder, struct error *err)
{
	__cleanup_free char *staging = NULL;

	if (access(folder, F_OK))
		return 0;
	staging = app_staging(app->gateway, err);
	if (!staging)
		return -EIO;
	if (rename(folder, staging) < 0)
		return error_set(err, -errno, "%s: %m", folder);
	return folder_remove(staging, err);
}

/*
 * What an exchange of folders leaves to be done. It is on disk before the exchange, so
 * that a supervisor that finds it knows by the version installed whether that came about:
 * {version, staging, before}: what was before is in the folder staging then, and is to be kept;
 * once it is, there is another version or none;
 * {version}: what was before is among those to go back to, and is to be removed.
 */
static int pending_put(const struct app *app, json_t *pending, struct error *err)
{
	struct store *store = app->gateway->store;
	int ret = store_setting_put(store, "pending", app->name, pending);

	if (!ret)
		ret = store_flush(store);
	return ret ? error_set(err, ret, "%s: the gateway's database: %s", app->name, strerror(-ret)) : 0;
}

static int pending_begin(const struct app *app, const char *version, const char *staging,
			 const char *before, struct error *err)
{
	const char *slash = staging ? strrchr(staging, '/') : NULL;
	json_t *pending = json_pack("{s:s, s:s*, s:s*}", "version", version, "staging",
				    slash ? slash + 1 : staging, "before", before);
	int ret = pending_put(app, pending, err);

	json_decref(pending);
	return ret;
}

static void pending_end(const struct app *app)
{
	json_t *none = json_object();

	pending_put(app, none, NULL);
	json_decref(none);
}

static bool version_is(const char *folder, const char *version)
{
	__cleanup_free char *path = alloc_format("%s/" APPLICATION_FILE, folder);
	__cleanup_application struct application *data = application_read(path, NULL);

	return data && version && !strcmp(data->version, version);
}

/* A power cut fell between an exchange and what belongs to it. */
static void pending_finish(struct app *app)
{
	json_t *pending = store_setting(app->gateway->store, "pending", app->name);
	const char *version = json_string_value(json_object_get(pending, "version"));
	const char *staging = json_string_value(json_object_get(pending, "staging"));
	__cleanup_free char *previous = path_below(app->gateway, PREVIOUS, app->name);
	__cleanup_free char *folder = path_below(app->gateway, BUNDLES, staging ? staging : "");
	const char *before = json_string_value(json_object_get(pending, "before"));
	bool exchanged = version && app->data && !strcmp(version, app->data->version);

	if (exchanged && staging && version_is(folder, before))
		previous_keep(app, folder, NULL);
	else if (exchanged && !staging)
		folder_discard(app, previous, NULL);
	if (version) {
		log_notice("%s: a change to version %s was cut short; %s is installed", app->name,
			   version, app_version(app));
		pending_end(app);
	}
	json_decref(pending);
}

static void halted_put(struct app *app, bool halted)
{
	/* One of the two that there are for all: not counted. */
	if (app->halted != halted)
		store_setting_put(app->gateway->store, "halted", app->name, json_boolean(halted));
	app->halted = halted;
}

void app_halt(struct app *app)
{
	app->state = APP_HALTED;
	halted_put(app, true);
}

void app_halt_end(struct app *app)
{
	halted_put(app, false);
}

static void halted_find(struct app *app)
{
	json_t *kept = store_setting(app->gateway->store, "halted", app->name);

	app->halted = json_is_true(kept);
	json_decref(kept);
	app->state = app->halted ? APP_HALTED : APP_STANDBY;
}

/* What was made of the bundle, before that goes. */
static void bundle_made_drop(struct app *app)
{
	preparation_drop(app);
	reserve_drop(app);
}

int app_install(struct app *app, const char *staging, struct error *err)
{
	__cleanup_free char *folder = app_folder(app);
	__cleanup_free char *bundles = path_below(app->gateway, BUNDLES, NULL);
	char before[VERSION_MAX_LEN + 1];
	bool other = app->data, kept;
	int ret;

	snprintf(before, sizeof(before), "%s", app_version(app));
	ret = data_read(app, staging, err);
	if (!ret)
		ret = user_give(app, err);
	kept = !ret && other && strcmp(before, app->data->version);
	if (kept)
		ret = pending_begin(app, app->data->version, staging, before, err);
	if (!ret)
		bundle_made_drop(app);
	if (!ret)
		ret = folder_put(staging, folder, err);
	if (!ret)
		ret = folder_sync(bundles, err);
	if (ret && other)
		data_read(app, folder, NULL);
	if (ret)
		return ret;
	/* Without the version before, what is new is installed none the less. */
	if (kept) {
		previous_keep(app, staging, NULL);
		pending_end(app);
	}
	app->state = APP_STANDBY;
	app_halt_end(app);
	return 0;
}

static bool previous_signed(const struct app *app, const char *previous)
{
	__cleanup_free char *path = alloc_format("%s/" APPLICATION_FILE, previous);
	__cleanup_application struct application *data = application_read(path, NULL);

	return data && signature_known(app->gateway, app->name, data->version);
}

int app_rollback(struct app *app, struct error *err)
{
	__cleanup_free char *previous = path_below(app->gateway, PREVIOUS, app->name);
	__cleanup_free char *folder = app_folder(app);
	__cleanup_free char *bundles = path_below(app->gateway, BUNDLES, NULL);
	int ret;

	if (access(previous, F_OK))
		return error_set(err, -ENOENT,
				 "no version of %s before %s is kept on this gateway", app->name,
				 app_version(app));
	if (!previous_signed(app, previous))
		return error_set(err, -EKEYREJECTED,
				 "the version of %s before %s was not signed when it was installed, and this gateway has a key",
				 app->name, app_version(app));
	ret = data_read(app, previous, err);
	if (!ret)
		ret = pending_begin(app, app->data->version, NULL, NULL, err);
	if (!ret)
		bundle_made_drop(app);
	if (!ret)
		ret = folder_put(previous, folder, err);
	if (!ret)
		ret = folder_sync(bundles, err);
	if (ret) {
		data_read(app, folder, NULL);
		return ret;
	}
	ret = folder_discard(app, previous, err);
	pending_end(app);
	return ret;
}

int app_remove(struct app *app, struct error *err)
{
	__cleanup_free char *folder = app_folder(app);
	__cleanup_free char *state = app_state_folder(app);
	__cleanup_free char *previous = path_below(app->gateway, PREVIOUS, app->name);
	int ret;

	bundle_made_drop(app);
	ret = folder_discard(app, folder, err);
	if (ret && !access(folder, F_OK))
		return ret;
	application_free(steal_pointer(&app->data));
	app->state = APP_ABSENT;
	app_halt_end(app);
	if (!ret)
		ret = folder_discard(app, previous, err);
	return ret ? ret : folder_remove(state, err);
}

static void installed_add(struct gateway *gateway, const char *name)
{
	struct error err = { 0 };
	struct app *app = app_get(gateway, name);
	__cleanup_free char *folder = app_folder(app);

	if (data_read(app, folder, &err) || user_give(app, &err)) {
		log_warning("%s; it is fetched again when it is needed", err.text);
		return;
	}
	pending_finish(app);
	if (signature_known(gateway, name, app->data->version)) {
		halted_find(app);
		return;
	}
	log_warning("%s %s was not signed when it was installed, and this gateway has a key; it is fetched again when it is needed",
		    name, app->data->version);
	application_free(steal_pointer(&app->data));
}

int app_list_open(struct gateway *gateway, struct error *err)
{
	__cleanup_free char *bundles = path_below(gateway, BUNDLES, NULL);
	__cleanup_free char *states = path_below(gateway, STATES, NULL);
	__cleanup(closedirp) DIR *folder = NULL;
	struct dirent *entry;
	int ret;

	gateway->applications = alloc_zero(1, sizeof(*gateway->applications));
	ret = folder_make(bundles, 0711, err);
	if (!ret)
		ret = folder_make(states, 0711, err);
	if (ret)
		return ret;
	/* What is installed first: it may need what else lies there. */
	folder = opendir(bundles);
	while (folder && (entry = readdir(folder)))
		if (name_valid(entry->d_name))
			installed_add(gateway, entry->d_name);
	if (folder)
		rewinddir(folder);
	while (folder && (entry = readdir(folder))) {
		__cleanup_free char *path = path_below(gateway, BUNDLES, entry->d_name);

		if (!name_valid(entry->d_name) && strcmp(entry->d_name, ".") &&
		    strcmp(entry->d_name, ".."))
			folder_remove(path, NULL);
	}
	return 0;
}

void app_list_close(struct gateway *gateway)
{
	if (!gateway->applications)
		return;
	while (gateway->applications->first) {
		struct app *app = gateway->applications->first;

		gateway->applications->first = app->next;
		requests_drop(app);
		download_drop(app);
		spare_end(app);
		reserve_drop(app);
		preparation_end(app);
		if (app->process) {
			process_kill(app->process);
			process_free(app->process);
		}
		application_free(app->data);
		free(app);
	}
	free(steal_pointer(&gateway->applications));
}
