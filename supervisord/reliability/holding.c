// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/holding.h"

#include <errno.h>
#include <string.h>

#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/detector.h"
#include "supervisord/reliability/source.h"
#include "supervisord/remote/application.h"
#include "supervisord/runtime/process.h"

static int change(const struct app *app, uint32_t watch)
{
	const struct gateway *gateway = app->gateway;
	struct source_settings settings = {};

	source_settings_give(&settings, FAULTLINE_WATCH_A_HOLD_MS, app->holding.seconds * 1000ULL);
	return gateway->source_ops->change(gateway->source, watch, &settings);
}

/* The probes see a fault, and cannot make its thread wait. */
static bool source_holds(const struct gateway *gateway)
{
	return gateway->source_ops == &source_module && gateway->source;
}

int holding_set(struct app *app, unsigned int seconds, bool once, struct error *err)
{
	const struct process *process = app->process;
	int ret = 0;

	if (!source_holds(app->gateway))
		return error_set(err, -EOPNOTSUPP,
				 "faults cannot be held here: that needs the kernel module");
	app->holding.seconds = seconds;
	app->holding.once = once;
	if (process && process->watching.id && !process->gone)
		ret = change(app, process->watching.id);
	/* It has just ended: the next one has it. */
	if (ret && ret != -ENOENT)
		return error_set(err, ret, "the kernel module refuses to hold: %s", strerror(-ret));
	return 0;
}

void holding_apply(struct app *app, const struct process *process)
{
	int ret;

	if (!app->holding.seconds || !process->watching.id || !source_holds(app->gateway))
		return;
	ret = change(app, process->watching.id);
	if (ret)
		log_warning("%s: its faults are not held: %s", app->name, strerror(-ret));
}

int holding_release(struct app *app, struct error *err)
{
	struct gateway *gateway = app->gateway;
	int ret;

	if (!app->holding.held || !app->process || !source_holds(gateway))
		return error_set(err, -ENOENT, "no fault of %s is held", app->name);
	ret = gateway->source_ops->release(gateway->source, app->process->watching.id);
	if (ret)
		return error_set(err, ret, "the kernel module does not let it go on: %s",
				 strerror(-ret));
	return 0;
}

void holding_record(struct app *app, const struct faultline_record *record)
{
	char name[16];

	if (record->type == FAULTLINE_RECORD_FATAL ||
	    (record->type == FAULTLINE_RECORD_EXIT && record->flags & FAULTLINE_F_MAIN))
		app->holding.held = false;
	if (record->type != FAULTLINE_RECORD_HELD)
		return;
	app->holding.held = true;
	app->holding.pid = record->tgid;
	app->holding.tid = record->tid;
	app->holding.signo = record->signo;
	app->holding.until_ns = record->time_ns + app->holding.seconds * 1000000000ULL;
	collection_add(app->gateway, &(struct event){
		.part = "kernel", .name = "process.held", .application = app->name,
		.time_ns = record->time_ns,
		.data = json_pack("{s:i, s:i, s:i}", "pid", record->tgid, "tid", record->tid,
				  "seconds", app->holding.seconds) },
		"%s in process %d (%.16s) is held for %u s: gdb -p %d; faultctl release %s",
		detector_signal_name(record->signo, name), record->tgid, record->comm,
		app->holding.seconds, record->tgid, app->name);
	if (app->holding.once)
		holding_set(app, 0, false, NULL);
}

static void add_held(json_t *row, const struct holding *holding)
{
	int64_t left_ns = (int64_t)(holding->until_ns - clock_now());
	char name[16];

	json_object_set_new(row, "pid", json_integer(holding->pid));
	json_object_set_new(row, "tid", json_integer(holding->tid));
	json_object_set_new(row, "signal", json_string(detector_signal_name(holding->signo, name)));
	json_object_set_new(row, "left_s", json_integer(left_ns > 0 ? left_ns / 1000000000 : 0));
}

json_t *holding_list(const struct gateway *gateway)
{
	json_t *list = json_array();

	for (const struct app *app = app_list_first(gateway); app; app = app->next) {
		json_t *row;

		if (!app->holding.held && !app->holding.seconds)
			continue;
		row = json_pack("{s:s, s:b}", "application", app->name, "held", app->holding.held);
		if (app->holding.held)
			add_held(row, &app->holding);
		if (app->holding.seconds)
			json_object_set_new(row, "seconds", json_integer(app->holding.seconds));
		json_array_append_new(list, row);
	}
	return list;
}
