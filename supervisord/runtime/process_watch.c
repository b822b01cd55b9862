// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/runtime/process_watch.h"

static void warn_give(struct source_settings *settings, enum faultline_watch_attr attr,
		      uint64_t limit, int percent)
{
	source_settings_give(settings, attr, limit * percent / 100);
}

void process_watch_settings(struct source_settings *settings, const struct application *app)
{
	if (!app)
		return;
	if (app->warn_percent) {
		warn_give(settings, FAULTLINE_WATCH_A_SOFT_MEMORY, (uint64_t)app->memory_mib << 20,
			  app->warn_percent);
		warn_give(settings, FAULTLINE_WATCH_A_SOFT_PROCESSES, app->processes,
			  app->warn_percent);
		warn_give(settings, FAULTLINE_WATCH_A_SOFT_FILES, app->files, app->warn_percent);
	}
	if (app->warn_cpu_s)
		source_settings_give(settings, FAULTLINE_WATCH_A_SOFT_CPU,
				     app->warn_cpu_s * 1000000000ULL);
}
