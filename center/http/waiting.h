/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests that wait for a change of the list of countermeasures (133): their
 * connections sleep, and a thread that looks at the policy version wakes them.
 * While none waits it does nothing. Waiting reads and never writes.
 */
#ifndef CENTER_HTTP_WAITING_H
#define CENTER_HTTP_WAITING_H

#include <stdint.h>

#include "center/store/store.h"
#include "lib/error.h"

struct exchange;
struct waiting;

#define WAITING_MAX_S 60

/** waiting_start - open a reader of the store and start the thread; NULL with @err set */
struct waiting *waiting_start(const struct store_place *place, struct error *err);

/**
 * waiting_add - let a request sleep until the version is not @version, or for @seconds
 *
 * Then the request's resume function is called. When waiting has been ended
 * that is at once.
 */
void waiting_add(struct waiting *waiting, struct exchange *exchange, int64_t version,
		 int seconds);

/** waiting_end - wake all; who comes later does not sleep */
void waiting_end(struct waiting *waiting);
/** waiting_free - end the thread, and forget it; NULL is allowed */
void waiting_free(struct waiting *waiting);

#endif /* CENTER_HTTP_WAITING_H */
