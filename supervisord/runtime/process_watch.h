/* SPDX-License-Identifier: GPL-2.0-only */
/* What the application data says of an application's watch, in the kernel's words. */
#ifndef SUPERVISORD_RUNTIME_PROCESS_WATCH_H
#define SUPERVISORD_RUNTIME_PROCESS_WATCH_H

#include "lib/application.h"
#include "supervisord/reliability/source.h"

/** process_watch_settings - soft limits, from its <resources>; without @app: none */
void process_watch_settings(struct source_settings *settings, const struct application *app);

#endif /* SUPERVISORD_RUNTIME_PROCESS_WATCH_H */
