# SPDX-License-Identifier: GPL-2.0-only
"""An application is kept to itself, with what this machine's kernel has for it."""

import os
import signal
from pathlib import Path

import pytest

from conftest import wait_until


def isolation(prober):
    return prober.site.ask("status")["isolation"]


def fault(prober):
    found = wait_until(lambda: [f for f in prober.site.ask("faults") if f.get("outcome")], "a fault is handled")
    return prober.site.ask("fault", "show", found[-1]["id"])


def test_status_says_what_there_is_and_what_is_missing(prober):
    prober.start("files")
    status = isolation(prober)
    assert set(status) == {"landlock", "seccomp", "memory", "processes", "kill", "missing"}
    log = prober.site.log("gateway")
    assert log.count("isolation: ") == len(status["missing"])
    text = prober.site.ctl("status").stdout
    for line in status["missing"]:
        assert f"isolation: {line}\n" in log and line in text
    if "rlimit" in (status["memory"], status["processes"]):
        assert any("cgroup v2" in line for line in status["missing"])


def test_files(prober):
    prober.start("files")
    if not isolation(prober)["landlock"]:
        pytest.skip("this kernel has no Landlock")
    found = prober.ask()
    assert found == {"state": "done", "temporary": "done", "tmp": "EACCES", "shm": "EACCES", "null": "done",
                     "bundle": "EACCES", "var": "EACCES", "etc": "done", "execute": "EACCES", "execute-true": "done"}


def test_system_calls(prober):
    prober.start("calls")
    if not isolation(prober)["seccomp"]:
        pytest.skip("this kernel has no seccomp")
    assert prober.ask() == {"unshare": "EPERM", "mount": "EPERM", "ptrace": "EPERM", "algorithms": "EAFNOSUPPORT",
                            "internet": "done", "thread": "done", "capabilities": 0}


def test_processes_are_limited(prober):
    prober.start("processes")
    found = prober.ask()
    assert found["errno"] == "EAGAIN" and found["children"] < 12


def test_memory_is_limited(prober):
    prober.site.center("countermeasure", "set", "limit.memory", "stop")
    prober.site.center("countermeasure", "set", "exit", "stop")
    prober.start("memory")
    prober.site.run("probing")
    known = fault(prober)
    # Where a limit of the group is there, it strikes as the kernel's kill; else the program is refused the memory.
    expected = "limit.memory" if isolation(prober)["memory"] == "cgroup" else "exit.nonzero"
    assert known["kind"] == expected
    assert known["data"]["isolation"]["memory"] == isolation(prober)["memory"]
    assert len(prober.site.ask("faults")) == 1, "one fault, one record"
    if expected == "limit.memory":
        group = known["data"]["figures"]["cgroup"]
        assert group["memory.events"]["oom_kill"] > 0 and group["memory.peak"] <= group["memory.max"] == 64 << 20
        assert group["cpu.stat"]["usage_usec"] > 0


def test_nothing_outlives_the_application(prober):
    prober.start("orphan")
    if isolation(prober)["kill"] != "cgroup":
        pytest.skip("no cgroup v2: a process that leaves the session is not reached")
    prober.ask()
    app = prober.site.app("prober")
    uid = (prober.site.state / "data/prober").stat().st_uid

    def owned():
        return [p.name for p in Path("/proc").iterdir() if p.name.isdigit() and p.exists() and p.stat().st_uid == uid]
    assert len(owned()) == 2
    os.kill(app["pid"], signal.SIGKILL)
    wait_until(lambda: app["pid"] != (prober.site.app("prober") or {}).get("pid") and len(owned()) <= 1,
               "what it had started is gone")


def test_groups_are_removed(prober):
    prober.start("files")
    if isolation(prober)["kill"] != "cgroup":
        pytest.skip("no cgroup v2")

    def groups():
        return [p for p in Path("/sys/fs/cgroup").rglob(f"*faultline-{prober.site.name}*") if p.is_dir()]
    prober.ask()
    assert groups()
    prober.site.end("gateway")
    assert groups() == []
