// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/switching.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/application.h"
#include "supervisord/script/event_list.h"
#include "supervisord/script/last_good.h"
#include "supervisord/settings.h"

static char *list_path(const struct gateway *gateway, const char *name)
{
	bool other = strcmp(name, SWITCHING_DEFAULT);

	return alloc_format("%s/events%s%s.xml", gateway->settings->configuration_folder,
			    other ? "-" : "", other ? name : "");
}

struct event_list *switching_list_open(const struct gateway *gateway, const char *path, struct error *err)
{
	__cleanup_free char *copy = last_good_path(gateway, path);
	struct error why = { 0 };
	struct stat file = { 0 };
	struct event_list *list;

	stat(path, &file);
	list = event_list_open(path, &why);
	if (!list)
		list = event_list_open_copy(path, copy, why.text, &file, NULL);
	if (!list)
		error_at(err, why.code, why.line, why.column, "%s", why.text);
	return list;
}

static void list_refuse(struct gateway *gateway, const char *why)
{
	log_error("%s; the list before it stays in force", why);
	collection_add(gateway, &(struct event){
		.part = "script", .name = "events.refused" },
		"%s; the list before it stays in force", why);
}

/* Tells of a list that is refused; one that is good is there for the next start. */
static void list_settle(struct gateway *gateway)
{
	const char *refused = event_list_refused(gateway->events);
	const struct stat *read;
	const char *path = event_list_file(gateway->events, &read);

	if (refused)
		list_refuse(gateway, refused);
	else
		last_good_keep(gateway, path, read);
}

struct event_list *switching_current(struct gateway *gateway)
{
	const struct event_list *before = gateway->events;
	struct error refused = { 0 };
	struct event_list *list = event_list_current(&gateway->events, &refused);

	if (refused.code || list != before)
		list_settle(gateway);
	return list;
}

const char *switching_refused(const struct gateway *gateway)
{
	return gateway->events ? event_list_refused(gateway->events) : NULL;
}

int switching_open(struct gateway *gateway, struct error *err)
{
	json_t *kept = store_setting(gateway->store, "events", "list");
	const char *name = json_string_value(kept);
	struct error why = { 0 };
	struct event_list *list;

	strcpy(gateway->events_name, SWITCHING_DEFAULT);
	if (gateway->events && name && name_valid(name) && strcmp(name, SWITCHING_DEFAULT)) {
		__cleanup_free char *path = list_path(gateway, name);

		/* One that was taken away is not wanted any more. */
		list = access(path, F_OK) ? event_list_open(path, &why) :
					    switching_list_open(gateway, path, &why);
		if (list) {
			event_list_put(gateway->events);
			gateway->events = list;
			snprintf(gateway->events_name, sizeof(gateway->events_name), "%s", name);
		} else {
			log_error("%s; events.xml is in force instead", why.text);
		}
	}
	json_decref(kept);
	if (gateway->events)
		list_settle(gateway);
	return 0;
}

int switching_set(struct gateway *gateway, const char *name, struct error *err)
{
	__cleanup_free char *path = NULL;
	struct event_list *list;
	json_t *kept;
	int ret;

	if (!name_valid(name))
		return error_set(err, -EINVAL, "\"%.64s\" is not the name of a list of events",
				 name);
	if (!gateway->settings->scripts)
		return error_set(err, -ENOTSUP,
				 "this gateway runs no scripts, and has no list of events");
	path = list_path(gateway, name);
	list = event_list_open(path, err);
	if (!list)
		return err->code;
	kept = json_string(name);
	ret = store_setting_put(gateway->store, "events", "list", kept);
	json_decref(kept);
	if (!ret)
		ret = store_flush(gateway->store);
	if (ret) {
		event_list_put(list);
		return error_set(err, ret, "the change to list of events %s cannot be kept: %s",
				 name, strerror(-ret));
	}
	event_list_put(gateway->events);
	gateway->events = list;
	snprintf(gateway->events_name, sizeof(gateway->events_name), "%s", name);
	list_settle(gateway);
	collection_add(gateway, &(struct event){ .part = "script", .name = "events.switched" },
		       "list of events %s is in force", name);
	return 0;
}

/* What is not installed is checked when a script needs it. */
static int processings_check(const struct gateway *gateway, const struct event_list *list,
			     size_t *n, struct error *err)
{
	const struct event_list_entry *entry;

	for (*n = 0; (entry = event_list_entry(list, *n)); (*n)++)
		for (const struct app *app = app_list_first(gateway); app; app = app->next)
			if (entry->application && app->data && !strcmp(app->name, entry->application) &&
			    !application_processing(app->data, entry->processing))
				return error_set(err, -ENOENT,
						 "event %s needs processing %s, which %s %s does not have",
						 entry->event, entry->processing, app->name,
						 app->data->version);
	return 0;
}

/* Errors name the file that was given, not the place where it is looked at. */
static int list_check(const struct gateway *gateway, const char *path, const char *name, size_t *n,
		      struct error *err)
{
	struct error why = { 0 };
	struct event_list *list = event_list_open(path, &why);
	int ret = list ? processings_check(gateway, list, n, &why) : why.code;
	const char *text = why.text;

	event_list_put(list);
	if (!ret)
		return 0;
	if (!strncmp(text, path, strlen(path)))
		return error_at(err, ret, why.line, why.column, "%s%s", name, text + strlen(path));
	return error_set(err, ret, "%s: %s", name, text);
}

int switching_exchange(struct gateway *gateway, const char *name, const char *text, size_t *n,
		       struct error *err)
{
	const char *folder = gateway->settings->configuration_folder;
	__cleanup_free char *path = alloc_format("%s/events.xml", folder);
	__cleanup_free char *trial = alloc_format("%s/events.xml.new",
						  gateway->settings->run_folder);
	int ret = file_write(trial, text, strlen(text), 0644, err);

	if (!ret)
		ret = list_check(gateway, trial, name, n, err);
	unlink(trial);
	if (!ret)
		ret = file_write(path, text, strlen(text), 0644, err);
	if (ret)
		return ret;
	event_list_put(switching_current(gateway));
	collection_add(gateway, &(struct event){ .part = "script", .name = "events.exchanged" },
		       "%s is the list of events now: %zu event%s", name, *n, text_s(*n));
	return 0;
}

const char *switching_name(const struct gateway *gateway)
{
	return gateway->events_name;
}
