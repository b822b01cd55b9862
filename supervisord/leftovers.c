// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/leftovers.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/file.h"
#include "supervisord/control/control.h"
#include "supervisord/reliability/pins.h"
#include "supervisord/remote/takeover.h"
#include "supervisord/runtime/cgroup.h"
#include "supervisord/runtime/keeper.h"

static void item_end(void *user, const char *item, json_t *data, int *fds, int n)
{
	int *ended = user;

	takeover_refuse(data, fds, n);
	*ended += 1;
}

/* Processes that go on without a supervisor; in the order of their start. */
static int keeper_end(const char *folder, struct error *err)
{
	struct keeper *keeper = keeper_find(folder);
	int ended = 0, ret;

	if (!keeper)
		return 0;
	ret = keeper_list(keeper, item_end, &ended);
	keeper_close(keeper, !ret);
	if (ret)
		return error_set(err, ret, "faultline-keeper: what it kept is not known");
	printf("faultline-keeper is ended, and what it kept: %d\n", ended);
	return 0;
}

static int pin_count(void *user, const char *name, int fd)
{
	close(fd);
	*(int *)user += 1;
	return 0;
}

static void pins_remove(struct pins *pins)
{
	int count = 0;

	if (pins->folder < 0)
		return;
	pins_each(pins, "", pin_count, &count);
	pins_clear(pins, "");
	if (count)
		printf("the probes are detached: %d names in %s\n", count, pins->path);
}

static int groups_remove(const char *name, struct error *err)
{
	int count = cgroups_remove(name, err);

	if (count > 0)
		printf("places of control groups: %d\n", count);
	return count < 0 ? count : 0;
}

int leftovers_remove(const struct settings *settings, struct error *err)
{
	__cleanup_free char *notify = alloc_format("%s/notify", settings->run_folder);
	struct pins pins = PINS_NONE;
	int ret = control_vacate(settings->run_folder, err);

	/* The folder's lock is a supervisor's as long as it runs, wherever its socket is. */
	if (!ret && !access(PINS_BASE, F_OK))
		ret = pins_open(&pins, settings->state_folder, err);
	if (!ret)
		ret = keeper_end(settings->run_folder, err);
	if (!ret)
		ret = groups_remove(settings->name, err);
	if (!ret)
		ret = folder_remove(notify, err);
	if (!ret)
		pins_remove(&pins);
	pins_close(&pins);
	return ret;
}
