// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/fault_data.h"

#include <sys/utsname.h>

#include "supervisord/reliability/fault_record.h"
#include "supervisord/runtime/isolation.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/run.h"
#include "supervisord/settings.h"

/* Of the last EVENTS_KEPT events the newest EVENTS_WHOLE come with their data. */
#define EVENTS_KEPT 200
#define EVENTS_WHOLE 20

/* In the order in which they are given up when all is too long. */
static const char *const heavy[] = {
	"report", "script", "fpregs", "threads", "maps", "stack", "registers",
};

static json_t *gateway_describe(const struct gateway *gateway)
{
	struct utsname name;

	uname(&name);
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", gateway->settings->name,
			 "version", FAULTLINE_VERSION, "kernel", name.release,
			 "machine", name.machine, "source",
			 gateway->source_ops ? gateway->source_ops->name : "none");
}

static json_t *events(struct store *store, const char *application)
{
	json_t *all = store_events(store, &(struct store_filter){
		.application = application, .bare = true, .limit = EVENTS_KEPT });
	json_t *whole = store_events(store, &(struct store_filter){
		.application = application, .limit = EVENTS_WHOLE });
	json_t *row;
	size_t i;

	json_array_foreach(whole, i, row)
		json_array_set(all, i, row);
	json_decref(whole);
	return all;
}

/* Drops the older half of events and log first, then what is heavy, and says so. */
void fault_data_bound(json_t *data)
{
	json_t *events = json_object_get(data, "events"), *log = json_object_get(data, "log");
	size_t i = 0;

	while (json_dumpb(data, NULL, 0, JSON_COMPACT | JSON_REAL_PRECISION(15)) > FAULT_DATA_MAX) {
		json_object_set_new(data, "cut", json_true());
		if (json_array_size(events)) {
			for (size_t n = json_array_size(events) / 2; json_array_size(events) > n;)
				json_array_remove(events, json_array_size(events) - 1);
		} else if (json_array_size(log)) {
			for (size_t n = json_array_size(log) / 2; json_array_size(log) > n;)
				json_array_remove(log, 0);
		} else if (i < sizeof(heavy) / sizeof(*heavy)) {
			json_object_del(data, heavy[i++]);
		} else {
			return;
		}
	}
}

json_t *fault_data_gateway(struct gateway *gateway)
{
	return json_pack("{s:o, s:o}", "gateway", gateway_describe(gateway), "events",
			 events(gateway->store, NULL));
}

json_t *fault_data_collect(struct app *app, const struct fault_evidence *evidence)
{
	struct gateway *gateway = app->gateway;
	json_t *data = json_object();

	if (evidence->record)
		fault_record_add(data, evidence->record, evidence->capture);
	if (evidence->report)
		json_object_set(data, "report", evidence->report);
	if (evidence->log)
		json_object_set(data, "log", evidence->log);
	json_object_set_new(data, "script", run_describe(gateway, app));
	json_object_set_new(data, "gateway", gateway_describe(gateway));
	json_object_set_new(data, "isolation", isolation_describe(gateway->isolation));
	json_object_set_new(data, "events",
			    events(gateway->store, app->name));
	fault_data_bound(data);
	return data;
}
