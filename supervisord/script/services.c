// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/services.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/xmlfile.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/remote/center.h"
#include "supervisord/script/calendar.h"
#include "supervisord/script/last_good.h"
#include "supervisord/script/run.h"
#include "supervisord/settings.h"

#define LOOK_EVERY_S 5.
/* What libev takes for never. */
#define NEVER 1e30

/*
 * One that the center did not answer for is begun again after a random time up to a bound that doubles, for so
 * long: what was meant for the morning is not done in the evening. With the gateway the network may start later.
 */
#define AGAIN_FIRST_S 1.0
#define AGAIN_MAX_S 60.0
#define AGAIN_WITHIN_NS (3600 * 1000000000ULL)

/**
 * struct service - a line of the file
 * @calendar_text: NULL when it runs by event
 * @due: fires by the calendar
 * @soon: fires in the next round of the loop, after an event
 * @again: fires when it is begun once more, since the center had not answered
 * @again_s: how long that is away at most
 * @due_ns: when it was due, by its calendar or an event
 * @interpreted: its script has begun, and is not begun again
 * @run: the one that it has begun, while that lasts
 * @last: when it was begun last, 0: never
 */
struct service {
	struct gateway *gateway;
	char *name;
	char *calendar_text;
	struct calendar calendar;
	char *event;
	char *application;
	long interval_s;
	ev_periodic due;
	ev_timer soon;
	ev_timer again;
	double again_s;
	uint64_t due_ns;
	bool interpreted;
	struct run *run;
	uint64_t begun_ns;
	time_t last;
	char outcome[ERROR_TEXT_MAX + 32];
	unsigned int runs;
	unsigned int skipped;
};

/**
 * struct service_list - those of services.xml
 * @read: the file as it was before it was read
 * @refused: why the file as it is now is not in force; NULL when it is
 */
struct service_list {
	char *path;
	struct stat read;
	ev_stat changed;
	bool started;
	char *refused;
	size_t n;
	struct service *services;
};

static void run_progress(void *user, const struct event *event, double ms, const char *text)
{
	struct service *service = user;

	if (!strcmp(event->name, "script.interpreted"))
		service->interpreted = true;
}

/* What has waited for the gateway's start is still wanted, however late the center comes. */
static bool run_again(struct service *service, const struct error *err)
{
	bool at_start = service->event && !strcmp(service->event, SERVICES_STARTED);

	if (err->code != -EHOSTUNREACH || service->interpreted ||
	    (!at_start && clock_now() - service->due_ns > AGAIN_WITHIN_NS))
		return false;
	ev_timer_set(&service->again, 0.1 + center_jitter(service->again_s), 0.);
	ev_timer_start(service->gateway->loop, &service->again);
	service->again_s = service->again_s * 2 < AGAIN_MAX_S ? service->again_s * 2 : AGAIN_MAX_S;
	return true;
}

static void run_ended(void *user, json_t *result, const struct error *err)
{
	struct service *service = user;

	service->run = NULL;
	snprintf(service->outcome, sizeof(service->outcome), "%s%s", err ? err->text : "finished",
		 err && run_again(service, err) ? "; it is tried again" : "");
	if (err)
		log_warning("service %s, which ran by itself, failed: %s", service->name,
			    service->outcome);
}

static const struct run_observer run_observer = {
	.progress = run_progress,
	.ended = run_ended,
};

static void service_begin(struct service *service, const char *why)
{
	if (run_active(service->gateway, service->name)) {
		service->skipped++;
		return;
	}
	ev_timer_stop(service->gateway->loop, &service->again);
	service->interpreted = false;
	service->runs++;
	service->last = ev_time();
	service->begun_ns = clock_now();
	strcpy(service->outcome, "running");
	collection_add(service->gateway, &(struct event){
		.part = "script", .name = "service.due",
		.data = json_pack("{s:s, s:s}", "service", service->name, "by", why) },
		"service %s is due: %s", service->name, why);
	service->run = run_start(service->gateway, service->name, &run_observer, service);
}

static ev_tstamp calendar_reschedule(ev_periodic *due, ev_tstamp now)
{
	const struct service *service = due->data;
	time_t next = calendar_next(&service->calendar, now);

	return next < 0 ? NEVER : next;
}

static void service_due(struct service *service, const char *why)
{
	service->due_ns = clock_now();
	service->again_s = AGAIN_FIRST_S;
	service_begin(service, why);
}

static void again_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	service_begin(timer->data, "the center did not answer before");
}

static void calendar_due(struct ev_loop *loop, ev_periodic *due, int events)
{
	struct service *service = due->data;

	service_due(service, service->calendar_text);
}

static void event_due(struct ev_loop *loop, ev_timer *soon, int events)
{
	struct service *service = soon->data;

	service_due(service, service->event);
}

void services_notice(struct gateway *gateway, const struct event *event)
{
	struct service_list *list = gateway->services;

	for (size_t i = 0; list && i < list->n; i++) {
		struct service *service = &list->services[i];

		if (!service->event || strcmp(service->event, event->name) ||
		    (service->application &&
		     (!event->application || strcmp(service->application, event->application))) ||
		    !list->started)
			continue;
		if (ev_is_active(&service->soon) ||
		    (service->begun_ns &&
		     clock_now() - service->begun_ns < service->interval_s * 1000000000ULL))
			service->skipped++;
		else
			ev_timer_start(gateway->loop, &service->soon);
	}
}

static int service_refuse(const struct service_list *list, const xmlNode *node,
			  struct error *err, const char *text)
{
	return error_at(err, -EINVAL, xmlGetLineNo(node), 0, "%s:%ld: service \"%.64s\": %s",
			list->path, xmlGetLineNo(node), xmlfile_attribute(node, "name"), text);
}

/* @was_good: once, and what was due then need not be due any more. */
static int service_read(const struct service_list *list, struct service *service,
			const xmlNode *node, bool was_good, struct error *err)
{
	const char *calendar = xmlfile_attribute(node, "calendar");
	const char *event = xmlfile_attribute(node, "on-event");
	const char *application = xmlfile_attribute(node, "application");
	char why[256], text[320];

	service->name = alloc_copy(xmlfile_attribute(node, "name"));
	service->calendar_text = calendar ? alloc_copy(calendar) : NULL;
	service->event = event ? alloc_copy(event) : NULL;
	service->application = application ? alloc_copy(application) : NULL;
	if (!name_valid(service->name))
		return service_refuse(list, node, err, "not the name of a service");
	if (!calendar == !event)
		return service_refuse(list, node, err, "either calendar or on-event is needed");
	if (event && !kind_valid(event))
		return service_refuse(list, node, err, "on-event is not the name of an event");
	if (application && (!event || !name_valid(application)))
		return service_refuse(list, node, err,
				      "application is the name of one, beside on-event");
	if (calendar && calendar_parse(calendar, &service->calendar, why, sizeof(why))) {
		snprintf(text, sizeof(text), "calendar: %s", why);
		return service_refuse(list, node, err, text);
	}
	if (calendar && !was_good && calendar_next(&service->calendar, ev_time()) < 0)
		return service_refuse(list, node, err, "calendar: it is never due again");
	return xmlfile_number(node, "interval", 1, 86400, &service->interval_s, err);
}

static void service_free(struct service *service)
{
	struct ev_loop *loop = service->gateway->loop;

	if (service->run)
		run_forget(service->run);
	ev_periodic_stop(loop, &service->due);
	ev_timer_stop(loop, &service->soon);
	ev_timer_stop(loop, &service->again);
	free(service->name);
	free(service->calendar_text);
	free(service->event);
	free(service->application);
}

static void services_free(struct service *services, size_t n)
{
	for (size_t i = 0; i < n; i++)
		service_free(&services[i]);
	free(services);
}

static void service_init(struct service *service, struct gateway *gateway)
{
	service->gateway = gateway;
	ev_periodic_init(&service->due, calendar_due, 0., 0., calendar_reschedule);
	service->due.data = service;
	ev_timer_init(&service->soon, event_due, 0., 0.);
	service->soon.data = service;
	ev_timer_init(&service->again, again_due, 0., 0.);
	service->again.data = service;
}

/* Takes the place of what is in force once all of it is good. Errors name @path. */
static int services_read(struct gateway *gateway, const char *path, bool was_good, struct error *err)
{
	struct service_list *list = gateway->services;
	__cleanup_xmldoc xmlDoc *doc = xmlfile_read(path, "services.dtd", err);
	struct service *services;
	size_t n = 0;
	int ret = 0;

	if (!doc)
		return -EINVAL;
	services = alloc_zero(SERVICES_MAX, sizeof(*services));
	for (xmlNode *e = xmlfile_first(xmlDocGetRootElement(doc), "service"); e && !ret;
	     e = xmlfile_next(e, "service")) {
		if (n == SERVICES_MAX) {
			ret = error_set(err, -E2BIG, "%s: at most %d services are taken",
					path, SERVICES_MAX);
			break;
		}
		service_init(&services[n], gateway);
		ret = service_read(list, &services[n++], e, was_good, err);
	}
	if (ret) {
		services_free(services, n);
		return ret;
	}
	services_free(list->services, list->n);
	list->services = services;
	list->n = n;
	return 0;
}

static void timetable_start(struct gateway *gateway)
{
	struct service_list *list = gateway->services;

	for (size_t i = 0; i < list->n; i++)
		if (list->services[i].calendar_text)
			ev_periodic_start(gateway->loop, &list->services[i].due);
}

static void services_settle(struct gateway *gateway, const char *refused)
{
	struct service_list *list = gateway->services;

	free(list->refused);
	list->refused = refused ? alloc_copy(refused) : NULL;
	if (!refused)
		return;
	log_error("%s; the services before it stay in force", refused);
	collection_add(gateway, &(struct event){ .part = "script", .name = "services.refused" },
		       "%s; the services before it stay in force", refused);
}

static void file_changed(struct ev_loop *loop, ev_stat *changed, int events)
{
	struct gateway *gateway = changed->data;
	struct service_list *list = gateway->services;
	struct error err = { 0 };

	if (stat(list->path, &list->read) < 0) {
		list->read.st_nlink = 0;
		services_free(steal_pointer(&list->services), list->n);
		list->n = 0;
		services_settle(gateway, NULL);
		last_good_drop(gateway, list->path);
		log_notice("%s: it is gone, no service runs by itself", list->path);
	} else if (services_read(gateway, list->path, false, &err)) {
		services_settle(gateway, err.text);
	} else {
		services_settle(gateway, NULL);
		last_good_keep(gateway, list->path, &list->read);
		timetable_start(gateway);
		log_notice("%s: %zu services, in force from now on", list->path, list->n);
	}
}

int services_open(struct gateway *gateway, bool go_on, struct error *err)
{
	struct service_list *list = alloc_zero(1, sizeof(*list));
	__cleanup_free char *copy = NULL;
	struct error why = { 0 };
	int ret;

	gateway->services = list;
	list->path = alloc_format("%s/services.xml", gateway->settings->configuration_folder);
	ev_stat_init(&list->changed, file_changed, list->path, LOOK_EVERY_S);
	list->changed.data = gateway;
	if (stat(list->path, &list->read) < 0)
		return 0;
	ret = services_read(gateway, list->path, false, &why);
	copy = last_good_path(gateway, list->path);
	if (!ret || !go_on || services_read(gateway, copy, true, NULL))
		return ret ? error_at(err, ret, why.line, why.column, "%s", why.text) : 0;
	list->refused = alloc_copy(why.text);
	return 0;
}

static bool file_is_other(const struct service_list *list)
{
	struct stat now;

	return stat(list->path, &now) < 0 ? list->read.st_nlink : !file_same(&now, &list->read);
}

void services_start(struct gateway *gateway)
{
	struct service_list *list = gateway->services;
	__cleanup_free char *refused = NULL;

	if (!list)
		return;
	list->started = true;
	refused = steal_pointer(&list->refused);
	services_settle(gateway, refused);
	if (!refused && list->read.st_nlink)
		last_good_keep(gateway, list->path, &list->read);
	else if (!refused)
		last_good_drop(gateway, list->path);
	ev_stat_start(gateway->loop, &list->changed);
	timetable_start(gateway);
	/* From here on it is told; what came between is not. */
	if (file_is_other(list))
		file_changed(gateway->loop, &list->changed, 0);
}

void services_close(struct gateway *gateway)
{
	struct service_list *list = gateway->services;

	if (!list)
		return;
	ev_stat_stop(gateway->loop, &list->changed);
	services_free(list->services, list->n);
	free(list->path);
	free(list->refused);
	free(steal_pointer(&gateway->services));
}

const char *services_refused(const struct gateway *gateway)
{
	return gateway->services ? gateway->services->refused : NULL;
}

static json_t *time_json(time_t time)
{
	char text[32];
	struct tm tm;

	if (time <= 0 || !gmtime_r(&time, &tm))
		return NULL;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

static json_t *service_describe(const struct service *service)
{
	time_t next = service->calendar_text ? calendar_next(&service->calendar, ev_time()) : -1;

	return json_pack("{s:s, s:s*, s:s*, s:s*, s:o*, s:o*, s:s*, s:i, s:i}",
			 "service", service->name, "calendar", service->calendar_text,
			 "on_event", service->event, "application", service->application,
			 "next", time_json(next), "last", time_json(service->last),
			 "outcome", *service->outcome ? service->outcome : NULL, "runs", (int)service->runs,
			 "skipped", (int)service->skipped);
}

json_t *services_describe(const struct gateway *gateway)
{
	json_t *array = json_array();

	for (size_t i = 0; gateway->services && i < gateway->services->n; i++)
		json_array_append_new(array, service_describe(&gateway->services->services[i]));
	return array;
}
