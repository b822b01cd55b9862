// SPDX-License-Identifier: GPL-2.0-only
#include "supervisord/reliability/probes_beside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "supervisord/reliability/probes_limits.h"
#include "supervisord/reliability/probes_object.h"

#define MODULE_BTF "/sys/kernel/btf/faultline"

static const struct probes_part limits_part = {
	.name = "limits",
	.blind = "limits that a system call ran into are not seen",
	.elf = probes_limits_elf,
	.prepare = probes_limits_prepare_beside,
	.hooks = probes_limits_hooks,
};

struct probes_beside {
	struct probes_object limits;
	char blind[2 * ERROR_TEXT_MAX];
};

struct probes_beside *probes_beside_open(void)
{
	struct probes_beside *beside = alloc_zero(1, sizeof(*beside));
	struct error err = {};

	beside->limits.part = &limits_part;
	if (access(MODULE_BTF, F_OK))
		error_set(&err, -ENOENT,
			  "faultline.ko was built without BTF, so that BPF programs cannot call it");
	else
		probes_object_load(&beside->limits, &limits_part, NULL, &err);
	if (err.code)
		snprintf(beside->blind, sizeof(beside->blind), "%s: %s", limits_part.blind, err.text);
	else
		probes_object_blind(&beside->limits, beside->blind, sizeof(beside->blind));
	return beside;
}

const char *probes_beside_blind(const struct probes_beside *beside)
{
	return beside->blind[0] ? beside->blind : NULL;
}

int probes_beside_parts(const struct probes_beside *beside, struct source_part *parts, int room)
{
	if (!room)
		return 0;
	probes_object_measure(&beside->limits, &parts[0]);
	return 1;
}

void probes_beside_close(struct probes_beside *beside)
{
	if (!beside)
		return;
	probes_object_close(&beside->limits);
	free(beside);
}
