// SPDX-License-Identifier: GPL-2.0-only
/* The script (12) of a run: fetched, interpreted (333), checked against the gateway, and driven (334). */
#include <errno.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "supervisord/reliability/refusal.h"
#include "supervisord/script/plan.h"
#include "supervisord/script/run_private.h"

static void drive_ended(void *user, const struct error *err)
{
	run_end(user, err);
}

static void drive_moved(void *user)
{
	run_keep(user, -1);
}

/* A run's applications are here, so that each processing is known or does not exist. */
static int processing_timeout(void *user, const char *application, const char *processing)
{
	const struct app *app = app_get(user, application);
	const struct application_processing *found =
		app->data ? application_processing(app->data, processing) : NULL;

	return found ? found->timeout_s : -ENOENT;
}

int run_script_check(const struct run *run, const char *name, struct error *err)
{
	const struct event_list_entry *refused = NULL;
	const struct plan plan = {
		.name = name, .program = run->program, .events = run->events,
		.timeout = processing_timeout, .user = run->gateway, .refused = &refused,
	};
	int ret = plan_check(&plan, err);

	if (refused)
		refusal_note(run->gateway, &(struct refusal){
			.kind = "range.operation", .application = refused->application,
			.version = app_version(app_get(run->gateway, refused->application)),
			.service = run->service, .processing = refused->processing,
			.asked_by = "script", .reason = err->text });
	return ret;
}

struct drive_setup run_script_setup(struct run *run)
{
	return (struct drive_setup){
		.gateway = run->gateway, .service = run->service,
		.application = run_application(run), .program = run->program,
		.events = run->events, .ended = drive_ended, .moved = drive_moved, .user = run,
	};
}

/* A script that its definition does not allow, or that is too long; what this gateway lacks for it is another matter. */
static void script_refused(const struct run *run, const struct error *err)
{
	if (err->line && err->code != -ENOENT)
		refusal_note(run->gateway, &(struct refusal){
			.kind = "script.refused", .service = run->service, .reason = err->text });
}

static void script_fetched(void *user, struct program *program, const char *text, size_t size,
			   const struct error *why)
{
	__cleanup_close int kept = -1;
	struct run *run = user;
	struct drive_setup setup;
	struct error err = { 0 };
	char name[NAME_MAX_LEN + 8];

	run->fetching = NULL;
	run->program = program;
	snprintf(name, sizeof(name), "%s.xml", run->service);
	if (!program || run_script_check(run, name, &err)) {
		script_refused(run, program ? &err : why);
		run_end(run, program ? &err : why);
		return;
	}
	collection_add(run->gateway, &(struct event){
		.part = "script", .name = "script.interpreted",
		.application = run_application(run) },
		"script %s downloaded, valid against its definition: %s%llu event%s", run->service,
		run->program->controlled ? "at most " : "",
		(unsigned long long)run->program->length.requests,
		text_s(run->program->length.requests));
	setup = run_script_setup(run);
	run->drive = drive_start(&setup);
	kept = run_kept_text(text, size);
	run_keep(run, kept);
}

void run_script_begin(struct run *run)
{
	struct error err = { 0 };

	run->fetching = script_fetch(run->gateway, run->service, run->definition, script_fetched, run,
				     &err);
	if (!run->fetching)
		run_end(run, &err);
}
