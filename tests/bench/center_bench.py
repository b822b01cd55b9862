#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Durable faults a second: the center over HTTP beside the store alone and the bare disk, in alternating rounds.

  tests/bench/center_bench.py [--folder DIR] [--rounds N] [--seconds S] [--json]

DIR must be on the disk that is to be measured.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("FAULTLINE_BUILD", ROOT / "build/out")) / "bin"


def bench(*arguments):
    done = subprocess.run([BIN / "center-bench", *map(str, arguments)], check=True, text=True, capture_output=True)
    return json.loads(done.stdout)


def served(folder, connections, seconds):
    """Load on a center that is fresh."""
    with tempfile.TemporaryDirectory(dir=folder) as data:
        center = subprocess.Popen([BIN / "faultline-center", "serve", "--data", data, "--listen", "127.0.0.1:0"],
                                  stdout=subprocess.PIPE, text=True)
        try:
            port = center.stdout.readline().rsplit(":", 1)[1].strip()
            return bench("load", "127.0.0.1", port, connections, seconds)
        finally:
            center.send_signal(signal.SIGTERM)
            center.wait()


def stored(folder, rows, seconds):
    with tempfile.TemporaryDirectory(dir=folder) as data:
        return bench("store", data, rows, seconds)


def synced(folder, seconds):
    with tempfile.TemporaryDirectory(dir=folder) as data:
        return bench("fsync", data, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default=ROOT / "build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder, seconds = arguments.folder, arguments.seconds
    cases = {
        "disk: 4 KiB appended, synced": lambda: synced(folder, seconds),
        "store: 1 fault a commit": lambda: stored(folder, 1, seconds),
        "center: 1 connection": lambda: served(folder, 1, seconds),
        "store: 32 faults a commit": lambda: stored(folder, 32, seconds),
        "center: 32 connections": lambda: served(folder, 32, seconds),
        "store: 256 faults a commit": lambda: stored(folder, 256, seconds),
        "center: 256 connections": lambda: served(folder, 256, seconds),
    }
    rounds = [{name: run() for name, run in cases.items()} for _ in range(arguments.rounds)]
    result = {name: {figure: statistics.median(r[name][figure] for r in rounds) for figure in rounds[0][name]}
              for name in cases}
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
        return
    print(f"{platform.release()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; "
          f"medians of {arguments.rounds} rounds of {seconds} s")
    print(f"{'':32} {'a second':>10} {'p50 ms':>8} {'p99 ms':>8} {'worst ms':>9}")
    for name, row in result.items():
        print(f"{name:32} {row['per_s']:>10.0f} {row['p50_ms']:>8.2f} {row['p99_ms']:>8.2f} {row['worst_ms']:>9.2f}")


if __name__ == "__main__":
    main()
