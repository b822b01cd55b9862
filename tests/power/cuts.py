#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Works on a disk whose writes are logged, then looks at what a power cut at each moment would have left of it.

  cuts.py --modules FOLDER --bundles FOLDER [--unit-port N] [--seed N]

Runs as root in a VM. TAP on standard output: a line for each thing that must hold in all states. A seed chooses some of
the states, unless POWER_ALL is set; in some of them a gateway is started, which takes longer than looking at its files.
"""

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["FAULTLINE_BUILD"] = "build/out"
from disk import LoggedDisk, Replay, run  # noqa: E402
from gateway_site import BIN, wait_until  # noqa: E402
from plant import Plant, tree, version_of  # noqa: E402

DISK_MIB = 40
LOGGED_KIB = 320 << 10
LOOKED_AT, STARTED = 70, 10
VERSIONS = (None, "1.0.0", "2.0.0", "1.0.0")
NAME = "air-conditioner"
HOLDS = {
    "mounts": "the file system is whole",
    "database": "the gateway's database is whole",
    "told": "every fault that was told is on the gateway",
    "known": "every fault that the center answered for is at the center",
    "center": "the center's database is whole",
    "installed": "an application is installed whole, or not at all",
    "version": "what was said to be installed is",
    "policy": "the list of countermeasures never goes back",
    "starts": "a gateway starts on it, and knows all of it",
    "previous": "the version before an upgrade is whole, to go back to",
    "left": "nothing half-made lies about once a gateway has started",
}


class Checker:
    def __init__(self, trees, mount, folder):
        self.trees = trees
        self.mount = mount
        self.folder = folder
        self.wrong = {name: [] for name in HOLDS}
        self.seen = dict.fromkeys(HOLDS, 0)

    def hold(self, name, good, detail):
        self.seen[name] += 1
        if not good:
            self.wrong[name].append(f"{self.state}: {detail() if callable(detail) else detail}")
        return good

    def promised(self, kind):
        return [mark.removeprefix(f"{kind}:") for mark in self.state.marks if mark.startswith(f"{kind}:")]

    def check(self, state, start):
        self.state = state
        mounted = subprocess.run(["mount", "-t", "ext4", "/dev/ram2", str(self.mount)], text=True, capture_output=True)
        if not self.hold("mounts", not mounted.returncode, mounted.stderr.strip()):
            return
        try:
            self.check_files()
            if start:
                self.check_started()
        finally:
            run("umount", self.mount)

    def query(self, check, path, sql):
        """Rows, after the whole of the database was looked at; None when there is none or it is damaged."""
        if not path.exists():
            return None
        database = sqlite3.connect(path)
        try:
            found = database.execute("PRAGMA integrity_check").fetchall()
            self.hold(check, found == [("ok",)], str(found[:3]))
            return {row[0] for row in database.execute(sql)}
        except sqlite3.Error as error:
            if "no such table" not in str(error):
                self.hold(check, False, str(error))
            return None
        finally:
            database.close()

    def check_files(self):
        state = self.mount / "state"
        told, known = set(self.promised("told")), set(self.promised("known"))
        here = self.query("database", state / "gateway.db", "SELECT id FROM fault")
        self.hold("told", told <= (here or set()), f"of {len(told)} these are lost: {told - (here or set())}")
        there = self.query("center", self.mount / "center/center.db",
                           "SELECT boot.id || '-' || number FROM fault JOIN boot ON boot.key = fault.boot")
        self.hold("known", known <= (there or set()), f"of {len(known)} these are lost: {known - (there or set())}")

        folder = state / "applications" / NAME
        version = version_of(folder)
        self.hold("installed", not folder.exists() or tree(folder) == self.trees.get(version),
                  lambda: f"{version}: {sorted(tree(folder))}")
        step = len(self.promised("installed"))
        self.hold("version", version in VERSIONS[step:step + 2], f"{version} is, after {VERSIONS[step]} was")

        wanted = max(map(int, self.promised("policy")), default=0)
        self.hold("policy", self.policy() >= wanted, f"it is of version {self.policy()}, {wanted} was in force")

    def policy(self):
        """-1: what is kept is not a list."""
        try:
            return json.loads((self.mount / "state/countermeasures.json").read_text())["policy_version"]
        except FileNotFoundError:
            return 0
        except (ValueError, KeyError):
            return -1

    def check_started(self):
        """A gateway on it, without its center and without kernel events: it is the disk that matters."""
        state, folder = self.mount / "state", self.folder
        (folder / "gateway.xml").write_text(
            f'<gateway name="after-a-cut"><center url="http://127.0.0.1:1"/>'
            f'<directories state="{state}" run="{folder}/run" configuration="{folder}/configuration"/>'
            f'<faults source="none"/></gateway>')
        log = (folder / "after.log").open("w+")
        gateway = subprocess.Popen([BIN / "faultlined", "-v", "-c", folder / "gateway.xml"], stdout=log, stderr=log)
        try:
            status = wait_until(lambda: gateway.poll() is not None or self.ask("status"), "it answers")
            if status is not True:
                faults = {f["id"] for f in self.ask("faults")}
                self.hold("starts", set(self.promised("told")) <= faults and
                          status["policy_version"] == max(self.policy(), 0), f"{status}, {faults}")
                versions = [app["version"] for app in self.ask("apps") if app["name"] == NAME]
                self.hold("starts", (versions or [None]) == [version_of(state / "applications" / NAME)], str(versions))
        finally:
            if gateway.poll() is None:
                gateway.terminate()
            ended = gateway.wait(120)
            log.seek(0)
            self.hold("starts", ended == 0, lambda: f"it ended with {ended}: {log.read()[-1000:]}")
            log.close()
        self.check_previous(state)
        left = [str(p.relative_to(state)) for p in state.rglob("*") if p.name.startswith(".")]
        self.hold("left", not left, str(left))

    def check_previous(self, state):
        previous = state / "previous" / NAME
        if previous.exists():
            version = version_of(previous)
            self.hold("previous", tree(previous) == self.trees.get(version), lambda: f"{version}: {sorted(tree(previous))}")
        if version_of(state / "applications" / NAME) == "2.0.0":
            self.hold("previous", version_of(previous) == "1.0.0", f"2.0.0 is installed, {version_of(previous)} is before it")

    def ask(self, *arguments):
        done = subprocess.run([BIN / "faultctl", "-s", self.folder / "run/control.sock", "--json", *arguments],
                              text=True, capture_output=True)
        return json.loads(done.stdout) if not done.returncode else None


def chosen(states, seed):
    """Of the states some are looked at, and of those some are started: those where an installation is under way first."""
    if os.environ.get("POWER_ALL"):
        return set(range(len(states))), set(range(len(states)))
    generator = random.Random(seed)
    looked_at = set(generator.sample(range(len(states)), min(LOOKED_AT, len(states))))
    started = set(generator.sample(sorted(looked_at), min(STARTED, len(looked_at))))
    # The last boundaries before something is said to be installed are those of its installation.
    for number, state in enumerate(states[1:], 1):
        before = states[number - 1]
        if sum(m.startswith("installed") for m in state.marks) > sum(m.startswith("installed") for m in before.marks):
            near = [n for n in range(max(0, number - 16), number)]
            looked_at |= set(near)
            started |= set(generator.sample(near, min(4, len(near))))
    return looked_at, started


def set_up(options):
    release = next((options.modules / "lib/modules").iterdir()).name
    for module in ("crc32c_generic", "dm-log-writes", "ext4"):
        run("modprobe", "-d", options.modules, "-S", release, module)
    run("modprobe", "-d", options.modules, "-S", release, "brd", "rd_nr=3", f"rd_size={LOGGED_KIB}")


def work(options, folder, mount):
    disk = LoggedDisk("power", DISK_MIB)
    run("mount", "-t", "ext4", disk.device, mount)
    plant = Plant(folder, mount, disk, options.unit_port)
    try:
        plant.work(options.bundles)
    finally:
        try:
            plant.close()
        finally:
            for name in ("gateway", "center"):
                (options.bundles / f"{name}.log").write_text(plant.log(name))
    run("umount", mount)
    disk.close()
    return disk, plant.trees


def main():
    options = argparse.ArgumentParser(description="Cuts the power at every moment.")
    options.add_argument("--modules", type=Path, required=True)
    options.add_argument("--bundles", type=Path, required=True)
    options.add_argument("--unit-port", type=int, default=15020)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    began = time.monotonic()
    set_up(options)
    base = Path(tempfile.mkdtemp(prefix="faultline-power-"))
    base.chmod(0o755)
    folder, mount = base / "plant-of-power", base / "disk"
    folder.mkdir()
    mount.mkdir()
    print(f"# seed {options.seed}; {time.monotonic() - began:.0f} s: the work begins", flush=True)
    try:
        disk, trees = work(options, folder, mount)
    except Exception:
        print("1..1\nnot ok 1 - the work is done\n" + "".join(f"# {line}\n" for line in traceback.format_exc().splitlines()))
        return 1
    replay = Replay(disk)
    states = list(replay.states(options.seed))
    looked_at, started = chosen(states, options.seed)
    print(f"# {time.monotonic() - began:.0f} s: {len(replay.entries)} entries, {len(replay.boundaries)} boundaries, "
          f"{len(states)} states: {len(looked_at)} are looked at, a gateway starts on {len(started)}", flush=True)
    print("# marks: " + " ".join(e.mark for e in replay.entries if e.mark), flush=True)
    checker = Checker(trees, mount, folder)
    for number in sorted(looked_at):
        replay.put(states[number])
        checker.check(states[number], number in started)
    report(checker, states)
    print(f"# {time.monotonic() - began:.0f} s", flush=True)
    return any(checker.wrong.values())


def report(checker, states):
    marks = states[-1].marks if states else []
    enough = sum(m.startswith("told:") for m in marks) >= 5 and sum(m.startswith("installed:") for m in marks) == 3
    print(f"1..{len(HOLDS) + 1}")
    print(f"{'' if enough else 'not '}ok 1 - faults were told and versions installed")
    for number, (name, text) in enumerate(HOLDS.items(), 2):
        wrong, seen = checker.wrong[name], checker.seen[name]
        for line in wrong[:10]:
            print(f"# {line}")
        print(f"{'not ' if wrong or not seen else ''}ok {number} - {text} ({seen - len(wrong)} of {seen})")


if __name__ == "__main__":
    sys.exit(main())
