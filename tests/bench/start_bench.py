#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""From the start of an installed application's program to its first answer, without the gateway around it: the air conditioner
in C, in Java, and in Java with the archive of class-data sharing that runtimes.xml has made. They take turns. Processor time
(of the process and its threads, in ms) is what a busy machine disturbs least. PSS is that after the answer, in kB.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROUNDS = 21
REQUEST = b'{"jsonrpc": "2.0", "id": 1, "method": "bench", "params": {}}\n'
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def commands(archive):
    native = [str(ROOT / "build/out/bin/air-conditioner")]
    found = {"native": native}
    jar = ROOT / "build/out/java/air-conditioner.jar"
    runtimes = ElementTree.parse(ROOT / "packaging/etc/runtimes.xml").getroot()
    java = next(r for r in runtimes if r.get("name") == "java")

    def fill(node, prepared):
        return [a.text.replace("{program}", str(jar)).replace("{prepared}", str(archive)) for a in node.findall("argument")
                if prepared or a.get("when") != "prepared"]
    if jar.exists() and Path("/usr/bin/java").exists():
        subprocess.run(fill(java.find("prepare"), True) + ["--unit", "127.0.0.1:1"], input=REQUEST, check=True, timeout=120,
                       stdout=subprocess.DEVNULL, env=os.environ | {"FAULTLINE_STANDBY": "1"})
        found |= {"java": fill(java, False), "java, with the archive": fill(java, True)}
    return {name: command + ["--unit", "127.0.0.1:1"] for name, command in found.items()}


def start(command):
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdin.write(REQUEST)
        process.stdin.flush()
        assert b'"error"' in process.stdout.readline()
        ms = (time.perf_counter() - began) * 1000
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        process.stdin.close()
    return {"ms": ms, "cpu ms": (int(fields[11]) + int(fields[12])) * TICK_MS, "PSS kB": pss}


def main():
    with tempfile.TemporaryDirectory() as folder:
        every = commands(Path(folder) / "archive")
        samples = {name: [] for name in every}
        for _ in range(ROUNDS):
            for name, command in every.items():
                samples[name].append(start(command))
    rows = []
    for name, found in samples.items():
        for unit in found[0]:
            values = sorted(sample[unit] for sample in found)
            rows.append({"what": f"start to first answer, {name}", "unit": unit, "best": round(values[0], 1),
                         "p50": round(statistics.median(values), 1), "worst": round(values[-1], 1)})
    json.dump({"rows": rows, "rounds": ROUNDS}, sys.stdout)


main()
