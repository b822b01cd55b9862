/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Application downloading means (324): by the center server data and what the
 * center says of the application, the bundle streams from the link into
 * faultline-unpack, which verifies it, and is installed (S13, S14).
 */
#ifndef SUPERVISORD_DOWNLOAD_H
#define SUPERVISORD_DOWNLOAD_H

#include "lib/error.h"
#include "supervisord/remote/application.h"

/** typedef download_done_fn - the application is installed, or @err says why it is not */
typedef void (*download_done_fn)(struct app *app, const struct error *err);

/**
 * download_start - fetch and install an application that is absent
 * @done: called once, perhaps before this returns
 */
void download_start(struct app *app, download_done_fn done);

/** download_drop - end a download without its done function: the supervisor stops */
void download_drop(struct app *app);

#endif /* SUPERVISORD_DOWNLOAD_H */
