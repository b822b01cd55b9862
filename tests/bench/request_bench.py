#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""From the request for a service to what it does, through the real center and gateway. JSON on standard output; as root.

    request_bench.py operation [--rounds N]
    request_bench.py bundle [--rounds N]

"operation": until the first processing was requested of an installed application, and was answered: one that runs, and one
that has to be started first, in C, in Java, and in Java with the archive of class-data sharing. The script is fetched from
the center each time. "bundle": until an application that is not there runs, whose bundle has 10 MB that cannot be
compressed, beside curl and tar, which check and sync nothing, and beside both with a sync. They take turns.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from gateway_site import AIR_CONDITIONER, ROOT, SERVICE, Site, wait_until  # noqa: E402

BUNDLE_BYTES = 10_000_000


def row(what, samples):
    values = sorted(samples)
    return {"what": what, "unit": "ms", "best": round(values[0], 2), "p50": round(statistics.median(values), 2),
            "worst": round(values[-1], 2)}


def new_site():
    site = Site(Path(tempfile.mkdtemp(prefix="faultline-bench-")))
    site.start_unit()
    return site


def close(site):
    try:
        site.close()
    finally:
        shutil.rmtree(site.folder, ignore_errors=True)


def progress(site):
    lines, result, error = site.run()
    assert result, error
    return lines


def first(lines, event, **fields):
    """Milliseconds from the request."""
    return next(line["t_ms"] for line in lines if line["event"] == event
                and all(line["data"].get(name) == value for name, value in fields.items()))


def java_bundle(site):
    path = site.folder / "java.tar.zst"
    command = [ROOT / "apps/mkbundle.sh", "--output", path, "--program", ROOT / "build/out/java/air-conditioner.jar",
               "--application", ROOT / "apps/air-conditioner-java", "--residence", "resident",
               "--argument", "--unit", "--argument", site.unit]
    subprocess.run([str(c) for c in command], check=True)
    return path


class Gateway:
    """A site whose application is installed."""

    def __init__(self, java=False, prepared=False):
        self.site = site = new_site()
        self.samples = {}
        if java:
            shutil.copy(ROOT / "apps/air-conditioner-java/events.xml", site.configuration)
            if not prepared:
                runtimes = site.configuration / "runtimes.xml"
                text = runtimes.read_text()
                start, end = text.index("<prepare>"), text.index("</prepare>") + len("</prepare>")
                runtimes.write_text(text[:start] + text[end:])
            site.center("app", "add", java_bundle(site))
        else:
            site.add_bundle(residence="resident")
        site.center("definition", "add", ROOT / f"dtd/services/{SERVICE}.dtd")
        site.center("script", "add", AIR_CONDITIONER / f"{SERVICE}.xml")
        site.start_center()
        site.start_gateway()
        progress(site)
        if prepared:
            wait_until(lambda: [e for e in site.ask("events", "-n", 1000) if e["name"] == "application.prepared"], "prepared", 120)

    def note(self, what, lines):
        processing = next(line["data"]["processing"] for line in lines if line["event"] == "processing.answered")
        answered = first(lines, "processing.answered", processing=processing)
        requested = next(line["t_ms"] for line in lines if line["event"] == "script.event" and "->" in line["text"])
        self.samples.setdefault(f"{what}, to the first request", []).append(requested)
        self.samples.setdefault(f"{what}, to its answer", []).append(answered)

    def round(self):
        """Once while it runs, and once more after the gateway has begun anew, by which it is installed and does not run."""
        self.note("it runs", progress(self.site))
        self.site.end("gateway")
        self.site.start_gateway()
        self.note("it is started", progress(self.site))


def operation(rounds):
    kinds = {"C": {}}
    if (ROOT / "build/out/java/air-conditioner.jar").exists() and Path("/usr/bin/java").exists():
        kinds |= {"Java": {"java": True}, "Java, with the archive": {"java": True, "prepared": True}}
    gateways = {}
    try:
        for name, kind in kinds.items():
            gateways[name] = Gateway(**kind)
        for _ in range(rounds):
            for gateway in gateways.values():
                gateway.round()
        return [row(f"{name}, {what}", samples) for name, gateway in gateways.items()
                for what, samples in sorted(gateway.samples.items())]
    finally:
        for gateway in gateways.values():
            close(gateway.site)


def large_bundle(site):
    """The air conditioner in C with a file beside it."""
    payload = site.folder / "payload"
    payload.write_bytes(os.urandom(BUNDLE_BYTES))
    path = site.folder / "large.tar.zst"
    command = [ROOT / "apps/mkbundle.sh", "--output", path, "--program", ROOT / "build/out/bin/air-conditioner",
               "--file", payload, "--argument", "--unit", "--argument", site.unit]
    subprocess.run([str(c) for c in command], check=True)
    return path


def plain(site, url, sync):
    """curl and tar, and the program's first instructions: it fails at once without its arguments."""
    folder = site.folder / "plain"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    began = time.perf_counter()
    subprocess.run(f"curl -sf {url} | tar --zstd -xf - -C {folder}" + (f" && sync -f {folder}" if sync else "")
                   + f" && {{ {folder}/bin/air-conditioner --help; true; }}", shell=True, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def bundle(rounds):
    site = new_site()
    try:
        path = large_bundle(site)
        site.center("app", "add", path)
        site.center("definition", "add", ROOT / f"dtd/services/{SERVICE}.dtd")
        site.center("script", "add", AIR_CONDITIONER / f"{SERVICE}.xml")
        site.start_center()
        site.start_gateway()
        sha256 = subprocess.run(["sha256sum", path], check=True, text=True, stdout=subprocess.PIPE).stdout.split()[0]
        url = f"{site.url}/v1/artifacts/{sha256}"
        samples = {"gateway: downloaded, verified, installed": [], "gateway: running": [],
                   "curl and tar": [], "curl, tar and sync": []}
        for _ in range(rounds):
            lines = progress(site)
            samples["gateway: downloaded, verified, installed"].append(first(lines, "application.downloaded"))
            samples["gateway: running"].append(first(lines, "application.started"))
            samples["curl and tar"].append(plain(site, url, False))
            samples["curl, tar and sync"].append(plain(site, url, True))
        rows = [row(f"10 MB bundle, {what}", found) for what, found in samples.items()]
        for r in rows[:2]:
            r["ratio"] = round(r["p50"] / rows[2]["p50"], 3)
        return rows
    finally:
        close(site)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("operation", "bundle"))
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    rows = {"operation": operation, "bundle": bundle}[options.what](options.rounds)
    json.dump({"rows": rows, "rounds": options.rounds, "file system of the state": subprocess.run(
        ["stat", "-f", "-c", "%T", tempfile.gettempdir()], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()}, sys.stdout)


main()
