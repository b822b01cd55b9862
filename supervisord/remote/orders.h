/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The center's requests to run a service (docs/protocol.md, "Services by request").
 * Each is on the gateway's disk before the center is told that it is taken, begins after
 * the center has agreed, and runs at most once: what is not known to have been begun
 * begins, whatever dies in between, and what may have been begun does not begin again.
 */
#ifndef SUPERVISORD_ORDERS_H
#define SUPERVISORD_ORDERS_H

#include <jansson.h>

#include "supervisord/gateway.h"

struct run_observer;

/** orders_open - know again what was taken; before run_list_resume() */
void orders_open(struct gateway *gateway);
/** orders_start - go on with it, and ask the center for more */
void orders_start(struct gateway *gateway);
/** orders_close - the runs are gone by then, and the link too. NULL-safe */
void orders_close(struct gateway *gateway);

/**
 * orders_adopt - a supervisor before this one began this run for a request
 *
 * Return: who is to be told of it, with its @user; NULL when the request is over.
 */
const struct run_observer *orders_adopt(struct gateway *gateway, const char *id, void **user);

/** orders_center_changed - another center is asked: what it has is not known */
void orders_center_changed(struct gateway *gateway);

/** orders_describe - append {service, request, author, state, last, outcome} of the last ones to @array */
void orders_describe(const struct gateway *gateway, json_t *array);

#endif /* SUPERVISORD_ORDERS_H */
