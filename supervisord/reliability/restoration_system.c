// SPDX-License-Identifier: GPL-2.0-only
/* Countermeasures on the gateway: collect deeper data, hold the next fault, reboot. */
#include <errno.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "supervisord/reliability/evidence.h"
#include "supervisord/reliability/halt.h"
#include "supervisord/reliability/restoration.h"
#include "supervisord/reliability/store.h"
#include "supervisord/runtime/process.h"
#include "supervisord/settings.h"

void restoration_collect(struct fault *fault)
{
	struct app *app = fault->app;
	const struct process *process = app->process;

	json_decref(fault->collected);
	fault->collected = evidence_collect(process && !process->gone ? process->pid : 0);
	store_fault_collected(app->gateway->store, fault->row.id, fault->collected);
	restoration_follow(fault);
}

/* This fault is over: the next one is held. What follows, such as a restart, is done now. */
void restoration_hold(struct fault *fault)
{
	struct error err = { 0 };

	if (holding_set(fault->app, restoration_parameter(fault, "seconds", HOLDING_SECONDS), true, &err))
		restoration_failed(fault, "%s", err.text);
	else
		restoration_follow(fault);
}

/*
 * The outcome is on disk before the gateway goes down. The next supervisor counts
 * the attempt by it, so a fault that is there after each boot ends as a loop too.
 */
void restoration_reboot(struct fault *fault)
{
	struct gateway *gateway = fault->app->gateway;
	int error;

	if (!gateway->settings->reboot) {
		restoration_failed(fault, "this gateway does not reboot for a fault; <faults reboot=\"yes\"/> in gateway.xml allows it");
		return;
	}
	if (!fault->recorded || halt_reboot(gateway, fault->row.id) || fault_outcome_store(fault, true, "the gateway reboots")) {
		halt_not_expected(gateway);
		restoration_failed(fault, "not rebooted: what led to it cannot be kept on this disk");
		return;
	}
	sync();
	reboot(LINUX_REBOOT_CMD_RESTART);
	/* Still here: it has no right to. */
	error = errno;
	halt_not_expected(gateway);
	restoration_failed(fault, "reboot: %s", strerror(error));
}
