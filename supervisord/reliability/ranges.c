// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/ranges.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bpf/range.h"
#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/range.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/pins.h"
#include "supervisord/reliability/source.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/spare.h"
#include "supervisord/runtime/process.h"
#include "supervisord/settings.h"

static const char *const modes[] = {
	[RANGE_OFF] = "off", [RANGE_LEARN] = "learn", [RANGE_REPORT] = "report", [RANGE_REFUSE] = "refuse",
};

static int mode_of(const char *name)
{
	for (int mode = RANGE_OFF; mode <= RANGE_REFUSE; mode++)
		if (name && !strcmp(modes[mode], name))
			return mode;
	return -EINVAL;
}

/* As it was chosen, or else as the application data has it. The database is asked once: a start is not to wait for it. */
static int mode_kept(struct app *app)
{
	int mode;

	if (!app->range.known) {
		json_t *kept = store_setting(app->gateway->store, "range", app->name);

		app->range.chosen = mode_of(json_string_value(kept));
		app->range.known = true;
		json_decref(kept);
	}
	mode = app->range.chosen;
	if (mode < 0 && app->data)
		mode = mode_of(app->data->watch.range);
	return mode < 0 ? RANGE_OFF : mode;
}

/* The same in every supervisor, so that one that comes later finds it in the kernel. */
static uint32_t set_of(const struct app *app)
{
	return (pins_hash(app->name, strlen(app->name)) & ~RANGE_SET_UNIX) | 1;
}

static char *file_of(const struct app *app)
{
	return alloc_format("%s/ranges/%s.xml", app->gateway->settings->state_folder, app->name);
}

/* What was learnt of it; NULL with @err set, -ENOENT where nothing was. */
static struct range *rules_read(const struct app *app, struct error *err)
{
	__cleanup_free char *path = file_of(app);

	if (access(path, F_OK)) {
		error_set(err, -ENOENT,
			  "%s: no range was learnt: \"faultctl range learn %s\", then let it do all that it is to do",
			  app->name, app->name);
		return NULL;
	}
	return range_read(path, err);
}

static int possible(const struct gateway *gateway, struct error *err)
{
	if (!gateway->source_ops)
		return error_set(err, -EOPNOTSUPP, "ranges need a source of kernel events; the settings name none");
	return gateway->source_ops->range_possible(gateway->source, err);
}

static int range_put(struct app *app, uint32_t watch, int mode, const struct range *rules,
		     struct error *err)
{
	__cleanup_free char *bundle = app_folder(app);
	__cleanup_free char *state = app_state_folder(app);
	const struct range_places places = { .state = state, .bundle = bundle };
	const struct source_range range = {
		.mode = mode, .set = set_of(app), .rules = rules, .places = &places,
	};

	return app->gateway->source_ops->range(app->gateway->source, watch, &range, err);
}

void ranges_begin(struct app *app, uint32_t watch)
{
	__cleanup_range struct range *rules = NULL;
	struct error err = { 0 };
	int mode = mode_kept(app);

	if (mode == RANGE_OFF)
		return;
	if (mode != RANGE_LEARN)
		rules = rules_read(app, &err);
	if ((mode != RANGE_LEARN && !rules) || possible(app->gateway, &err) ||
	    range_put(app, watch, mode, rules, &err))
		log_warning("%s: its range is not guarded: %s", app->name, err.text);
}

/* Learning ends: what was seen becomes the range. */
static int learnt_store(struct app *app, struct error *err)
{
	__cleanup_range struct range *learnt = range_new(app->name, app_version(app));
	__cleanup_free char *folder = alloc_format("%s/ranges", app->gateway->settings->state_folder);
	__cleanup_free char *path = file_of(app);
	__cleanup_free char *bundle = app_folder(app);
	__cleanup_free char *state = app_state_folder(app);
	int ret;

	app->gateway->source_ops->learnt(app->gateway->source, set_of(app), true, learnt);
	if (!learnt->count)
		return error_set(err, -ENOENT, "%s: nothing was learnt: it has not run since", app->name);
	range_generalise(learnt, &(struct range_places){ .state = state, .bundle = bundle });
	ret = folder_make(folder, 0700, err);
	file_settle(path);
	return ret ? ret : range_write(learnt, path, err);
}

static int mode_keep(struct app *app, int mode, struct error *err)
{
	json_t *kept = json_string(modes[mode]);
	int ret = store_setting_put(app->gateway->store, "range", app->name, kept);

	app->range.known = false;
	json_decref(kept);
	if (!ret)
		ret = store_flush(app->gateway->store);
	return ret ? error_set(err, ret, "%s: the choice cannot be kept: %s", app->name, strerror(-ret)) : 0;
}

int ranges_change(struct app *app, const char *name, struct error *err)
{
	__cleanup_range struct range *rules = NULL;
	int mode = mode_of(name), before = mode_kept(app);
	const struct process *processes[] = { app->process, spare_process(app) };
	int ret;

	if (mode < 0)
		return error_set(err, -EINVAL, "\"%.32s\" is none of learn, off, report and refuse", name ? name : "");
	ret = mode == RANGE_OFF ? 0 : possible(app->gateway, err);
	if (!ret && before == RANGE_LEARN && mode != RANGE_LEARN && !possible(app->gateway, err)) {
		ret = learnt_store(app, err);
		/* Off is off, whether it has run or not. */
		if (ret == -ENOENT && mode == RANGE_OFF)
			ret = 0;
	}
	if (!ret && mode > RANGE_LEARN) {
		rules = rules_read(app, err);
		ret = rules ? 0 : err->code;
	}
	if (!ret && app->gateway->source_ops) {
		if (mode == RANGE_LEARN && before != RANGE_LEARN) {
			struct range *forgotten = range_new("", "");

			app->gateway->source_ops->learnt(app->gateway->source, set_of(app), true, forgotten);
			range_free(forgotten);
		}
		for (int i = 0; i < 2 && !ret; i++)
			if (processes[i] && processes[i]->watched && processes[i]->watching.id)
				ret = range_put(app, processes[i]->watching.id, mode, rules, err);
	}
	if (!ret)
		ret = mode_keep(app, mode, err);
	if (!ret)
		collection_add(app->gateway, &(struct event){
			.part = "fault", .name = "range.changed", .application = app->name },
			"the range of %s: %s", app->name, modes[mode]);
	return ret;
}

static json_t *entry_describe(const struct range_entry *entry)
{
	static const uint8_t any[16];
	char text[64], number[12];

	switch (entry->type) {
	case RANGE_FILE:
	case RANGE_FOLDER:
		return json_pack("{s:s, s:s, s:s}", "type", entry->type == RANGE_FILE ? "file" : "folder", "name",
				 entry->name, "access", range_access_name(entry->access, text));
	case RANGE_FAMILY:
		return json_pack("{s:s, s:s}", "type", "family", "name", range_family_name(entry->number, number));
	case RANGE_CAPABILITY:
		return json_pack("{s:s, s:s}", "type", "capability", "name",
				 range_capability_name(entry->number, number));
	case RANGE_LOCAL:
		return json_pack("{s:s, s:s, s:s}", "type", "local", "name", entry->name, "access", "connect");
	case RANGE_ADDRESS:
		if (!memcmp(entry->address, any, sizeof(any)) ||
		    !inet_ntop(entry->family, entry->address, text, sizeof(text)))
			strcpy(text, "any");
		return json_pack("{s:s, s:s, s:s, s:i}", "type", "address", "name", text, "access",
				 entry->bind ? "bind" : "connect", "port", entry->port);
	}
	return NULL;
}

json_t *ranges_possible(const struct gateway *gateway)
{
	struct error err = { 0 };
	bool can = !possible(gateway, &err);

	return json_pack("{s:b, s:s*}", "possible", can, "why", can ? NULL : err.text);
}

json_t *ranges_describe(struct app *app)
{
	__cleanup_range struct range *rules = NULL;
	struct error err = { 0 }, unread = { 0 };
	int mode = mode_kept(app);
	bool can = !possible(app->gateway, &err);
	json_t *entries = json_array();

	if (mode == RANGE_LEARN && can) {
		rules = range_new(app->name, app_version(app));
		app->gateway->source_ops->learnt(app->gateway->source, set_of(app), false, rules);
	} else {
		rules = rules_read(app, &unread);
	}
	for (size_t i = 0; rules && i < rules->count; i++) {
		json_t *entry = entry_describe(&rules->entries[i]);

		/* A name that is no UTF-8 has no form in JSON. */
		if (entry)
			json_array_append_new(entries, entry);
	}
	return json_pack("{s:s, s:s, s:b, s:s*, s:b, s:o}", "application", app->name, "mode", modes[mode],
			 "possible", can, "why", can ? NULL : err.text, "complete",
			 rules && !rules->incomplete, "entries", entries);
}
