#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a gateway costs and holds, as root.

    gateway_bench.py faults [--number N]     durable faults a second: the store alone beside the bare disk
    gateway_bench.py events [--seconds S]    an application that reports 1,000 events a second, beside one that is silent:
                                             the supervisor's processor time, and how late its loop answers
    gateway_bench.py memory                  what its processes hold at idle, by profile, and what is installed

JSON on standard output.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import installed  # noqa: E402
from gateway_site import BIN, ROOT, Site, wait_until  # noqa: E402

CHATTER = ROOT / "build/out/bin/chatter"
RATE = 1000
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
IDLE_S = 5      # what a start leaves behind is given back within that
PROGRAMS = ("faultlined", "faultline-link", "faultline-keeper")
PROFILES = {"whole": "", "without the highly reliable means (R9)": ' reliability="no"', "without scripts (R12)": ' scripts="no"'}

BUNDLE = """<application name="chatter" version="1.0.0" runtime="native" residence="resident">
<command program="bin/chatter">
@ARGUMENTS@
</command>
<processing name="none"/>
</application>
"""


class Gateway:
    """A site whose application is the chatter."""

    def __init__(self, rate, profile=' scripts="no"'):
        folder = Path(tempfile.mkdtemp(prefix="faultline-bench-"))
        self.site = site = Site(folder)
        source = folder / "bundle"
        source.mkdir()
        (source / "application.xml.in").write_text(BUNDLE)
        bundle = folder / "chatter.tar.zst"
        subprocess.run([str(c) for c in (ROOT / "apps/mkbundle.sh", "--output", bundle, "--application", source, "--program",
                                         CHATTER, "--argument", rate)], check=True)
        site.center("app", "add", "--skip-run", "it has no processing that can be run", bundle)
        site.start_center()
        site.unit = None
        site.profile = f'<profile{profile}><application name="chatter"/></profile>\n'
        site.start_gateway()
        wait_until(lambda: (site.app("chatter") or {}).get("pid"), "it runs")

    @property
    def pid(self):
        return self.site.processes["gateway"].pid

    def cpu_s(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S

    def ask_ms(self, connection):
        """A request that costs next to nothing: what it takes is the loop's delay."""
        began = time.perf_counter()
        connection.sendall(b'{"jsonrpc":"2.0","id":1,"method":"bench.none","params":{}}\n')
        answer = b""
        while not answer.endswith(b"\n"):
            answer += connection.recv(4096)
        assert b'"error"' in answer
        return (time.perf_counter() - began) * 1e3

    def close(self):
        self.site.close()
        shutil.rmtree(self.site.folder)


def row(what, unit, values):
    values = sorted(values)
    return {"what": what, "unit": unit, "best": round(values[0], 3), "p50": round(statistics.median(values), 3),
            "p99": round(values[min(len(values) - 1, int(len(values) * 0.99))], 3), "worst": round(values[-1], 3)}


def faults(options):
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "build"))
    try:
        done = subprocess.run([BIN / "store-bench", folder, str(options.number)], check=True, text=True, capture_output=True)
    finally:
        shutil.rmtree(folder)
    store, disk = json.loads(done.stdout)
    rows = [{"unit": "ms"} | one for one in (store, disk)]
    rows[0]["ratio"] = round(store["p50"] / disk["p50"], 3)
    return {"rows": rows, "faults_per_s": {"store": store["per_s"], "disk": disk["per_s"]}}


def loaded(rate, seconds):
    gateway = Gateway(rate)
    try:
        time.sleep(2)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(gateway.site.folder / "run/control.sock"))
        before, began, times = gateway.cpu_s(), time.monotonic(), []
        while time.monotonic() - began < seconds:
            times.append(gateway.ask_ms(connection))
            time.sleep(0.01)
        percent = (gateway.cpu_s() - before) / (time.monotonic() - began) * 100
        connection.close()
        if rate:
            # As many as were said are there; the newest wait for their commit.
            last, = gateway.site.ask("events", "-n", 1)
            assert last["name"] == "bench.tick" and last["id"] > rate * seconds * 0.9, last
        return percent, times
    finally:
        gateway.close()


def events(options):
    quiet, quiet_times = loaded(0, options.seconds)
    busy, busy_times = loaded(RATE, options.seconds)
    rows = [row("loop delay, silent", "ms", quiet_times), row(f"loop delay, {RATE} events/s", "ms", busy_times),
            {"what": "processor, silent", "unit": "%", "p50": round(quiet, 2)},
            {"what": f"processor, {RATE} events/s", "unit": "%", "p50": round(busy, 2)}]
    return {"rows": rows, "seconds": options.seconds, "us_per_event": round((busy - quiet) * 1e4 / RATE, 1)}


def rollup(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return {key: int(line.split()[1]) for line in lines for key in ("Pss", "Private_Dirty") if line.startswith(f"{key}:")}


def processes(gateway):
    found = {"faultlined": gateway}
    for child in subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(gateway)], text=True, capture_output=True).stdout.splitlines():
        pid, args = child.split(None, 1)
        # The link names itself anew.
        name = os.path.basename(args.split()[0])
        if name in PROGRAMS:
            found[name] = int(pid)
    return found


def memory(options):
    rows, whole = [], {}
    for profile, attributes in PROFILES.items():
        gateway = Gateway(0, attributes)
        try:
            time.sleep(IDLE_S)
            total = {"Pss": 0, "Private_Dirty": 0}
            for name, pid in processes(gateway.pid).items():
                for key, kib in rollup(pid).items():
                    total[key] += kib
                    rows.append({"what": f"{profile}: {name}, {key}", "unit": "KiB", "p50": kib})
            for key, kib in total.items():
                rows.append({"what": f"{profile}: together, {key}", "unit": "KiB", "p50": kib})
            whole[profile] = total
        finally:
            gateway.close()
    with tempfile.TemporaryDirectory() as folder:
        installed.install(folder)
        sizes = installed.gateway_sizes(folder)
    for path, size in sizes.items():
        if "bin/" in path or "libexec/" in path:
            rows.append({"what": f"installed: {os.path.basename(path)}", "unit": "KiB", "p50": round(size / 1024)})
    rows.append({"what": "installed: the gateway's part together", "unit": "KiB", "p50": round(sum(sizes.values()) / 1024)})
    return {"rows": rows, "budgets_KiB": {"Private_Dirty": 2560, "Pss": 7168, "installed": installed.BUDGET_KIB}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("faults", "events", "memory"))
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    json.dump({"faults": faults, "events": events, "memory": memory}[options.what](options), sys.stdout)


main()
