// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faultline: sees the faults of watched processes in the kernel, with the
 * evidence, and tells the supervisor over generic netlink.
 *
 *  probe -> candidate, ending -> process -> slot -> stream -> netlink
 *           twork, capture, hold  watch, record, block
 *  kfunc, limit -> record
 *  scan -> hang -> tally
 *  device -> heartbeat -> watch
 */
#include <linux/log2.h>
#include <linux/module.h>
#include <net/genetlink.h>
#include <linux/faultline.h>

#include "block.h"
#include "capture.h"
#include "device.h"
#include "hold.h"
#include "kfunc.h"
#include "limit.h"
#include "netlink.h"
#include "probe.h"
#include "process.h"
#include "scan.h"
#include "stream.h"
#include "twork.h"
#include "watch.h"

/* Works are in use for a moment only; a capture can be taken without one. */
#define MAX_WORKS 256U

static unsigned int slots = 1024;
module_param(slots, uint, 0444);
MODULE_PARM_DESC(slots, "records that each CPU can hold for the stream's thread (8-65536, a power of two)");

static unsigned int kept = 32768;
module_param(kept, uint, 0444);
MODULE_PARM_DESC(kept, "records kept until they are acknowledged (8-1048576, a power of two)");

static unsigned int captures = 512;
module_param(captures, uint, 0444);
MODULE_PARM_DESC(captures, "captures held at a time, 8 KB each, and of every eighth 32 KB (0-65536)");

static unsigned int blocks = 1024;
module_param(blocks, uint, 0444);
MODULE_PARM_DESC(blocks, "records with small evidence held at a time, 1 KB each (0-65536)");

static unsigned int max_watches = 256;
module_param(max_watches, uint, 0444);
MODULE_PARM_DESC(max_watches, "watches at a time (1-65536)");

static unsigned int max_processes = 2048;
module_param(max_processes, uint, 0444);
MODULE_PARM_DESC(max_processes, "watched processes at a time (1-65536)");

static unsigned int max_threads = 2048;
module_param(max_threads, uint, 0444);
MODULE_PARM_DESC(max_threads, "threads looked at for hangs at a time (1-1048576)");

static bool __init parameter_check(const char *name, unsigned int value,
				   unsigned int min, unsigned int max, bool power)
{
	if (value >= min && value <= max && (!power || is_power_of_2(value)))
		return true;
	pr_err("parameter %s=%u: must be %u to %u%s\n", name, value, min, max,
	       power ? " and a power of two" : "");
	return false;
}

static bool __init parameters_check(void)
{
	return parameter_check("slots", slots, 8, 65536, true) &&
	       parameter_check("kept", kept, 8, 1048576, true) &&
	       parameter_check("captures", captures, 0, 65536, false) &&
	       parameter_check("blocks", blocks, 0, 65536, false) &&
	       parameter_check("max_watches", max_watches, 1, 65536, false) &&
	       parameter_check("max_processes", max_processes, 1, 65536, false) &&
	       parameter_check("max_threads", max_threads, 1, 1048576, false);
}

static int __init faultline_init(void)
{
	int err;

	if (!parameters_check())
		return -EINVAL;

	err = fl_capture_init(captures);
	if (err)
		goto err_capture;
	err = fl_blocks_init(blocks);
	if (err)
		goto err_blocks;
	err = fl_twork_init(min(captures, MAX_WORKS));
	if (err)
		goto err_twork;
	err = fl_process_init(max_processes);
	if (err)
		goto err_process;
	fl_watch_init(max_watches);
	err = fl_stream_init(slots, kept);
	if (err)
		goto err_stream;
	err = fl_probe_init();
	if (err)
		goto err_probe;
	fl_limit_init();
	err = fl_scan_start(max_threads);
	if (err)
		goto err_scan;
	err = fl_device_init();
	if (err)
		goto err_device;
	/* After the probes: an exit must not be missed once a watch can be set. */
	err = fl_netlink_init();
	if (err)
		goto err_netlink;
	err = fl_stream_start();
	if (err)
		goto err_start;
	/* Last, as there is no way back: no program may call before init is over. */
	fl_kfunc_init();
	return 0;

err_start:
	fl_netlink_exit();
err_netlink:
	fl_device_exit();
err_device:
	fl_scan_stop();
	fl_scan_exit();
err_scan:
	fl_limit_exit();
	fl_probe_exit();
err_probe:
	fl_hold_close();
	fl_twork_retire();
	fl_stream_exit();
err_stream:
	fl_watch_exit();
	fl_process_exit();
err_process:
	fl_twork_exit();
err_twork:
	fl_blocks_exit();
err_blocks:
	fl_capture_exit();
err_capture:
	pr_err("not loaded: %pe\n", ERR_PTR(err));
	return err;
}

static void __exit faultline_exit(void)
{
	/* Before the family goes, through which it sends. */
	fl_stream_stop();
	fl_netlink_exit();
	fl_device_exit();
	fl_scan_stop();
	fl_scan_exit();
	fl_limit_exit();
	fl_probe_exit();
	fl_hold_close();
	fl_twork_retire();
	fl_stream_exit();
	fl_watch_exit();
	fl_process_exit();
	fl_twork_exit();
	fl_blocks_exit();
	fl_capture_exit();
}

module_init(faultline_init);
module_exit(faultline_exit);

MODULE_DESCRIPTION("Sees the faults of watched processes and tells the supervisor");
MODULE_AUTHOR("The Faultline developers");
MODULE_LICENSE("GPL");
MODULE_ALIAS_GENL_FAMILY(FAULTLINE_GENL_NAME);
