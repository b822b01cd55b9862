// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/standing.h"

#include <stdlib.h>

#include "lib/alloc.h"
#include "lib/cleanup.h"
#include "supervisord/reliability/collection.h"
#include "supervisord/remote/application.h"
#include "supervisord/remote/center.h"
#include "supervisord/remote/management.h"
#include "supervisord/remote/request.h"
#include "supervisord/settings.h"

/* The center may not be there yet: asked again after a random time up to a bound that doubles. */
#define AGAIN_FIRST_S 1.0
#define AGAIN_MAX_S 60.0

struct standing {
	struct standing *next;
	struct app *app;
	struct request *request;
	ev_timer again;
	double bound_s;
};

static void standing_done(void *user, struct app *app, const struct error *err)
{
	struct standing *standing = user;

	standing->request = NULL;
	if (!err)
		return;
	collection_add(app->gateway, &(struct event){
		.part = "remote", .name = "application.missing", .application = app->name },
		"%s; it is asked for again", err->text);
	ev_timer_set(&standing->again, 0.1 + center_jitter(standing->bound_s), 0.);
	ev_timer_start(app->gateway->loop, &standing->again);
	standing->bound_s = standing->bound_s * 2 < AGAIN_MAX_S ? standing->bound_s * 2 : AGAIN_MAX_S;
}

static void standing_ask(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct standing *standing = timer->data;

	standing->request = request_start(standing->app, standing_done, standing);
}

void standing_start(struct gateway *gateway)
{
	for (char **name = gateway->settings->applications; name && *name; name++) {
		struct standing *standing = alloc_zero(1, sizeof(*standing));

		standing->app = app_get(gateway, *name);
		standing->bound_s = AGAIN_FIRST_S;
		/* It is needed for good, so that a transient one is not deleted either. */
		management_use(standing->app);
		ev_timer_init(&standing->again, standing_ask, 0., 0.);
		standing->again.data = standing;
		ev_timer_start(gateway->loop, &standing->again);
		standing->next = gateway->standing;
		gateway->standing = standing;
	}
}

void standing_stop(struct gateway *gateway)
{
	while (gateway->standing) {
		struct standing *standing = gateway->standing;

		gateway->standing = standing->next;
		ev_timer_stop(gateway->loop, &standing->again);
		if (standing->request)
			request_cancel(standing->app, standing->request);
		free(standing);
	}
}
