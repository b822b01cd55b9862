#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Durable faults a second: the center over HTTP beside the store alone and the bare disk, in alternating rounds, with
SQLite and, where its server is installed, with PostgreSQL; and how long a change of the list takes to 1,000 gateways.

  tests/bench/center_bench.py [--folder DIR] [--rounds N] [--seconds S] [--waiting N]

DIR must be on the disk that is to be measured; PostgreSQL's cluster is in $TMPDIR. Prints JSON for tests/bench/run; a row's
ratio is how much longer a fault takes the center than the store alone at the same batch.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import postgres_server  # noqa: E402

BIN = Path(os.environ.get("FAULTLINE_BUILD", ROOT / "build/out")) / "bin"
BATCHES = (1, 32, 256)


def bench(*arguments):
    done = subprocess.run([BIN / "center-bench", *map(str, arguments)], check=True, text=True, capture_output=True)
    return json.loads(done.stdout)


class Store:
    """An empty store for each measurement: a folder, or a database of PostgreSQL's."""

    def __init__(self, folder, postgres=None):
        self.folder = tempfile.TemporaryDirectory(dir=folder)
        self.postgres = postgres
        self.url = postgres.database() if postgres else None
        self.where = self.url or self.folder.name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.postgres:
            self.postgres.drop(self.url)
        self.folder.cleanup()


class Served(Store):
    """A center that is fresh."""

    def __enter__(self):
        store = ["--store", self.url] if self.url else []
        self.center = subprocess.Popen(
            [BIN / "faultline-center", "serve", "--data", self.folder.name, *store, "--listen", "127.0.0.1:0",
             "--gateway-rate", "0", "--gateway-bytes", "0", "--gateway-quota", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = self.center.stdout.readline().rsplit(":", 1)[1].strip()
        return self

    def __exit__(self, *_):
        self.center.send_signal(signal.SIGTERM)
        self.center.wait()
        super().__exit__()


def served(folder, postgres, connections, seconds):
    with Served(folder, postgres) as center:
        return bench("load", "127.0.0.1", center.port, connections, seconds)


def stored(folder, postgres, rows, seconds):
    with Store(folder, postgres) as store:
        return bench("store", store.where, rows, seconds)


def changed(folder, postgres, waiting):
    with Served(folder, postgres) as center:
        return bench("policy", "127.0.0.1", center.port, waiting, 5, center.where)


def synced(folder, seconds):
    with tempfile.TemporaryDirectory(dir=folder) as data:
        return bench("fsync", data, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default=ROOT / "build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--waiting", type=int, default=1000)
    arguments = parser.parse_args()
    folder, seconds, waiting = arguments.folder, arguments.seconds, arguments.waiting
    stores = {"SQLite": None}
    if not postgres_server.missing():
        stores["PostgreSQL"] = postgres_server.Postgres()
    cases = {"disk: 4 KiB appended, synced": lambda: synced(folder, seconds)}
    for name, postgres in stores.items():
        for n in BATCHES:
            cases[f"{name}: {n} fault{'s' * (n > 1)} a commit"] = lambda p=postgres, n=n: stored(folder, p, n, seconds)
            cases[f"center, {name}: {n} connection{'s' * (n > 1)}"] = lambda p=postgres, n=n: served(folder, p, n, seconds)
        cases[f"center, {name}: a change at {waiting}"] = lambda p=postgres: changed(folder, p, waiting)
    try:
        measure(arguments, cases)
    finally:
        if stores.get("PostgreSQL"):
            stores["PostgreSQL"].close()


def rows_of(name, row, alone):
    """The rate, where there is one, and how long one takes."""
    latency = {"what": name, "unit": "ms", "p50": row["p50_ms"], "p99": row["p99_ms"], "worst": row["worst_ms"]}
    if " a change at " in name:
        return [latency]
    rate = {"what": name, "unit": "a second", "p50": row["per_s"]}
    if alone:
        rate["ratio"] = alone["per_s"] / row["per_s"]
    return [rate, latency]


def measure(arguments, cases):
    rounds = [{name: run() for name, run in cases.items()} for _ in range(arguments.rounds)]
    result = {name: {figure: statistics.median(r[name][figure] for r in rounds) for figure in rounds[0][name]}
              for name in cases}
    # The center over so many connections is set beside the store with as many faults a commit.
    beside = {f"center, {store}: {n} connection{'s' * (n > 1)}": f"{store}: {n} fault{'s' * (n > 1)} a commit"
              for store in ("SQLite", "PostgreSQL") for n in BATCHES}
    json.dump({"rows": [made for name, row in result.items() for made in rows_of(name, row, result.get(beside.get(name)))],
               "rounds": arguments.rounds, "seconds": arguments.seconds}, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
