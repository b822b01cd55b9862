/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests over HTTP that wait for a change of the list of countermeasures (133), for
 * faults, or for services that a gateway is to run: their connections sleep, and a thread
 * that looks at the policy version and the marks of the others wakes them. While none
 * waits it does nothing. Waiting reads and never writes.
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
 * enum waiting_for - what it waits for: another policy version, another mark of the
 * faults, or a service that the gateway of its path is to run
 */
enum waiting_for { WAITING_FOR_POLICY, WAITING_FOR_FAULTS, WAITING_FOR_REQUESTS, WAITING_FORS };

/**
 * waiting_add - let a request sleep until the version is not @version, or for @seconds
 *
 * Then the request's resume function is called. When waiting has been ended
 * that is at once.
 */
void waiting_add(struct waiting *waiting, struct exchange *exchange, enum waiting_for what,
		 int64_t version, int seconds);

/** waiting_count - how many sleep */
size_t waiting_count(struct waiting *waiting);

/** waiting_stir - outcomes came in, which the mark of the faults does not show */
void waiting_stir(struct waiting *waiting);
/** waiting_mark - the mark of the faults that was read from the store, with what came since */
int64_t waiting_mark(struct waiting *waiting, int64_t mark);

/** waiting_end - wake all; who comes later does not sleep */
void waiting_end(struct waiting *waiting);
/** waiting_free - end the thread, and forget it; NULL is allowed */
void waiting_free(struct waiting *waiting);

#endif /* CENTER_HTTP_WAITING_H */
