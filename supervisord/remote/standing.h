/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Applications that stand on this gateway by its profile (R12): they are fetched and
 * started with the supervisor, and asked for again until they run. No script is needed.
 */
#ifndef SUPERVISORD_STANDING_H
#define SUPERVISORD_STANDING_H

#include "supervisord/gateway.h"

/** standing_start - ask for all that the settings name */
void standing_start(struct gateway *gateway);
/** standing_stop - ask no more; before the applications are forgotten */
void standing_stop(struct gateway *gateway);

#endif /* SUPERVISORD_STANDING_H */
