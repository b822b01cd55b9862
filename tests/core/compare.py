#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compares what gdb says of a core file of "faultctl fault core" with what it says of the kernel's own of the same crash.

    compare.py module|probes BUILD-FOLDER [CASE...]	such as compare-overflow; all of them by default

TAP on standard output. The module's captures have all that a backtrace needs, so it must be the same, frame by frame; the
one of "faultctl fault show" has the same addresses and functions.
The probes' have 4 KiB of stack and the mappings of code: no core file of the kernel's is asked for there, but the callers are
known up to main, by gdb and by fault show alike, and the build ids are those of the files.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FRAMES = 12
MODULE_CASES = [("crash", way) for way in ("main", "library", "thread", "abort", "overflow", "thread-overflow")]
MODULE_CASES.append(("crash-fixed", "library"))
PROBES_CASES = {
    "main": ["fault"] * 6 + ["main"],
    "library": ["library_write", "from_library", "library_call", "main"],
    "thread": ["fault"] * 4 + ["in_thread"],
    "abort": ["abort", "main"],
}
LIMIT_STACK = {"overflow", "thread-overflow"}


def gdb(program, core, *commands):
    arguments = [argument for command in commands for argument in ("-ex", command)]
    done = subprocess.run(["gdb", "-batch", "-nx", *arguments, program, core], capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


def frames(text, way=None):
    """Of the backtrace; gdb shows the first frame when it opens the core as well."""
    found = [line.strip() for line in text.splitlines() if re.match(r"#\d+ ", line)][1:]
    if way in LIMIT_STACK:
        # The arguments of the last call were to be behind the end of the stack; of the guard that is there the kernel's
        # core file says that it is zeros, ours that nothing is known.
        found[0] = re.sub(r"\(.*\)", "()", found[0])
    return found


def called(text):
    """Address and function of each caller in a backtrace of gdb. One that was inlined has no address of its own."""
    return [(int(found.group(1), 16), found.group(2)) for found in re.finditer(r"^#[1-9]\d* +(0x\w+) in (\w+)", text, re.M)]


# A caller whose last call was a jump has left no frame: gdb concludes it from the debug information, nobody else can.
JUMPED = """python
frame = gdb.newest_frame()
while frame is not None:
    if frame.type() == gdb.TAILCALL_FRAME:
        print("jumped", hex(frame.pc()))
    frame = frame.older()
end
"""


def jumped(program, core):
    with tempfile.NamedTemporaryFile("w", suffix=".gdb") as commands:
        commands.write(JUMPED)
        commands.flush()
        return {int(address, 16) for address in re.findall(r"^jumped (0x\w+)", gdb(program, core, f"source {commands.name}"), re.M)}


def held_child(parent, binary):
    """The process that a held thread is of: that thread is in an uninterruptible sleep."""
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if os.readlink(f"/proc/{pid}/exe") != str(binary.resolve()):
            continue
        for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
            if stat.read_text().rpartition(")")[2].split()[0] in "DI":
                return pid
    return None


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("nothing was held")


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

    def show(self, export):
        """The backtrace of fault show: (address, function, module) of each frame, and its note."""
        done = subprocess.run([self.build / "bin/faultctl", "--json", "fault", "show", "-i", export], check=True, timeout=60,
                              capture_output=True, text=True)
        backtrace = json.loads(done.stdout)["data"]["backtrace"]
        return [(int(frame["pc"], 16), frame.get("function"), frame.get("module"), frame.get("build_id"))
                for frame in backtrace["frames"]], backtrace.get("note")

    def shown(self, export, theirs, way, without):
        """gdb's frames are among those of fault show, in their order; gdb ends at main, which has callers."""
        found, note = self.show(export)
        assert (note is not None) == (way in LIMIT_STACK), note
        assert all(build_id for _, _, module, build_id in found if module), found
        rest = iter(found)
        for address, function in called(theirs):
            if address in without:
                continue
            frame = next((frame for frame in rest if frame[0] == address), None)
            assert frame, f"{hex(address)} in {function} is not in {found}"
            # The C library has several names for one function.
            assert frame[1] == function or "libc.so" in frame[2], (frame, function)

    def compare(self, program, way):
        export, core, full = self.crash(program, way)
        assert full, "the kernel wrote no core file"
        binary = self.build / f"crash/{program}"
        commands = [f"bt {FRAMES}", "info threads", "p $_siginfo.si_signo", "p $_siginfo._sifields._sigfault.si_addr",
                    "p $xmm0", "info sharedlibrary"]
        with ThreadPoolExecutor() as pool:
            ours, theirs = pool.map(lambda file: gdb(binary, file, *commands), (core, full))
        without = jumped(binary, full)
        full.unlink()
        assert len(frames(theirs)) >= 2, theirs
        assert frames(ours, way) == frames(theirs, way), f"ours:\n{ours}\nthe kernel's:\n{theirs}"
        self.shown(export, theirs, way, without)
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

    def held(self, program, way):
        """gdb attaches to a process that is held, and finds it at its fault."""
        export, binary = self.folder / "held.json", self.build / f"crash/{program}"
        with subprocess.Popen([self.build / "bin/record-export", self.source, export, binary, way],
                              env=os.environ | {"HOLD_MS": "600000"}) as holder:
            pid = wait_for(lambda: held_child(holder.pid, binary))
            # gdb begins with the process's first thread, and goes to the one with the signal when it is to continue.
            there = ["continue"] if way == "thread" else []
            said = gdb(binary, f"--pid={pid}", *there, "p $_siginfo.si_signo", f"bt {FRAMES}", "kill")
            holder.wait(timeout=120)
        assert re.search(r"^\$1 = 11$", said, re.M), said
        functions = [found.group(1) for found in re.finditer(r"^#\d+ .*?(\w+) \(", said, re.M)]
        assert "fault" in functions and {"main", "start_thread"} & set(functions), said

    def partly(self, program, way):
        """By the probes: the mappings of code, 4 KiB of stack."""
        export, core, _ = self.crash(program, way)
        binary = self.build / f"crash/{program}"
        theirs = gdb(binary, core, f"bt {FRAMES}")
        functions = [re.search(r"(\w+) \(", line).group(1).removeprefix("__GI_") for line in frames(theirs)]
        wanted = PROBES_CASES[way]
        begin = functions.index(wanted[0])
        assert functions[begin:begin + len(wanted)] == wanted, theirs
        self.shown(export, theirs, way, jumped(binary, core))
        frames_shown, _ = self.show(export)
        for module, build_id in {(module, build_id) for _, _, module, build_id in frames_shown if module}:
            notes = subprocess.run(["readelf", "-n", module], capture_output=True, text=True, timeout=60).stdout
            assert f"Build ID: {build_id}\n" in notes, (module, build_id, notes)


def main():
    source, build = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(source, build, folder)
        if source == "module":
            Path("/proc/sys/kernel/core_pattern").write_text(f"{folder}/full.%p")
            cases = [(bench.held, "crash", way) for way in ("main", "thread")]
            cases += [(bench.compare, *case) for case in MODULE_CASES]
        else:
            cases = [(bench.partly, "crash-fixed", "main"), *((bench.partly, "crash", way) for way in PROBES_CASES)]
        cases = [case for case in cases if not sys.argv[3:] or f"{case[0].__name__}-{case[2]}" in sys.argv[3:]]
        print(f"1..{len(cases)}", flush=True)
        failed = 0
        for number, (check, program, way) in enumerate(cases, 1):
            try:
                check(program, way)
                print(f"ok {number} - {source}: {check.__name__} {program} {way}", flush=True)
            except (AssertionError, subprocess.SubprocessError, OSError) as error:
                failed += 1
                for line in str(error).splitlines():
                    print(f"# {line}")
                print(f"not ok {number} - {source}: {check.__name__} {program} {way}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
