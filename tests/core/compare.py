#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compares what gdb says of a core file of "faultctl fault core" with what it says of the kernel's own of the same crash.

    compare.py module|probes BUILD-FOLDER

TAP on standard output. The module's captures have all that a backtrace needs, so it must be the same, frame by frame.
The probes' have no mappings: there a program with a fixed address must be found up to main.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

FRAMES = 12
MODULE_CASES = [("crash", way) for way in ("main", "library", "thread", "abort", "overflow", "thread-overflow")]
MODULE_CASES.append(("crash-fixed", "library"))
LIMIT_STACK = {"overflow", "thread-overflow"}


def gdb(program, core, *commands):
    arguments = [argument for command in commands for argument in ("-ex", command)]
    done = subprocess.run(["gdb", "-batch", "-nx", *arguments, program, core], capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


def frames(text):
    """Of the backtrace; gdb shows the first frame when it opens the core as well."""
    return [line.strip() for line in text.splitlines() if re.match(r"#\d+ ", line)][1:]


def signal_line(text):
    return [line for line in text.splitlines() if line.startswith("Program terminated with")]


class Bench:
    def __init__(self, source, build, folder):
        self.source, self.build, self.folder = source, Path(build), Path(folder)

    def crash(self, program, way):
        """Export and core file of one crash; where the kernel writes core files here, its one as well."""
        name = f"{program}-{way}"
        export, core = self.folder / f"{name}.json", self.folder / f"{name}.core"
        command = [self.build / "bin/record-export", self.source, export, self.build / f"crash/{program}", way]
        subprocess.run(["bash", "-c", f'ulimit -c {"unlimited" if self.source == "module" else 0}; exec "$@"', "bash", *command], check=True, timeout=120)
        subprocess.run([self.build / "bin/faultctl", "fault", "core", "-i", export, "-o", core], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        full = sorted(self.folder.glob("full.*"), key=lambda path: path.stat().st_mtime)
        return export, core, full[-1] if full else None

    def compare(self, program, way):
        export, core, full = self.crash(program, way)
        assert full, "the kernel wrote no core file"
        binary = self.build / f"crash/{program}"
        commands = [f"bt {FRAMES}", "info threads", "p $_siginfo.si_signo", "p $_siginfo._sifields._sigfault.si_addr",
                    "p $xmm0", "info sharedlibrary"]
        ours, theirs = gdb(binary, core, *commands), gdb(binary, full, *commands)
        full.unlink()
        (self.folder / f"{program}-{way}.ours").write_text(ours)
        (self.folder / f"{program}-{way}.theirs").write_text(theirs)
        assert len(frames(theirs)) >= 2, theirs
        assert frames(ours) == frames(theirs), f"ours:\n{ours}\nthe kernel's:\n{theirs}"
        assert signal_line(ours) == signal_line(theirs), ours
        for wanted in (r"^\$\d = .*$", r"^(0x[0-9a-f]+ +0x[0-9a-f]+) .*\.so.*$"):
            found = [sorted(re.findall(wanted, text, re.M)) for text in (ours, theirs)]
            assert found[0] == found[1] != [], f"ours:\n{ours}\nthe kernel's:\n{theirs}"
        threads = [set(re.findall(r"LWP (\d+)", text)) for text in (ours, theirs)]
        assert threads[0] == threads[1], f"{ours}\n{theirs}"
        kind = re.search(r'"kind": "([^"]*)"', export.read_text()).group(1)
        if way in LIMIT_STACK:
            assert kind == "limit.stack", kind
        else:
            assert kind == ("signal.abrt" if way == "abort" else "signal.segv"), kind

    def partly(self, program, way):
        """By the probes: no mappings, 4 KiB of stack."""
        _, core, _ = self.crash(program, way)
        found = frames(gdb(self.build / f"crash/{program}", core, f"bt {FRAMES}"))
        functions = [re.search(r"(\w+) \(", line).group(1) for line in found]
        assert functions[:7] == ["fault"] * 6 + ["main"], functions


def main():
    source, build = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(source, build, folder)
        if source == "module":
            Path("/proc/sys/kernel/core_pattern").write_text(f"{folder}/full.%p")
            cases = [(bench.compare, *case) for case in MODULE_CASES]
        else:
            cases = [(bench.partly, "crash-fixed", "main")]
        print(f"1..{len(cases)}", flush=True)
        failed = 0
        for number, (check, program, way) in enumerate(cases, 1):
            try:
                check(program, way)
                print(f"ok {number} - {source}: {program} {way}", flush=True)
            except (AssertionError, subprocess.SubprocessError, OSError) as error:
                failed += 1
                for line in str(error).splitlines():
                    print(f"# {line}")
                print(f"not ok {number} - {source}: {program} {way}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
