#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Rows of the lifecycle (tests/gateway/test_lifecycle.py) that need a machine of their own: its clock is set, its disk's
driver fails.

  rows.py --modules FOLDER --bundles FOLDER [--unit-port N] [ROW...]

Runs as root in a VM. TAP on standard output, a line for each row.
"""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["FAULTLINE_BUILD"] = "build/out"
from disk import run  # noqa: E402
from gateway_site import ROOT, Site, wait_until  # noqa: E402
from lifecycle import RESTORED, Row, begin, check  # noqa: E402

YEAR_S = 365 * 86400
DISK_MIB = 32
BACK_OFF_MS = 15000
SEGV = ("signal.segv", "restart", "restored", "center")
OWN = ("signal.segv", "restart", "restored", "gateway")
OWN_ABORT = ("signal.abrt", "restart", "restored", "gateway")


class Machine(Site):
    """Bundles are packed before: under emulation it takes long."""

    def __init__(self, folder, bundles, unit_port):
        super().__init__(folder)
        self.bundles = bundles
        self.unit = self.spawn("unit", ROOT / "build/out/bin/aircon-unit", "--port", unit_port, wait_line="listening on ")

    def add_bundle(self, **bundle):
        self.center("app", "add", self.bundles / "air-conditioner-1.0.0.tar.zst")


class Disk:
    """A disk in memory below the state folder, which can be made to fail. It has no journal, which would end with that."""
    name = "failing"

    def __init__(self, site):
        self.sectors = DISK_MIB << 11
        run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-E", "nodiscard", "/dev/ram0", f"{DISK_MIB}m")
        run("dmsetup", "create", self.name, "--noudevsync", "--table", self.table("linear /dev/ram0 0"))
        device = "/dev/dm-" + run("dmsetup", "info", "-c", "--noheadings", "-o", "minor", self.name).strip()
        site.state.mkdir()
        run("mount", "-t", "ext4", "-o", "errors=continue", device, site.state)
        site.state.chmod(0o711)
        self.site = site

    def table(self, target):
        return f"0 {self.sectors} {target}"

    def put(self, target):
        run("dmsetup", "suspend", "--noudevsync", "--noflush", "--nolockfs", self.name)
        run("dmsetup", "load", self.name, "--table", self.table(target))
        run("dmsetup", "resume", "--noudevsync", self.name)

    def fail(self):
        self.put("error")

    def mend(self):
        self.put("linear /dev/ram0 0")

    def close(self):
        run("umount", self.site.state)
        run("dmsetup", "remove", "--noudevsync", self.name)


def clock_jumps(seconds):
    time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)


def clock_forward_while_the_center_is_dead(m):
    """What nobody was told of is not too old to be kept."""
    m.center_killed()
    m.strike_handled()
    clock_jumps(10 * YEAR_S)
    m.gateway_killed()
    m.center_started()


def clock_back_while_the_center_is_dead(m):
    """They are told in the order in which they struck."""
    m.center_killed()
    m.strike_handled()
    clock_jumps(-YEAR_S)
    m.strike_handled(2, signal.SIGABRT)
    assert [f["kind"] for f in m.site.ask("faults")] == ["signal.abrt", "signal.segv"]
    m.center_started()


def clock_forward_in_the_crash_loop(m):
    """Attempts are counted by a clock that nobody sets."""
    for n in range(1, 5):
        m.strike_handled(n)
        clock_jumps(YEAR_S)


def clock_forward_and_gateway_killed_in_the_crash_loop(m):
    """Nor does a supervisor that starts anew count them by the calendar."""
    for n in range(1, 5):
        m.strike_handled(n)
        clock_jumps(YEAR_S)
        m.gateway_killed()


def clock_set_in_the_back_off(seconds, then=lambda m: None):
    """It lasts as long as if nobody had set the clock."""
    def inject(m):
        m.waits()
        began = time.monotonic()
        clock_jumps(seconds)
        then(m)
        m.handled(2)
        waited_ms = (time.monotonic() - began) * 1000
        assert waited_ms > BACK_OFF_MS / 4, f"it was over after {waited_ms:.0f} ms"
    return inject


def disk_fails(m):
    m.disk.fail()
    m.strike_restored()
    m.disk.mend()
    m.handled()
    m.strike_handled(2)


TABLE = [
    Row("center dead, clock forward, gateway killed", clock_forward_while_the_center_is_dead, RESTORED, (OWN,), decide_ms=300),
    Row("center dead, clock back", clock_back_while_the_center_is_dead, RESTORED * 2, (OWN, OWN_ABORT), decide_ms=300),
    Row("crash loop, clock forward", clock_forward_in_the_crash_loop,
        RESTORED * 3 + ("fault.stored", "fault.decided", "application.loop", "fault.failed"),
        (SEGV,) * 3 + (("signal.segv", "stop", "failed", "center"),), "loop", decide_ms=60000,
        options=("--window", 600, "--backoff", 1)),
    Row("crash loop, clock forward, gateway killed", clock_forward_and_gateway_killed_in_the_crash_loop,
        RESTORED * 3 + ("fault.stored", "fault.decided", "application.loop", "fault.failed"),
        (SEGV,) * 3 + (("signal.segv", "stop", "failed", "center"),), "loop", decide_ms=60000,
        options=("--window", 600, "--backoff", 1)),
    # The first fault of a window does not wait, the second one does.
    Row("back-off, clock forward", clock_set_in_the_back_off(YEAR_S), RESTORED * 2, (SEGV, SEGV), decide_ms=60000,
        options=("--window", 600, "--backoff", BACK_OFF_MS)),
    Row("back-off, clock back", clock_set_in_the_back_off(-YEAR_S), RESTORED * 2, (SEGV, SEGV), decide_ms=60000,
        options=("--window", 600, "--backoff", BACK_OFF_MS)),
    Row("back-off, clock forward, gateway killed", clock_set_in_the_back_off(YEAR_S, lambda m: m.gateway_killed()),
        RESTORED * 2, (SEGV, SEGV), decide_ms=60000, options=("--window", 600, "--backoff", BACK_OFF_MS)),
    Row("I/O error", disk_fails, None, (SEGV, SEGV), decide_ms=60000, device="failing"),
]


def set_up(modules):
    release = next((modules / "lib/modules").iterdir()).name
    for module in (("crc32c_generic",), ("dm-mod",), ("ext4",), ("brd", "rd_nr=3", "rd_size=65536")):
        run("modprobe", "-d", modules, "-S", release, *module)


def row_run(row, options):
    folder = Path(tempfile.mkdtemp(prefix="faultline-row-"))
    site, disk = Machine(folder, options.bundles, options.unit_port), None
    try:
        disk = Disk(site) if row.device else None
        moment = begin(site, row)
        moment.disk = disk
        row.inject(moment)
        check(site, row)
    except BaseException:
        print("".join(f"# {line}\n" for line in site.log("gateway").splitlines()[-40:]))
        raise
    finally:
        with contextlib.suppress(AssertionError):
            site.close()
        if disk:
            disk.close()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    options = argparse.ArgumentParser(description="Rows of the lifecycle that need a machine of their own.")
    options.add_argument("--modules", type=Path, required=True)
    options.add_argument("--bundles", type=Path, required=True)
    options.add_argument("--unit-port", type=int, default=15020)
    options.add_argument("rows", nargs="*")
    options = options.parse_args()
    set_up(options.modules)
    rows = [row for row in TABLE if not options.rows or row.name in options.rows]
    failed = 0
    print(f"1..{len(rows)}", flush=True)
    for number, row in enumerate(rows, 1):
        began = time.monotonic()
        try:
            row_run(row, options)
            print(f"ok {number} - {row.name}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {row.name}\n" + "".join(f"# {line}\n" for line in traceback.format_exc().splitlines()),
                  flush=True)
        print(f"# {time.monotonic() - began:.0f} s", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
