// SPDX-License-Identifier: GPL-2.0-only
/* The runs of a supervisor that has died go on under this one. */
#include <errno.h>

#include "lib/cleanup.h"
#include "lib/script/interpretation.h"
#include "supervisord/remote/orders.h"
#include "supervisord/script/run_private.h"

/* Compiles what was kept of the script, and finds the place in it. */
static void drive_find(struct run *run, const struct run_kept *kept, struct error *err)
{
	__cleanup_free char *text = NULL;
	struct drive_setup setup;
	size_t size = 0;

	text = run_kept_read(kept->text, &size);
	if (!text) {
		error_set(err, -EIO, "%s: its script was not kept when the supervisor ended",
			  run->service);
		return;
	}
	run->program = interpretation_compile(run->definition, run->service, text, size, err);
	if (!run->program || run_script_check(run, run->service, err))
		return;
	setup = run_script_setup(run);
	run->drive = drive_resume(&setup, kept->drive);
	if (!run->drive)
		error_set(err, -EINVAL, "%s: its definition has changed, and its place is not there any more",
			  run->service);
}

static void run_resume(struct gateway *gateway, const struct run_kept *kept)
{
	struct run *run = run_new(gateway, kept->service, kept->begun_ns);
	struct error err = { 0 };

	run->resumed = true;
	run->faults = kept->faults;
	if (kept->order)
		run->observer = orders_adopt(gateway, kept->order, &run->user);
	if (!run_prepare(run, &err) && kept->drive)
		drive_find(run, kept, &err);
	run->err = err;
}

/* What nobody is there any more to answer was interrupted. */
static void resumed_begin(struct run *run)
{
	struct error err = run->err;

	run->resumed = false;
	collection_add(run->gateway, &(struct event){
		.part = "script", .name = "service.resumed",
		.application = run_application(run) },
		"service %s, which a supervisor before this one began, goes on", run->service);
	if (err.code) {
		run_end(run, &err);
		return;
	}
	for (int i = 0; run->drive && i < run->n_apps; i++)
		drive_unanswered(run->drive, run->apps[i]);
	run_applications_request(run, 0);
}

void run_list_resume(struct gateway *gateway)
{
	struct run *run;

	run_kept_hand_out(gateway, run_resume);
	do {
		for (run = gateway->runs ? gateway->runs->first : NULL; run; run = run->next)
			if (run->resumed)
				break;
		if (run)
			resumed_begin(run);
	} while (run);
}
