#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Before and after the halt of a gateway. Run once, it has a gateway at work and makes the kernel panic; run again after the
reset, it looks at what the gateway makes of that.

  halt.py --modules FOLDER --memory ADDRESS SIZE

Runs as root in a VM whose share ($VM_SHARE) has the disk. TAP on standard output, after the halt.
"""

import argparse
import os
import sys
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["FAULTLINE_BUILD"] = "build/out"
from disk import run  # noqa: E402
from gateway_site import Site, wait_until  # noqa: E402

SHARE = Path(os.environ["VM_SHARE"])
HALTED = SHARE / "halted"
PSTORE = Path("/sys/fs/pstore")


class Machine(Site):
    """What the gateway and its center keep outlives the machine's memory."""

    def __init__(self):
        disk = Path("/tmp/disk-of-the-gateway")
        disk.mkdir()
        run("mount", "-o", "loop", SHARE / "disk", disk)
        folder = Path("/tmp/site-that-halts")
        folder.mkdir()
        super().__init__(folder)
        self.disk = disk
        (disk / "center").mkdir(exist_ok=True)
        (folder / "center").rmdir()
        (folder / "center").symlink_to(disk / "center")
        self.url = "http://127.0.0.1:18080"
        self.source = "none"    # the applications' faults are not what this is about
        self.start_center()
        self.start_gateway()

    @property
    def state(self):
        return self.disk / "state"


def set_up(options):
    release = next((options.modules / "lib/modules").iterdir()).name
    address, size = options.memory
    for module in (("crc32c_generic",), ("loop",), ("ext4",),
                   ("ramoops", f"mem_address={address}", f"mem_size={size}", "record_size=0x10000", "dump_oops=1")):
        run("modprobe", "-d", options.modules, "-S", release, *module)
    if not os.path.ismount(PSTORE):
        run("mount", "-t", "pstore", "pstore", PSTORE)


def halt():
    site = Machine()
    wait_until(lambda: site.ask("status")["policy_version"] >= 1, "the list is here")
    assert site.ask("status")["halt"]["reason"] == "first"
    HALTED.write_text(str(time.time()))
    Path("/dev/kmsg").write_text("<4>the last words of this kernel\n")
    os.sync()
    Path("/proc/sys/kernel/sysrq").write_text("1")
    Path("/proc/sysrq-trigger").write_text("c")


def look():
    began = time.monotonic()
    left = [path.name for path in PSTORE.glob("dmesg-*")]
    yield "the kernel's last lines are where they were kept", bool(left), left
    site = Machine()
    try:
        halt = site.ask("status")["halt"]
        yield "the reason of the last halt is known", halt["reason"] == "panic", halt
        booted = site.ask("events", "-k", "gateway.booted", "-n", 10)
        yield "it is an event", [e["data"]["reason"] for e in booted] == ["first", "panic"], booted
        fault, = site.ask("faults")
        yield "it is a fault of its own kind", (fault["kind"], fault["id"]) == ("gateway.halted", halt["fault"]), fault
        data = site.ask("fault", "show", fault["id"])["data"]
        text = "".join(entry["text"] for entry in data.get("panic", []))
        yield "with the panic", "Kernel panic - not syncing: sysrq triggered crash" in text, text[-2000:]
        yield "and what the kernel wrote before it", "the last words of this kernel" in text, text[-2000:]
        yield "the gap is told", halt["last_event"] and 0 <= halt["gap_s"] < 3600, halt
        told = wait_until(lambda: [f for f in site.center_faults() if f["outcome"]], "the center knows")
        yield "the center learns of it, once", [f["id"] for f in told] == [fault["id"]], told
        yield "the memory is free for the next panic", not list(PSTORE.glob("dmesg-*")), left
    finally:
        site.close()
    print(f"# {time.monotonic() - began:.0f} s")


def main():
    options = argparse.ArgumentParser(description="Before and after the halt of a gateway.")
    options.add_argument("--modules", type=Path, required=True)
    options.add_argument("--memory", nargs=2, required=True)
    options = options.parse_args()
    set_up(options)
    if not HALTED.exists():
        print("# the gateway is at work, then the kernel panics", flush=True)
        halt()
    failed = number = 0
    try:
        for number, (what, good, detail) in enumerate(look(), 1):
            failed += not good
            print(f"{'' if good else 'not '}ok {number} - {what}" + ("" if good else f"\n# {detail!r}"), flush=True)
    except Exception:
        failed += 1
        number += 1
        print(f"not ok {number} - it is looked at\n" + "".join(f"# {line}\n" for line in traceback.format_exc().splitlines()))
    print(f"1..{number}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
