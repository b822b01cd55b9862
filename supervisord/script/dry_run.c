// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/script/dry_run.h"

#include <errno.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/name.h"
#include "supervisord/remote/application.h"
#include "supervisord/script/plan.h"
#include "supervisord/script/run.h"
#include "supervisord/script/script.h"
#include "supervisord/script/switching.h"

struct dry_run {
	struct gateway *gateway;
	const struct dry_run_observer *observer;	/* NULL: it is gone */
	void *user;
	char service[NAME_MAX_LEN + 1];
	struct definition *definition;
	struct event_list *events;
	struct script_fetch *fetching;
};

static void dry_run_free(struct dry_run *dry_run)
{
	definition_free(dry_run->definition);
	event_list_put(dry_run->events);
	free(dry_run);
}

/* Of what is installed; what is not here is not fetched for it. */
static int processing_timeout(void *user, const char *application, const char *processing)
{
	for (const struct app *app = app_list_first(user); app; app = app->next) {
		const struct application_processing *found;

		if (strcmp(app->name, application) || !app->data)
			continue;
		found = application_processing(app->data, processing);
		return found ? found->timeout_s : -ENOENT;
	}
	return 0;
}

/* struct telling - @room: bytes that may still be told; arguments can be long */
struct telling {
	const struct dry_run *dry_run;
	size_t room;
	size_t left_out;
};

static void line_tell(void *user, json_t *line)
{
	struct telling *telling = user;
	size_t size = json_dumpb(line, NULL, 0, JSON_COMPACT | JSON_REAL_PRECISION(15));

	if (size > telling->room || size > DRY_RUN_LINE_MAX) {
		telling->room = 0;
		telling->left_out++;
		return;
	}
	telling->room -= size;
	telling->dry_run->observer->line(telling->dry_run->user, line);
}

static void plan_tell(const struct dry_run *dry_run, const struct plan *plan)
{
	struct telling telling = { .dry_run = dry_run, .room = DRY_RUN_BYTES_MAX };
	size_t beyond = plan_show(plan, DRY_RUN_LINES_MAX, line_tell, &telling);
	json_t *summary = plan_summary(plan);

	json_object_set_new(summary, "left_out", json_integer(beyond + telling.left_out));
	dry_run->observer->ended(dry_run->user, summary, NULL);
	json_decref(summary);
}

static void script_fetched(void *user, struct program *fetched, const char *text, size_t size,
			   const struct error *why)
{
	struct dry_run *dry_run = user;
	__cleanup_free char *name = alloc_format("%s.xml", dry_run->service);
	__cleanup_program struct program *program = fetched;
	struct error err = { 0 };
	struct plan plan = {
		.name = name, .program = program, .events = dry_run->events,
		.timeout = processing_timeout, .user = dry_run->gateway,
	};

	if (!program || plan_check(&plan, &err))
		dry_run->observer->ended(dry_run->user, NULL, program ? &err : why);
	else
		plan_tell(dry_run, &plan);
	dry_run_free(dry_run);
}

struct dry_run *dry_run_start(struct gateway *gateway, const char *service,
			      const struct dry_run_observer *observer, void *user,
			      struct error *err)
{
	struct dry_run *dry_run = alloc_zero(1, sizeof(*dry_run));

	dry_run->gateway = gateway;
	dry_run->observer = observer;
	dry_run->user = user;
	dry_run->definition = run_definition(gateway, service, err);
	if (!dry_run->definition) {
		dry_run_free(dry_run);
		return NULL;
	}
	strcpy(dry_run->service, service);
	dry_run->events = switching_current(gateway);
	dry_run->fetching = script_fetch(gateway, service, dry_run->definition, script_fetched,
					 dry_run, err);
	if (!dry_run->fetching) {
		dry_run_free(dry_run);
		return NULL;
	}
	return dry_run;
}

void dry_run_forget(struct dry_run *dry_run)
{
	script_forget(dry_run->fetching);
	dry_run_free(dry_run);
}
