#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""script-bench as a benchmark of tests/bench/run: processor time an event, the best of its rounds; peak of libxml2's memory.

Then whole programs on 10 MB, with and without identifiers: "xmllint --sax", which is the bare parser, script-check, and
"xmllint --valid --stream", which is given LIMIT_S of processor time: processor time and the most memory that was resident.
"""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

BIN = Path(__file__).resolve().parent.parent.parent / "build/out/bin"
LINE = re.compile(r"(.+?) {2,}(.+?) {2,}([\d.]+) +([\d.]+) +(\d+) kB")
ROUNDS = 5
LIMIT_S = 20


def in_process():
    done = subprocess.run([BIN / "script-bench"], check=True, text=True, stdout=subprocess.PIPE)
    found = [match.groups() for match in map(LINE.fullmatch, done.stdout.splitlines()) if match]
    assert len(found) == 7 * 3 - 1, done.stdout
    rows = []
    for document, what, ns, ratio, kb in found:
        rows.append({"what": f"{document}, {what}", "unit": "ns/event", "best": float(ns), "ratio": float(ratio)})
        rows.append({"what": f"{document}, {what}, peak", "unit": "kB", "worst": int(kb)})
    return rows


def program(command):
    """Milliseconds of processor time and kB, or None when it is not done in its time."""
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S)))
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode < 0:
        return None
    assert child.returncode == 0, command
    return (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss


def programs(folder):
    subprocess.run([BIN / "script-bench", "--write", folder], check=True)
    rows, beyond = [], []
    for name, label in (("plain", "10 MB"), ("identified", "10 MB, IDREFs")):
        commands = {
            "xmllint --sax": ["xmllint", "--sax", "--noout", folder / f"{name}.xml"],
            "script-check": [BIN / "script-check", folder / "service.dtd", folder / f"{name}.xml", folder / f"{name}.xml"],
            "xmllint --valid --stream": ["xmllint", "--valid", "--stream", "--noout", folder / f"{name}-doctype.xml"],
        }
        base = None
        for what, command in commands.items():
            samples = []
            for _ in range(ROUNDS):
                samples.append(program(command))
                if samples[-1] is None:
                    break
            if None in samples:
                beyond.append(f"{label}, {what}: not done in {LIMIT_S} s")
                continue
            # Two documents at once, so that it does not print what it has compiled.
            ms = min(sample[0] for sample in samples) / (2 if what == "script-check" else 1)
            base = base or ms
            rows.append({"what": f"{label}, {what}", "unit": "ms", "best": round(ms, 1), "ratio": round(ms / base, 2)})
            rows.append({"what": f"{label}, {what}, most memory", "unit": "kB", "worst": max(sample[1] for sample in samples)})
    return rows, beyond


def main():
    rows = in_process()
    with tempfile.TemporaryDirectory() as folder:
        more, beyond = programs(Path(folder))
    json.dump({"rows": rows + more, "beyond": beyond}, sys.stdout)


main()
