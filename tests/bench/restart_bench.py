#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How long an application is away after a fault, with this gateway and with other supervisors, side by side.

    restart_bench.py [--rounds N] [--only SYSTEM[,SYSTEM...]] [--large MIB]

One program is supervised by each of them in turn (replaced.c), and ended: by exit, SIGSEGV or SIGKILL, small or large, with
and without a core dump (as /proc/sys/kernel/core_pattern has it; into its working directory, where that says so). What
counts is the time from then until the first instructions of its replacement. "floor" is a loop of vfork, exec and waitpid.
Others are measured where they are installed (dinit, runit, s6, supervisor, systemd), each as it is delivered, but systemd
without its RestartSec: that one is the first process of a pid namespace. dinit is not in Debian 12. JSON on standard output.
"""

import argparse
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from gateway_site import BIN, ROOT, Site, wait_until  # noqa: E402

PROGRAM = ROOT / "build/out/bin/replaced"
ENDS = {"exit": signal.SIGUSR1, "segv": signal.SIGSEGV, "kill": signal.SIGKILL}
# Supervisors wait after a short life; this is long enough for all of them.
PAUSE_S = 1.3

BUNDLE = """<application name="replaced" version="1.0.0" runtime="native" residence="resident">
<command program="bin/replaced">
@ARGUMENTS@
</command>
<processing name="none"/>
<resources memory="4096"/>
{restoration}
</application>
"""


class Supervised:
    """A folder of its own, in which the starts of the program are written."""

    def __init__(self, mib):
        self.folder = Path(tempfile.mkdtemp(prefix="faultline-bench-"))
        self.folder.chmod(0o755)
        self.starts = self.folder / "starts"
        self.command = [str(PROGRAM), str(self.starts), *([str(mib)] if mib else [])]
        self.mib = mib
        self.children = []

    def spawn(self, *command, **options):
        child = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, cwd=self.folder, start_new_session=True, **options)
        self.children.append(child)
        return child

    def last(self):
        lines = self.starts.read_text().splitlines() if self.starts.exists() else []
        return len(lines), *(map(int, lines[-1].split()) if lines else (0, 0))

    def pid_here(self, pid):
        """Of the process that calls itself @pid."""
        return pid

    def round(self, signo):
        """Milliseconds from the fault to the replacement's first instructions."""
        count, pid, _ = self.last()
        pid = self.pid_here(pid)
        at = time.monotonic_ns()
        os.kill(pid, signo)
        wait_until(lambda: self.last()[0] > count, "the replacement")
        return (self.last()[2] - at) / 1e6

    def close(self):
        for child in reversed(self.children):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        with contextlib.suppress(OSError):
            pid = self.last()[1]
            if pid and os.readlink(f"/proc/{pid}/exe") == str(PROGRAM):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


class Floor(Supervised):
    def start(self):
        self.spawn(PROGRAM, "--spawn", *self.command)


class ServiceFolder(Supervised):
    """One program that supervises the service of one folder; "needs" is its name."""

    def start(self):
        service = self.folder / "service"
        service.mkdir()
        run = service / "run"
        run.write_text("#!/bin/sh\nexec " + " ".join(self.command) + "\n")
        run.chmod(0o755)
        self.spawn(self.needs, service)


class Runit(ServiceFolder):
    needs = "runsv"


class S6(ServiceFolder):
    needs = "s6-supervise"


class Dinit(Supervised):
    needs = "dinit"

    def start(self):
        # Its limit of 3 restarts in 10 s would end the measurement.
        (self.folder / "replaced").write_text(f"type = process\ncommand = {' '.join(self.command)}\n"
                                              "restart = true\nrestart-limit-interval = 0\n")
        (self.folder / "boot").write_text("type = internal\nwaits-for = replaced\nrestart = true\n")
        self.spawn("dinit", "--user", "-d", self.folder, "-p", self.folder / "control")


class Systemd(Supervised):
    needs = "systemd"
    enter = """
        echo $$ > "$0/cgroup.procs"
        exec unshare --pid --fork --kill-child --mount --ipc --cgroup --mount-proc sh -c "$1" "$2"
    """
    script = """
        mount --make-rprivate /
        mount -t tmpfs none /run
        umount -l /sys/fs/cgroup
        mount -t cgroup2 none /sys/fs/cgroup
        exec env -i container=other SYSTEMD_UNIT_PATH="$0" systemd --system --unit=bench.target --log-target=null
    """

    def start(self):
        (self.folder / "bench.target").write_text("[Unit]\nDefaultDependencies=no\nWants=replaced.service\n")
        (self.folder / "replaced.service").write_text(
            "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n"
            f"[Service]\nExecStart={' '.join(self.command)}\nRestart=always\nRestartSec=0\n")
        mounts = re.findall(r"^\S+ (\S+) cgroup2 ", Path("/proc/mounts").read_text(), re.M)
        self.group = Path(mounts[0]) / self.folder.name
        self.group.mkdir()
        self.spawn("sh", "-c", self.enter, self.group, self.script, self.folder)

    def pid_here(self, pid):
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                if re.search(rf"^NSpid:\t\d+\t{pid}$", status.read_text(), re.M):
                    return int(status.parent.name)
        raise AssertionError(f"no process calls itself {pid}")

    def close(self):
        super().close()
        (self.group / "cgroup.kill").write_text("1")
        wait_until(lambda: "populated 0" in (self.group / "cgroup.events").read_text(), "all of systemd's processes end")
        for folder, _, _ in os.walk(self.group, topdown=False):
            os.rmdir(folder)


class Supervisor(Supervised):
    needs = "supervisord"

    def start(self):
        (self.folder / "supervisord.conf").write_text(
            "[supervisord]\nnodaemon=true\n"
            f"logfile={self.folder}/log\npidfile={self.folder}/pid\n"
            "[program:replaced]\nautorestart=true\n"
            f"command={' '.join(self.command)}\n")
        self.spawn("supervisord", "-c", self.folder / "supervisord.conf")


class Gateway(Supervised):
    """The gateway on the probes, as it decides by its own list."""
    where = "gateway"
    restoration = ""
    waits = "reserve"

    def start(self):
        self.site = Site(self.folder)
        site = self.site
        source = self.folder / "bundle"
        source.mkdir()
        (source / "application.xml.in").write_text(BUNDLE.format(restoration=self.restoration))
        bundle = self.folder / "replaced.tar.zst"
        command = [ROOT / "apps/mkbundle.sh", "--output", bundle, "--application", source, "--program", PROGRAM,
                   "--argument", "-", *(["--argument", self.mib] if self.mib else [])]
        subprocess.run([str(c) for c in command], check=True)
        site.center("countermeasure", "set", "*", "restart", "--decide", self.where, "--attempts", 100, "--backoff", 0)
        site.center("app", "add", bundle)
        site.start_center()
        site.unit = None
        site.profile = '<profile scripts="no"><application name="replaced"/></profile>\n'
        site.start_gateway()
        self.starts = site.state / "data/replaced/starts"

    def settle(self):
        if self.waits:
            wait_until(lambda: self.site.app("replaced").get(self.waits), "the next one waits")

    def close(self):
        if hasattr(self, "site"):
            with contextlib.suppress(AssertionError):
                self.site.close()
        super().close()


class GatewayStandby(Gateway):
    restoration = '<restoration standby="yes"/>'
    waits = "standby"


class GatewayBare(Gateway):
    restoration = '<restoration reserve="no"/>'
    waits = None


class GatewayCenter(Gateway):
    where = "center"


SYSTEMS = {"floor": Floor, "faultline": Gateway, "faultline without reserve": GatewayBare, "faultline with standby": GatewayStandby,
           "faultline by the center": GatewayCenter,
           "dinit": Dinit, "runit": Runit, "s6": S6, "supervisor": Supervisor, "systemd": Systemd}


@contextlib.contextmanager
def core_dumps(wanted):
    """What is started meanwhile may dump core, or not."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY if wanted else 0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def measure(system, end, mib, rounds):
    place = SYSTEMS[system](mib)
    try:
        place.start()
        wait_until(lambda: place.last()[0], f"{system} starts it")
        times = []
        for _ in range(rounds):
            time.sleep(PAUSE_S)
            if hasattr(place, "settle"):
                place.settle()
                # What it was asked has it awake and its caches warm, which a fault does not find.
                time.sleep(0.3)
            times.append(place.round(ENDS[end]))
        return sorted(times)
    finally:
        place.close()


def row(system, end, mib, cores, times, floor):
    size = (f", {mib} MiB" if mib else "") + (", core dump" if cores else "")
    p50 = statistics.median(times)
    return {"what": f"{system}: {end}{size}", "unit": "ms", "best": round(times[0], 3), "p50": round(p50, 3),
            "p99": round(times[min(len(times) - 1, int(len(times) * 0.99))], 3), "worst": round(times[-1], 3),
            "ratio": round(p50 / floor, 3) if floor else None}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", help="of " + ", ".join(SYSTEMS))
    parser.add_argument("--large", type=int, default=1024, help="MiB of the large one; 0: none")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else list(SYSTEMS)
    there = [s for s in SYSTEMS if s in wanted and (not hasattr(SYSTEMS[s], "needs") or shutil.which(SYSTEMS[s].needs))]
    rows = []
    cases = [("exit", 0, False), ("segv", 0, False), ("kill", 0, False), ("segv", 0, True)]
    if options.large:
        cases += [("segv", options.large, False), ("segv", options.large, True)]
    for end, mib, cores in cases:
        floor = None
        for system in there:
            with core_dumps(cores):
                times = measure(system, end, mib, options.rounds)
            rows.append(row(system, end, mib, cores, times, floor))
            if system == "floor":
                floor = statistics.median(times)
                rows[-1]["ratio"] = 1.0
            print(rows[-1], file=sys.stderr)
    print(json.dumps({"rows": rows, "not_installed": [s for s in wanted if s not in there],
                      "rounds": options.rounds}))


if __name__ == "__main__":
    main()
