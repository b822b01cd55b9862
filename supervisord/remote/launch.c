// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/remote/launch.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/alloc.h"
#include "supervisord/remote/preparation.h"
#include "supervisord/runtime/runtimes.h"
#include "supervisord/settings.h"

int launch_make(struct launch *launch, struct app *app, struct error *err)
{
	const struct gateway *gateway = app->gateway;
	const struct app_limits *limits = &app->limits;

	*launch = (struct launch){
		.data = *app->data,
		.folder = app_folder(app),
		.state_folder = app_state_folder(app),
		.prepared = preparation_find(app),
		.notify_folder = alloc_format("%s/notify", gateway->settings->run_folder),
	};
	if (limits->memory_mib)
		launch->data.memory_mib = limits->memory_mib;
	if (limits->files)
		launch->data.files = limits->files;
	if (limits->processes)
		launch->data.processes = limits->processes;
	launch->setup = (struct process_setup){
		.application = &launch->data,
		.command = runtimes_command(gateway->runtimes, app->data, launch->folder,
					    launch->prepared, err),
		.folder = launch->folder,
		.state_folder = launch->state_folder,
		.prepared = launch->prepared,
		.notify_folder = launch->notify_folder,
		.uid = app->uid,
		.isolation = gateway->isolation,
		.source_ops = gateway->source_ops,
		.source = gateway->source,
		.logs = gateway->logs,
		.keeper = gateway->keeper,
	};
	return launch->setup.command ? 0 : -ENOENT;
}

void launch_end(struct launch *launch)
{
	runtimes_command_free(launch->setup.command);
	free(launch->folder);
	free(launch->state_folder);
	free(launch->prepared);
	free(launch->notify_folder);
}
