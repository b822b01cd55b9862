/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon does by itself: look whether tokens have changed, measure what
 * gateways take of the store, and have written down who was seen. One thread.
 */
#ifndef CENTER_HTTP_KEEPER_H
#define CENTER_HTTP_KEEPER_H

#include "center/store/store.h"

struct keeper;
struct server;

/** keeper_start - read the tokens and start the thread; NULL with @err set */
struct keeper *keeper_start(struct server *server, const struct store_place *place,
			    struct error *err);

/** keeper_stop - end it; before the writer is drained. NULL is allowed */
void keeper_stop(struct keeper *keeper);

#endif /* CENTER_HTTP_KEEPER_H */
