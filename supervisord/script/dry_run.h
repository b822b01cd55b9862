/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What running a service would do now: its script is fetched from the center and
 * checked against this gateway's definition and list of events. No application is
 * fetched or started.
 */
#ifndef SUPERVISORD_DRY_RUN_H
#define SUPERVISORD_DRY_RUN_H

#include <jansson.h>

#include "lib/error.h"
#include "supervisord/gateway.h"

/* What is told line by line, so that it fits a connection of the control socket. */
#define DRY_RUN_LINES_MAX 1000
#define DRY_RUN_LINE_MAX (48 << 10)
#define DRY_RUN_BYTES_MAX (512 << 10)

struct dry_run;

/**
 * struct dry_run_observer - who asked
 * @line: as plan_show() has it
 * @ended: @summary as plan_summary() has it, and "left_out", the number of lines that
 *	were not told; borrowed, NULL with @err set. The dry run is gone afterwards
 */
struct dry_run_observer {
	void (*line)(void *user, json_t *line);
	void (*ended)(void *user, json_t *summary, const struct error *err);
};

/**
 * dry_run_start - begin
 *
 * Return: valid until @ended; NULL with @err set, nothing is called then.
 */
struct dry_run *dry_run_start(struct gateway *gateway, const char *service,
			      const struct dry_run_observer *observer, void *user,
			      struct error *err);

/** dry_run_forget - the observer is gone: it is freed */
void dry_run_forget(struct dry_run *dry_run);

#endif /* SUPERVISORD_DRY_RUN_H */
