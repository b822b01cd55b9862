// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/orders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/script/definition.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/store.h"
#include "supervisord/remote/poller.h"
#include "supervisord/remote/teller.h"
#include "supervisord/script/run.h"
#include "supervisord/settings.h"

/* More are left at the center until some of these are over. */
#define ORDERS_MAX 200
/* While so many runs are under way none is begun for a request. */
#define RUNS_BESIDE_MAX 16
/* One that has to wait, for a run of its service or for the disk, is looked at so often. */
#define LOOK_S 0.5
#define AUTHOR_MAX 64
#define VALID_MAX_S (31LL * 86400)
#define ANSWER_MAX_BYTES (256 << 10)
#define SHOWN_MAX 20

/**
 * struct order - a request that is not over
 * @agreed: the center knows that it is taken, and it may begin
 * @running: it has begun: on disk before its run is
 * @adopted: a supervisor before this one began it, and its run goes on
 * @report: what the center is told of it
 */
struct order {
	struct order *next;
	struct gateway *gateway;
	char id[REQUEST_ID_MAX_LEN + 1];
	char service[NAME_MAX_LEN + 1];
	char author[AUTHOR_MAX];
	int64_t not_after_ms;
	bool agreed;
	bool running;
	bool adopted;
	json_t *report;
};

/**
 * struct order_list
 * @n: how many are in it, oldest first
 * @last: what the center gave last; 0: not known
 * @told_id: what the center is being told, with its state
 */
struct order_list {
	struct gateway *gateway;
	struct order *first;
	int n;
	int64_t last;
	struct poller *poller;
	struct teller *teller;
	ev_timer look;
	char told_id[REQUEST_ID_MAX_LEN + 1];
	char told_state[16];
};

static int64_t now_ms(void)
{
	return clock_to_unix_ms(clock_now());
}

static struct order *order_find(const struct order_list *list, const char *id)
{
	struct order *order = list->first;

	while (order && strcmp(order->id, id))
		order = order->next;
	return order;
}

static struct order *order_add(struct order_list *list, const char *id, const char *service,
			       const char *author)
{
	struct order *order = alloc_zero(1, sizeof(*order)), **p = &list->first;

	order->gateway = list->gateway;
	snprintf(order->id, sizeof(order->id), "%s", id);
	snprintf(order->service, sizeof(order->service), "%s", service);
	snprintf(order->author, sizeof(order->author), "%s", author);
	order->report = json_object();
	while (*p)
		p = &(*p)->next;
	*p = order;
	list->n++;
	return order;
}

static void order_drop(struct order *order)
{
	struct order_list *list = order->gateway->orders;

	for (struct order **p = &list->first; *p; p = &(*p)->next)
		if (*p == order) {
			*p = order->next;
			break;
		}
	list->n--;
	json_decref(order->report);
	free(order);
}

static void report_set(struct order *order, const char *state, const char *time,
		       const char *detail)
{
	json_object_set_new(order->report, "state", json_string(state));
	json_object_set_new(order->report, time, store_time(now_ms()));
	if (detail)
		json_object_set_new(order->report, "detail", json_string(detail));
}

static void order_note(const struct order *order, const char *name, const char *text)
{
	collection_add(order->gateway, &(struct event){
		.part = "remote", .name = name,
		.data = json_pack("{s:s, s:s, s:s}", "request", order->id, "service", order->service,
				  "author", order->author) },
		"service %s, requested at the center by %s: %s", order->service, order->author, text);
}

/* It is over; the center is told, and @order is gone. */
static void order_end(struct order *order, const char *state, const char *detail)
{
	struct gateway *gateway = order->gateway;
	char name[32];

	report_set(order, state, "ended", detail);
	if (store_request_state(gateway->store, order->id, state, order->report) ||
	    store_flush(gateway->store))
		log_error("request %s: that it is %s is not on the disk", order->id, state);
	snprintf(name, sizeof(name), "request.%s", state);
	order_note(order, name, detail ? detail : state);
	order_drop(order);
	teller_kick(gateway->orders->teller);
}

/* The run. */

static const char *run_order(void *user)
{
	return ((struct order *)user)->id;
}

static void run_progress(void *user, const struct event *event, double ms, const char *text)
{
}

/* Before the keeper forgets the run: a supervisor that dies now finds the outcome in the store. */
static void run_over(void *user, json_t *result, const struct error *err)
{
	static const char *const members[] = { "steps", "duration_ms", "faults" };
	struct order *order = user;
	json_t *told;

	if (!err) {
		told = json_object();
		for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
			json_object_set(told, members[i], json_object_get(result, members[i]));
		json_object_set_new(order->report, "result", told);
	}
	order_end(order, err ? "failed" : "done", err ? err->text : NULL);
}

static const struct run_observer observer = {
	.order = run_order,
	.over = run_over,
	.progress = run_progress,
};

const struct run_observer *orders_adopt(struct gateway *gateway, const char *id, void **user)
{
	struct order *order = gateway->orders ? order_find(gateway->orders, id) : NULL;

	if (!order || !order->running)
		return NULL;
	order->adopted = true;
	*user = order;
	return &observer;
}

/* Does the gateway know the service? */
static int service_check(const struct gateway *gateway, const char *service, struct error *err)
{
	struct definition *definition = run_definition(gateway, service, err);

	if (!definition)
		return -ENOENT;
	definition_free(definition);
	return 0;
}

/*
 * That it begins is on the disk before it does: it cannot begin a second time. The order
 * may be gone afterwards. Return: 0, or a negative errno when it has to wait for the disk.
 */
static int order_begin(struct order *order)
{
	struct gateway *gateway = order->gateway;
	struct error err = { 0 };

	if (service_check(gateway, order->service, &err)) {
		order_end(order, "refused", err.text);
		return 0;
	}
	report_set(order, "running", "started", NULL);
	if (store_request_state(gateway->store, order->id, "running", order->report) ||
	    store_flush(gateway->store)) {
		log_error("request %s: it begins when there is room on the disk", order->id);
		return -EIO;
	}
	order->running = true;
	order_note(order, "request.running", "it begins");
	teller_kick(gateway->orders->teller);
	run_start(gateway, order->service, &observer, order);
	return 0;
}

/* What may begin now: agreed, and nobody runs its service. */
static struct order *order_due(const struct order_list *list)
{
	struct order *order = list->first;

	while (order && (!order->agreed || order->running ||
			 (order->not_after_ms >= now_ms() &&
			  (run_active(list->gateway, order->service) ||
			   run_count(list->gateway) >= RUNS_BESIDE_MAX))))
		order = order->next;
	return order;
}

static void orders_begin(struct order_list *list)
{
	struct order *order;
	int ret = 0;

	ev_timer_stop(list->gateway->loop, &list->look);
	while (!ret && (order = order_due(list)))
		if (order->not_after_ms < now_ms())
			order_end(order, "expired", "its time was over before it could begin");
		else
			ret = order_begin(order);
	for (order = list->first; order; order = order->next)
		if (order->agreed && !order->running)
			break;
	if (order)
		ev_timer_again(list->gateway->loop, &list->look);
}

static void look_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	orders_begin(timer->data);
}

/* What the center is told. */

static bool next(void *user, struct tell *tell)
{
	struct order_list *list = user;
	json_auto_t *row = store_request_untold(list->gateway->store);

	if (!row)
		return false;
	snprintf(list->told_id, sizeof(list->told_id), "%s",
		 json_string_value(json_object_get(row, "id")));
	snprintf(tell->id, sizeof(tell->id), "%s", list->told_id);
	snprintf(list->told_state, sizeof(list->told_state), "%s",
		 json_string_value(json_object_get(row, "state")));
	snprintf(tell->path, sizeof(tell->path), "/v1/gateways/%s/requests/%s/state",
		 list->gateway->settings->name, list->told_id);
	snprintf(tell->what, sizeof(tell->what), "request %s", list->told_id);
	tell->body = json_incref(json_object_get(row, "report"));
	return true;
}

/* The center does not agree, with one that was taken back or came too late: it does not begin. */
static void order_withdraw(struct order_list *list, const char *state)
{
	struct order *order = order_find(list, list->told_id);

	if (!order || order->running)
		return;
	if (store_request_state(list->gateway->store, order->id, "cancelled", order->report))
		return;
	store_request_told(list->gateway->store, order->id, "cancelled");
	order_note(order, "request.cancelled", state);
	order_drop(order);
}

static void told(void *user, const struct link_answer *answer)
{
	struct order_list *list = user;
	struct order *order = order_find(list, list->told_id);
	json_auto_t *body = answer->status < 300 && answer->body ?
		json_loadb(answer->body, answer->size, 0, NULL) : NULL;
	const char *state = json_string_value(json_object_get(body, "state"));

	if (answer->status >= 300)
		log_error("center: it refuses what became of request %s with status %d: %.*s",
			  list->told_id, answer->status,
			  (int)(answer->size < 200 ? answer->size : 200),
			  answer->body ? answer->body : "");
	store_request_told(list->gateway->store, list->told_id, list->told_state);
	if (order && !strcmp(list->told_state, "taken")) {
		order->agreed = state && (!strcmp(state, "taken") || !strcmp(state, "running"));
		if (!order->agreed)
			order_withdraw(list, !state ? "the center does not know it any more" :
				       !strcmp(state, "expired") ? "it was taken too late" :
				       "it was taken back at the center");
	}
	collection_flush_soon(list->gateway);
	orders_begin(list);
}

/* What the center has for this gateway. */

static void ask(void *user, char path[256], const char **etag)
{
	struct order_list *list = user;

	snprintf(path, 256, "/v1/gateways/%s/requests?after=%lld&wait=%d",
		 list->gateway->settings->name, (long long)list->last,
		 list->n < ORDERS_MAX ? POLLER_WAIT_S : 0);
}

/* A request that the center takes for one of this gateway's, but it is not on its disk. */
static void order_lost(struct order *order)
{
	report_set(order, "failed", "ended",
		   "this gateway does not know it any more: what it keeps was lost since it took it");
}

static int order_keep(struct order *order, const char *state, struct error *err)
{
	const struct store_request kept = {
		.id = order->id, .service = order->service, .author = order->author,
		.not_after_ms = order->not_after_ms, .state = state, .report = order->report,
	};

	return store_request_add(order->gateway->store, &kept) ?
	       error_set(err, -EIO, "request %s is not taken: it cannot be kept", order->id) : 0;
}

/* A new one: it is on the disk before the center is told. */
static int order_take(struct order_list *list, const json_t *given, struct error *err)
{
	const char *id = json_string_value(json_object_get(given, "id"));
	const char *service = json_string_value(json_object_get(given, "service"));
	const char *author = json_string_value(json_object_get(given, "author"));
	const char *state = json_string_value(json_object_get(given, "state"));
	json_int_t valid_s = json_integer_value(json_object_get(given, "valid_s"));
	json_auto_t *known = store_request(list->gateway->store, id);
	struct error why = { 0 };
	struct order *order;
	int ret;

	if (known)
		return 0;
	order = order_add(list, id, service, author);
	order->not_after_ms = now_ms() + valid_s * 1000;
	if (strcmp(state, "waiting"))
		order_lost(order);
	else if (service_check(list->gateway, service, &why))
		report_set(order, "refused", "ended", why.text);
	else
		report_set(order, "taken", "taken", NULL);
	state = json_string_value(json_object_get(order->report, "state"));
	ret = order_keep(order, state, err);
	if (!ret)
		order_note(order, !strcmp(state, "taken") ? "request.taken" :
			   !strcmp(state, "refused") ? "request.refused" : "request.failed",
			   *why.text ? why.text : state);
	if (ret || strcmp(state, "taken"))
		order_drop(order);
	return ret;
}

/* Every byte of it is the network's. */
static bool given_valid(const json_t *given)
{
	const char *author = json_string_value(json_object_get(given, "author"));
	const json_t *valid_s = json_object_get(given, "valid_s");

	return request_id_valid(json_string_value(json_object_get(given, "id"))) &&
	       name_valid(json_string_value(json_object_get(given, "service"))) &&
	       author && strlen(author) < AUTHOR_MAX &&
	       json_is_string(json_object_get(given, "state")) && json_is_integer(valid_s) &&
	       json_integer_value(valid_s) >= 0 && json_integer_value(valid_s) <= VALID_MAX_S &&
	       json_is_integer(json_object_get(given, "key"));
}

static int given_take(struct order_list *list, const json_t *given, struct error *err)
{
	int ret;

	if (!given_valid(given))
		return error_set(err, -EBADMSG, "a request that is not one");
	if (list->n >= ORDERS_MAX)
		return 1;
	ret = order_take(list, given, err);
	if (!ret)
		list->last = json_integer_value(json_object_get(given, "key"));
	return ret;
}

static int answered(void *user, const struct link_answer *answer, struct error *err)
{
	struct order_list *list = user;
	json_auto_t *body = json_loadb(answer->body ? answer->body : "", answer->size,
				       JSON_REJECT_DUPLICATES, NULL);
	const json_t *given = json_object_get(body, "requests"), *last = json_object_get(body, "last");
	size_t n = json_array_size(given), i;
	int ret = 0;

	if (!json_is_array(given) || !json_is_integer(last) || json_integer_value(last) < 0)
		return error_set(err, -EBADMSG, "its list of requests is not one");
	for (i = 0; i < n && !ret; i++)
		ret = given_take(list, json_array_get(given, i), err);
	/* One that cannot be taken now is asked for again. */
	if (!ret)
		list->last = json_integer_value(last);
	teller_kick(list->teller);
	return ret ? ret : n ? 0 : 1;
}

void orders_center_changed(struct gateway *gateway)
{
	if (gateway->orders)
		gateway->orders->last = 0;
}

/* One that was running is looked for among the runs by orders_adopt(). */
static void order_load(struct order_list *list, const json_t *row)
{
	const char *state = json_string_value(json_object_get(row, "state"));
	struct order *order = order_add(list, json_string_value(json_object_get(row, "id")),
					json_string_value(json_object_get(row, "service")),
					json_string_value(json_object_get(row, "author")));

	order->not_after_ms = json_integer_value(json_object_get(row, "not_after_ms"));
	order->running = !strcmp(state, "running");
	order->agreed = order->running || json_is_true(json_object_get(row, "told"));
	if (json_is_object(json_object_get(row, "report")))
		json_object_update(order->report, json_object_get(row, "report"));
}

void orders_open(struct gateway *gateway)
{
	static const struct teller_ops teller_ops = { .next = next, .told = told };
	struct order_list *list = alloc_zero(1, sizeof(*list));
	json_auto_t *rows = store_requests_open(gateway->store);
	json_t *row;
	size_t i;

	list->gateway = gateway;
	ev_timer_init(&list->look, look_due, 0., LOOK_S);
	list->look.data = list;
	list->teller = teller_new(gateway, "requests", &teller_ops, list);
	gateway->orders = list;
	json_array_foreach(rows, i, row)
		order_load(list, row);
}

static struct order *order_without_run(const struct order_list *list)
{
	struct order *order = list->first;

	while (order && (!order->running || order->adopted))
		order = order->next;
	return order;
}

void orders_start(struct gateway *gateway)
{
	static const struct poller_ops poller_ops = { .ask = ask, .answered = answered };
	struct order_list *list = gateway->orders;
	struct order *order;

	while ((order = order_without_run(list)))
		order_end(order, "failed",
			  "its supervisor ended while it ran; how far it came is not known, and it is not begun again");
	list->poller = poller_new(gateway, &poller_ops, ANSWER_MAX_BYTES, list);
	orders_begin(list);
}

void orders_close(struct gateway *gateway)
{
	struct order_list *list = gateway->orders;

	if (!list)
		return;
	ev_timer_stop(gateway->loop, &list->look);
	poller_free(list->poller);
	teller_free(list->teller);
	while (list->first)
		order_drop(list->first);
	free(steal_pointer(&gateway->orders));
}

void orders_describe(const struct gateway *gateway, json_t *array)
{
	json_auto_t *rows = store_requests(gateway->store, SHOWN_MAX);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const json_t *report = json_object_get(row, "report");
		const char *detail = json_string_value(json_object_get(report, "detail"));

		json_array_append_new(array, json_pack("{s:O, s:O, s:O, s:O, s:O*, s:s}",
			"service", json_object_get(row, "service"), "request",
			json_object_get(row, "id"), "author", json_object_get(row, "author"), "state",
			json_object_get(row, "state"), "last", json_object_get(report, "started"),
			"outcome", detail ? detail : json_string_value(json_object_get(row, "state"))));
	}
}
