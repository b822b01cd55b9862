/* SPDX-License-Identifier: GPL-2.0-only */
/* How a process of an application is started: by its application data, its limits, and what this gateway has. */
#ifndef SUPERVISORD_LAUNCH_H
#define SUPERVISORD_LAUNCH_H

#include "lib/application.h"
#include "lib/cleanup.h"
#include "lib/error.h"
#include "supervisord/remote/application.h"
#include "supervisord/runtime/process.h"

/**
 * struct launch - what is started, and what that is made of
 * @setup: points to the rest; its handler is the owner's to set
 * @data: the application data, with the limits that hold
 */
struct launch {
	struct process_setup setup;
	struct application data;
	char *folder;
	char *state_folder;
	char *prepared;
	char *notify_folder;
};

/** launch_make - by what holds now; launch_end() in any case. Return: 0, or -ENOENT with @err set */
int launch_make(struct launch *launch, struct app *app, struct error *err);
void launch_end(struct launch *launch);

static inline void launch_endp(struct launch *launch)
{
	launch_end(launch);
}
#define __cleanup_launch __cleanup(launch_endp)

#endif /* SUPERVISORD_LAUNCH_H */
