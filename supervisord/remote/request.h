/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Request processing means (323): a request to start an application is served
 * by starting it when it is there, and by fetching it first when it is not
 * (steps S11 to S15). Requests for the same application share one download.
 */
#ifndef SUPERVISORD_REQUEST_H
#define SUPERVISORD_REQUEST_H

#include "lib/error.h"
#include "supervisord/remote/application.h"

/** typedef request_done_fn - the application runs, or @err says why it does not */
typedef void (*request_done_fn)(void *user, struct app *app, const struct error *err);

/**
 * request_start - ask for an application to run
 *
 * @done may be called before this returns.
 *
 * Return: the request, valid until @done; NULL when it was called already.
 */
struct request *request_start(struct app *app, request_done_fn done, void *user);

/** request_cancel - @done will not be called; what is under way goes on */
void request_cancel(struct app *app, struct request *request);

/** requests_drop - forget those that wait, without a word: the supervisor stops */
void requests_drop(struct app *app);

/** request_advance - the application's state has changed: serve those that wait */
void request_advance(struct app *app);

#endif /* SUPERVISORD_REQUEST_H */
