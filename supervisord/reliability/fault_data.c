// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/fault_data.h"

#include <bpf/libbpf.h>
#include <gnu/libc-version.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/cleanup.h"
#include "supervisord/reliability/fault_record.h"
#include "supervisord/reliability/policy.h"
#include "supervisord/runtime/isolation.h"
#include "supervisord/runtime/process.h"
#include "supervisord/script/run.h"
#include "supervisord/settings.h"

/* Of the last EVENTS_KEPT events the newest EVENTS_WHOLE come with their data. */
#define EVENTS_KEPT 200
#define EVENTS_WHOLE 20

/* In the order in which they are given up when all is too long. */
static const char *const heavy[] = {
	"report", "figures", "script", "fpregs", "threads", "maps", "stack", "registers",
};

/* The line of a file that begins with @key, without it and without quotes; NULL when there is none. */
static json_t *line_read(const char *path, const char *key)
{
	__cleanup_fclose FILE *file = fopen(path, "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		char *value = line + strlen(key);

		if (strncmp(line, key, strlen(key)))
			continue;
		value += *value == '"';
		value[strcspn(value, "\"\n")] = '\0';
		return json_string(value);
	}
	return NULL;
}

/* Of what a fault may lie in, beside the application itself. */
static json_t *versions_describe(const struct utsname *name)
{
	return json_pack("{s:s, s:s, s:o*, s:o*, s:s, s:s, s:s, s:s}",
			 "faultlined", FAULTLINE_VERSION, "kernel", name->version,
			 "module", line_read("/sys/module/faultline/srcversion", ""),
			 "system", line_read("/etc/os-release", "PRETTY_NAME="),
			 "libc", gnu_get_libc_version(), "sqlite", sqlite3_libversion(),
			 "jansson", jansson_version_str(), "libbpf", libbpf_version_string());
}

static json_t *gateway_describe(const struct gateway *gateway)
{
	struct utsname name;

	uname(&name);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:o}", "name", gateway->settings->name,
			 "version", FAULTLINE_VERSION, "kernel", name.release,
			 "machine", name.machine, "source",
			 gateway->source_ops ? gateway->source_ops->name : "none",
			 "policy_version", (json_int_t)policy_version(gateway),
			 "events_list", gateway->events_name, "versions", versions_describe(&name));
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
	if (evidence->figures)
		json_object_set(data, "figures", evidence->figures);
	json_object_set_new(data, "script", run_describe(gateway, app));
	json_object_set_new(data, "gateway", gateway_describe(gateway));
	json_object_set_new(data, "isolation", isolation_describe(gateway->isolation));
	json_object_set_new(data, "events",
			    events(gateway->store, app->name));
	fault_data_bound(data);
	return data;
}
