#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""script-bench as a benchmark of tests/bench/run: processor time an event, the best of its rounds; peak of libxml2's memory."""

import json
import re
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent.parent / "build/out/bin/script-bench"
LINE = re.compile(r"(.+?) {2,}(.+?) {2,}([\d.]+) +([\d.]+) +(\d+) kB")

done = subprocess.run([PROGRAM], check=True, text=True, stdout=subprocess.PIPE)
found = [match.groups() for match in map(LINE.fullmatch, done.stdout.splitlines()) if match]
assert len(found) == 9, done.stdout
rows = []
for document, what, ns, ratio, kb in found:
    rows.append({"what": f"{document}, {what}", "unit": "ns/event", "best": float(ns), "ratio": float(ratio)})
    rows.append({"what": f"{document}, {what}, peak", "unit": "kB", "worst": int(kb)})
json.dump({"rows": rows}, sys.stdout)
