// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/center.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/reliability/notifier.h"
#include "supervisord/reliability/policy.h"
#include "supervisord/reliability/source.h"
#include "supervisord/remote/application.h"
#include "supervisord/remote/orders.h"
#include "supervisord/settings.h"

/* Enough for what the center says; bundles have no limit but that of standing still. */
#define TIMEOUT_MS 20000
/* Where another center can be asked: within seconds. */
#define TIMEOUT_ONE_OF_MANY_MS 4000
/* Wait before the next center is asked, at most. */
#define MOVE_S 0.3
#define HEADERS_MAX 5

/**
 * struct center_request - a request until its answer
 * @center: which one is asked
 * @tries: how many were
 * @body: text, or NULL
 * @state: what the gateway says of itself, JSON, or NULL
 * @sink: one was given: it cannot be sent again
 * @again: fires when the next center is to be asked
 */
struct center_request {
	struct center_request *next;
	struct gateway *gateway;
	int center;
	int tries;
	char *method;
	char *path;
	char *body;
	char *etag;
	char *state;
	uint64_t max_bytes;
	uint64_t offset;
	unsigned int timeout_ms;
	bool sink;
	bool once;
	link_done_fn done;
	link_progress_fn progress;
	void *user;
	ev_timer again;
};

/** struct centers - @doubted: what it is told it does not answer as a center does, whatever else it answers */
struct centers {
	int current;
	bool reachable;
	bool doubted;
	char error[256];
	struct center_request *requests;
};

static void request_free(struct center_request *request)
{
	ev_timer_stop(request->gateway->loop, &request->again);
	free(request->method);
	free(request->path);
	free(request->body);
	free(request->etag);
	free(request->state);
	free(request);
}

void center_open(struct gateway *gateway)
{
	gateway->centers = alloc_zero(1, sizeof(*gateway->centers));
	gateway->centers->reachable = true;
}

void center_close(struct gateway *gateway)
{
	struct centers *centers = gateway->centers;

	while (centers && centers->requests) {
		struct center_request *request = centers->requests;

		centers->requests = request->next;
		request_free(request);
	}
	free(steal_pointer(&gateway->centers));
}

const char *center_url(const struct gateway *gateway)
{
	return gateway->settings->center_urls[gateway->centers->current];
}

json_t *center_describe(const struct gateway *gateway)
{
	const struct centers *centers = gateway->centers;
	json_t *all = json_array();

	for (int i = 0; i < gateway->settings->n_centers; i++)
		json_array_append_new(all, json_pack("{s:s, s:b}", "url",
						     gateway->settings->center_urls[i],
						     "current", i == centers->current));
	return json_pack("{s:s, s:b, s:s*, s:o}", "url", center_url(gateway),
			 "reachable", centers->reachable, "error",
			 centers->reachable ? NULL : centers->error, "centers", all);
}

double center_jitter(double bound)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = clock_now();
	return bound * (random / 4294967296.0);
}

/* Did this center do what a center does? */
static bool answer_good(const struct link_answer *answer)
{
	return answer->status && answer->status < 500;
}

/* What an answer says of the center that gave it; the next one is asked when it is no good. */
static void center_heard(struct gateway *gateway, int center, const struct link_answer *answer)
{
	struct centers *centers = gateway->centers;
	const char *url = gateway->settings->center_urls[center];
	int n = gateway->settings->n_centers;
	char error[sizeof(centers->error)];

	if (center != centers->current)
		return;		/* another one is asked since */
	if (answer_good(answer)) {
		if (centers->doubted)
			return;
		if (!centers->reachable)
			notifier_kick(gateway);
		centers->reachable = true;
		return;
	}
	if (answer->status)
		snprintf(error, sizeof(error), "status %d", answer->status);
	else
		snprintf(error, sizeof(error), "%s", answer->error ? answer->error : "no answer");
	if (centers->reachable)
		log_warning("center %s: %s", url, error);
	strcpy(centers->error, error);
	/* A center that answers, if only that it cannot now, is there. */
	centers->reachable = n == 1 && answer->status;
	if (n == 1)
		return;
	centers->current = (center + 1) % n;
	centers->doubted = false;
	collection_add(gateway, &(struct event){ .part = "remote", .name = "center.changed" },
		       "center %s: %s; %s is asked from now on", url, error,
		       center_url(gateway));
	policy_center_changed(gateway);
	orders_center_changed(gateway);
}

void center_doubt(struct gateway *gateway, int status)
{
	char error[128];

	snprintf(error, sizeof(error), "its answer with status %d is not a center's; is a proxy or a login page before it?", status);
	gateway->centers->doubted = true;
	center_heard(gateway, gateway->centers->current, &(struct link_answer){ .error = error });
}

void center_trust(struct gateway *gateway)
{
	if (gateway->centers->doubted)
		gateway->centers->reachable = true;
	gateway->centers->doubted = false;
}

static void request_end(struct center_request *request, const struct link_answer *answer)
{
	struct center_request **p = &request->gateway->centers->requests;

	while (*p != request)
		p = &(*p)->next;
	*p = request->next;
	if (answer && request->done)
		request->done(request->user, answer);
	request_free(request);
}

static void request_answered(void *user, const struct link_answer *answer)
{
	struct center_request *request = user;
	struct gateway *gateway = request->gateway;

	center_heard(gateway, request->center, answer);
	if (answer_good(answer) || request->sink || request->once ||
	    ++request->tries >= gateway->settings->n_centers) {
		request_end(request, answer);
		return;
	}
	ev_timer_set(&request->again, center_jitter(MOVE_S), 0.);
	ev_timer_start(gateway->loop, &request->again);
}

static void request_progress(void *user, uint64_t received)
{
	struct center_request *request = user;

	if (request->done)
		request->progress(request->user, received);
}

void center_forget(struct gateway *gateway, const void *user)
{
	for (struct center_request *request = gateway->centers->requests; request;
	     request = request->next)
		if (request->user == user)
			request->done = NULL;
}

/* Asks the present center. */
static int request_send(struct center_request *request, int sink, struct error *err)
{
	struct link_header headers[HEADERS_MAX + 1] = { };
	const char *token = request->gateway->settings->token;
	__cleanup_free char *url = NULL, *authorization = NULL;
	struct link_request asked = {
		.method = request->method,
		.headers = headers,
		.timeout_ms = request->timeout_ms,
		.max_bytes = request->max_bytes,
		.offset = request->offset,
		.body = request->body,
		.body_size = request->body ? strlen(request->body) : 0,
		.sink = sink,
	};
	int n = 0, ret;

	if (request->body)
		headers[n++] = (struct link_header){ "Content-Type", "application/json" };
	if (request->etag)
		headers[n++] = (struct link_header){ "If-None-Match", request->etag };
	if (request->state) {
		headers[n++] = (struct link_header){ "User-Agent", "faultlined/" FAULTLINE_VERSION };
		headers[n++] = (struct link_header){ "Faultline-State", request->state };
	}
	if (token) {
		authorization = alloc_format("Bearer %s", token);
		headers[n++] = (struct link_header){ "Authorization", authorization };
	}
	request->center = request->gateway->centers->current;
	url = alloc_format("%s%s", center_url(request->gateway), request->path);
	asked.url = url;
	ret = link_request(request->gateway->link, &asked, request_answered,
			   request->progress ? request_progress : NULL, request, err);
	return ret < 0 ? ret : 0;
}

static void request_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct center_request *request = timer->data;
	struct link_answer answer = { .retry_after_s = -1, .transient = true };
	struct error err = { 0 };

	if (!request_send(request, -1, &err))
		return;
	answer.error = err.text;
	request_end(request, &answer);
}

/* @body is consumed. */
static struct center_request *request_make(struct gateway *gateway, const char *method,
					   const char *path, char *body, link_done_fn done,
					   void *user)
{
	struct center_request *request = alloc_zero(1, sizeof(*request));

	request->gateway = gateway;
	request->method = alloc_copy(method);
	request->path = alloc_copy(path);
	request->body = body;
	request->timeout_ms = gateway->settings->n_centers > 1 ? TIMEOUT_ONE_OF_MANY_MS :
								 TIMEOUT_MS;
	request->done = done;
	request->user = user;
	ev_init(&request->again, request_again);
	request->again.data = request;
	request->next = gateway->centers->requests;
	gateway->centers->requests = request;
	return request;
}

static int request_begin(struct center_request *request, int sink, struct error *err)
{
	int ret = request_send(request, sink, err);

	if (ret)
		request_end(request, NULL);
	return ret;
}

int center_send(struct gateway *gateway, const char *method, const char *path,
		json_t *body, link_done_fn done, void *user, struct error *err)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15));

	if (!text)
		return error_set(err, -ENOMEM, "out of memory");
	return request_begin(request_make(gateway, method, path, text, done, user), -1, err);
}

int center_get(struct gateway *gateway, const char *path, uint64_t max_bytes, int sink,
	       link_done_fn done, link_progress_fn progress, void *user, struct error *err)
{
	struct center_request *request = request_make(gateway, "GET", path, NULL, done, user);

	request->max_bytes = max_bytes;
	request->progress = progress;
	request->sink = sink >= 0;
	if (request->sink)
		request->timeout_ms = 0;
	return request_begin(request, sink, err);
}

int center_resume(struct gateway *gateway, const char *path, uint64_t offset, uint64_t max_bytes,
		  int sink, link_done_fn done, link_progress_fn progress, void *user, struct error *err)
{
	struct center_request *request = request_make(gateway, "GET", path, NULL, done, user);

	request->max_bytes = max_bytes;
	request->progress = progress;
	request->offset = offset;
	request->sink = true;
	request->timeout_ms = 0;
	return request_begin(request, sink, err);
}

/* A few figures for who looks after many gateways; one line. */
static char *state_text(const struct gateway *gateway)
{
	json_auto_t *state = json_object();
	int there = 0, running = 0;

	for (struct app *app = app_list_first(gateway); app; app = app->next) {
		there += app->state != APP_ABSENT;
		running += app->state == APP_RUNNING;
	}
	json_object_set_new(state, "source", json_string(gateway->source_ops ?
							  gateway->source_ops->name : "none"));
	json_object_set_new(state, "group", json_string(gateway->settings->group));
	json_object_set_new(state, "applications", json_integer(there));
	json_object_set_new(state, "running", json_integer(running));
	json_object_set_new(state, "policy_version", json_integer(policy_version(gateway)));
	return json_dumps(state, JSON_COMPACT | JSON_ENSURE_ASCII);
}

int center_poll(struct gateway *gateway, const char *path, const char *etag,
		uint64_t max_bytes, unsigned int timeout_ms, link_done_fn done, void *user,
		struct error *err)
{
	struct center_request *request = request_make(gateway, "GET", path, NULL, done, user);

	request->max_bytes = max_bytes;
	request->timeout_ms = timeout_ms;
	request->once = true;
	request->etag = etag ? alloc_copy(etag) : NULL;
	request->state = state_text(gateway);
	return request_begin(request, -1, err);
}

int center_check(struct gateway *gateway, const struct link_answer *answer,
		 const char *what, struct error *err)
{
	const char *url = center_url(gateway);

	if (!answer->status)
		return error_set(err, -EHOSTUNREACH,
				 "%s: the center gave no answer: %s", what,
				 answer->error ? answer->error : url);
	if (answer->status == 404)
		return error_set(err, -ENOENT,
				 "%s: the center at %s does not have it; add it there with faultline-center",
				 what, url);
	if (answer->status == 401 || answer->status == 403)
		return error_set(err, -EACCES,
				 "%s: the center at %s wants this gateway's token (status %d); \"faultline-center gateway add %s\" prints one, token-file in gateway.xml names it",
				 what, url, answer->status, gateway->settings->name);
	if (answer->status != 200)
		return error_set(err, answer->status < 500 ? -EBADMSG : -EHOSTUNREACH,
				 "%s: the center at %s answered with status %d", what, url,
				 answer->status);
	return 0;
}
