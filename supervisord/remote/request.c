// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/request.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/alloc.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/remote/download.h"
#include "supervisord/remote/management.h"

struct request {
	struct request *next;
	request_done_fn done;
	void *user;
};

/* Serves all that wait now; what a served one asks for anew is not among them. */
static void requests_end(struct app *app, const struct error *err)
{
	struct request *request = steal_pointer(&app->requests);

	while (request) {
		struct request *next = request->next;

		request->done(request->user, app, err);
		free(request);
		request = next;
	}
}

static void downloaded(struct app *app, const struct error *err)
{
	if (err)
		requests_end(app, err);
	else
		request_advance(app);
}

/* Where the flow of figure 4 goes on, from the state that the application is in. */
void request_advance(struct app *app)
{
	struct error err = { 0 };

	if (!app->requests)
		return;
	switch (app->state) {
	case APP_ABSENT:			/* S12 no: S13, S14 */
		collection_add(app->gateway, &(struct event){
			.part = "remote", .name = "application.absent",
			.application = app->name },
			"%s is not on this gateway", app->name);
		download_start(app, downloaded);
		break;
	case APP_HALTED:
		/* One that never got ready is not started again and again for the same request. */
		if (app->unready) {
			app->unready = false;
			error_set(&err, -EIO, "%s: it did not get ready", app->name);
			requests_end(app, &err);
			break;
		}
		/* fall through */
	case APP_STANDBY:			/* S12 yes: S15 */
		if (management_start(app, &err))
			requests_end(app, &err);
		else if (app->state == APP_RUNNING)
			requests_end(app, NULL);
		break;
	case APP_RUNNING:
		requests_end(app, NULL);
		break;
	case APP_DOWNLOADING:
	case APP_STARTING:
	case APP_RESTORING:
	case APP_STOPPING:
		break;				/* it is called again when that has ended */
	}
}

struct request *request_start(struct app *app, request_done_fn done, void *user)
{
	struct request *request = alloc_zero(1, sizeof(*request));

	request->done = done;
	request->user = user;
	request->next = app->requests;
	app->requests = request;
	request_advance(app);
	for (struct request *r = app->requests; r; r = r->next)
		if (r == request)
			return request;
	return NULL;
}

void request_cancel(struct app *app, struct request *request)
{
	for (struct request **p = &app->requests; *p; p = &(*p)->next)
		if (*p == request) {
			*p = request->next;
			free(request);
			return;
		}
}

void requests_drop(struct app *app)
{
	while (app->requests)
		request_cancel(app, app->requests);
}
