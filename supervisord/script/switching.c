// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/switching.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/store.h"
#include "supervisord/script/event_list.h"
#include "supervisord/settings.h"

static struct event_list *list_open(const struct gateway *gateway, const char *name,
				    struct error *err)
{
	bool other = strcmp(name, SWITCHING_DEFAULT);
	__cleanup_free char *path = alloc_format("%s/events%s%s.xml",
						 gateway->settings->configuration_folder,
						 other ? "-" : "", other ? name : "");

	if (!gateway->settings->scripts) {
		error_set(err, -ENOTSUP, "this gateway runs no scripts, and has no list of events");
		return NULL;
	}
	return event_list_open(path, err);
}

int switching_open(struct gateway *gateway, struct error *err)
{
	json_t *kept = store_setting(gateway->store, "events", "list");
	const char *name = json_string_value(kept);
	struct error why = { 0 };
	struct event_list *list;

	strcpy(gateway->events_name, SWITCHING_DEFAULT);
	if (name && name_valid(name) && strcmp(name, SWITCHING_DEFAULT)) {
		list = list_open(gateway, name, &why);
		if (list) {
			event_list_put(gateway->events);
			gateway->events = list;
			snprintf(gateway->events_name, sizeof(gateway->events_name), "%s", name);
		} else {
			log_error("%s; events.xml is in force instead", why.text);
		}
	}
	json_decref(kept);
	return 0;
}

int switching_set(struct gateway *gateway, const char *name, struct error *err)
{
	struct event_list *list;
	json_t *kept;
	int ret;

	if (!name_valid(name))
		return error_set(err, -EINVAL, "\"%.64s\" is not the name of a list of events",
				 name);
	list = list_open(gateway, name, err);
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
	collection_add(gateway, &(struct event){ .part = "script", .name = "events.switched" },
		       "list of events %s is in force", name);
	return 0;
}

const char *switching_name(const struct gateway *gateway)
{
	return gateway->events_name;
}
