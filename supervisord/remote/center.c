// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/center.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "supervisord/reliability/notifier.h"
#include "supervisord/settings.h"

/* Enough for what the center says; bundles have no limit but that of standing still. */
#define TIMEOUT_MS 20000

static int request_send(struct gateway *gateway, const char *path,
			struct link_request *request, link_done_fn done,
			link_progress_fn progress, void *user, struct error *err)
{
	__cleanup_free char *url = alloc_format("%s%s", gateway->settings->center_url, path);
	int ret;

	request->url = url;
	ret = link_request(gateway->link, request, done, progress, user, err);
	return ret < 0 ? ret : 0;
}

int center_send(struct gateway *gateway, const char *method, const char *path,
		json_t *body, link_done_fn done, void *user, struct error *err)
{
	static const struct link_header headers[] = {
		{ "Content-Type", "application/json" },
		{ NULL },
	};
	__cleanup_free char *text = json_dumps(body, JSON_COMPACT |
						    JSON_REAL_PRECISION(15));
	struct link_request request = {
		.method = method,
		.headers = headers,
		.timeout_ms = TIMEOUT_MS,
		.body = text,
		.body_size = text ? strlen(text) : 0,
		.sink = -1,
	};

	if (!text)
		return error_set(err, -ENOMEM, "out of memory");
	return request_send(gateway, path, &request, done, NULL, user, err);
}

int center_get(struct gateway *gateway, const char *path, uint64_t max_bytes, int sink,
	       link_done_fn done, link_progress_fn progress, void *user, struct error *err)
{
	struct link_request request = {
		.method = "GET",
		.timeout_ms = sink < 0 ? TIMEOUT_MS : 0,
		.max_bytes = max_bytes,
		.sink = sink,
	};

	return request_send(gateway, path, &request, done, progress, user, err);
}

int center_check(struct gateway *gateway, const struct link_answer *answer,
		 const char *what, struct error *err)
{
	const char *url = gateway->settings->center_url;

	notifier_heard(gateway, answer->status, answer->error);
	if (!answer->status)
		return error_set(err, -EHOSTUNREACH,
				 "%s: the center at %s gave no answer: %s; is it running, and is its url right in gateway.xml?",
				 what, url, answer->error ? answer->error : "unknown");
	if (answer->status == 404)
		return error_set(err, -ENOENT,
				 "%s: the center at %s does not have it; add it there with faultline-center",
				 what, url);
	if (answer->status != 200)
		return error_set(err, -EBADMSG, "%s: the center at %s answered with status %d",
				 what, url, answer->status);
	return 0;
}
