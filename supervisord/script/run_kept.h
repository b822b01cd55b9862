/* SPDX-License-Identifier: GPL-2.0-only */
/* What the keeper keeps of a run, so that the next supervisor can go on with it. */
#ifndef SUPERVISORD_RUN_KEPT_H
#define SUPERVISORD_RUN_KEPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervisord/gateway.h"

/**
 * struct run_kept - a run
 * @begun_ns: when it was requested; no two runs have the same
 * @order: the center's request that it is for, or NULL
 * @drive: where its script stands, of drive_save(); NULL before it is there
 * @text: the script, as it was fetched and verified: a memfd, or -1
 */
struct run_kept {
	const char *service;
	uint64_t begun_ns;
	int faults;
	const char *order;
	json_t *drive;
	int text;
};

/** run_kept_put - keep it; @text is needed once, -1 leaves it as it is. @drive is consumed */
void run_kept_put(const struct gateway *gateway, const struct run_kept *kept);
void run_kept_drop(const struct gateway *gateway, uint64_t begun_ns);

/**
 * run_kept_take - keep what the keeper had until runs can go on; false where it is no run's
 * @fds: as in keeper_item_fn
 */
bool run_kept_take(struct gateway *gateway, const char *name, json_t *data, int *fds, int n);

/**
 * run_kept_hand_out - all that was taken, in its order; it is forgotten then
 * @fn: what it gets is borrowed, @text too; NULL: nobody wants it
 */
void run_kept_hand_out(struct gateway *gateway,
		       void (*fn)(struct gateway *gateway, const struct run_kept *kept));

/** run_kept_text - a script in a file of its own in memory, or -1 */
int run_kept_text(const char *text, size_t size);
/** run_kept_read - the whole of it, to be freed; NULL where it cannot be had */
char *run_kept_read(int text, size_t *size);

#endif /* SUPERVISORD_RUN_KEPT_H */
