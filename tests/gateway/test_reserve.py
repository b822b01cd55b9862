# SPDX-License-Identifier: GPL-2.0-only
"""The next process of an application is made while the present one runs, waits before it executes, and is what a restart starts."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import wait_until

NAME = "air-conditioner"


def start(site, action="restart", *options, where="gateway", **bundle):
    site.center("countermeasure", "set", "signal", action, "--attempts", 100, "--backoff", 0, "--decide", where, *options)
    site.stock(**({"residence": "resident"} | bundle))
    site.start_center()
    site.start_gateway()
    assert site.run()[1]
    return site


def reserve(site, other_than=None):
    """The process that waits."""
    return wait_until(lambda: (pid := site.app().get("reserve")) != other_than and pid, "one is in reserve")


def program(pid):
    return os.path.basename(os.readlink(f"/proc/{pid}/exe"))


def waiting(site):
    """Processes that wait for an application of this site."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes()
        except OSError:
            continue
        if line.startswith(b"faultline-gate\0") and str(site.state).encode() in line:
            found.append(int(entry.parent.name))
    return found


def at_the_gate(pid):
    """As soon as it has executed faultline-gate."""
    return wait_until(lambda: os.path.exists(f"/proc/{pid}/exe") and program(pid) == "faultline-gate", "it waits at the gate")


def strike(site, signo=signal.SIGSEGV):
    """A fault of the application; the process that it has afterwards."""
    pid, handled = site.app()["pid"], len(site.ask("faults"))
    os.kill(pid, signo)
    wait_until(lambda: len([f for f in site.ask("faults") if f.get("outcome")]) > handled, "it is handled")
    return site.app()["pid"]


@pytest.mark.parametrize("where", ["gateway", "center"])
def test_is_what_a_restart_starts(site, where):
    start(site, where=where)
    waits = reserve(site)
    at_the_gate(waits)
    first = site.app()["pid"]
    assert waits != first and waiting(site) == [waits]
    assert strike(site) == waits and program(waits) == NAME
    result, error = site.run()[1:]
    assert result, error
    assert reserve(site) != waits, "the next one"
    assert len(site.ask("faults")) == 1 and site.app()["restarts"] == 1
    # What waits is no process of the application to anybody else.
    pids = {e["data"].get("pid") for e in site.ask("events", "-n", 500) if e["part"] == "kernel" and e.get("data")}
    assert pids == {first}


def facts(pid):
    """What a process has from its start."""
    root = Path(f"/proc/{pid}")
    status = re.findall(r"^(Name|Umask|State|Uid|Gid|Groups|Cap\w+|NoNewPrivs|Seccomp\w*|Sig(?:Blk|Ign|Cgt)|Cpus_allowed|Threads"
                        r"|CoreDumping):[ \t]*(.*)$", (root / "status").read_text(), re.M)
    variables = sorted(v for v in (root / "environ").read_bytes().split(b"\0") if v)
    # They are of the one process, as its socket is.
    variables = [re.sub(rb"^(NOTIFY_SOCKET=.*/|WATCHDOG_PID=).*", rb"\1", v) for v in variables]
    stat = (root / "stat").read_text().rpartition(")")[2].split()
    group = re.sub(rf"({NAME})\.\w+", r"\1", (root / "cgroup").read_text())
    places = [os.readlink(root / p) for p in ("cwd", "root", "exe")] + [os.readlink(root / "ns" / n) for n in os.listdir(root / "ns")]
    kinds = [re.sub(r"\d+", "", os.readlink(root / "fd" / str(fd))) for fd in range(3)]
    return {"status": status, "environment": variables, "limits": (root / "limits").read_text(), "group": group, "places": places,
            "kinds": kinds, "pipes": kinds == ["pipe:[]"] * 3, "leader": os.getsid(pid) == os.getpgid(pid) == pid,
            "priority": (os.getpriority(os.PRIO_PROCESS, pid), os.sched_getscheduler(pid)), "parent": int(stat[1]),
            "adjusted": (root / "oom_score_adj").read_text(), "command": (root / "cmdline").read_bytes(),
            "owner": root.stat().st_uid}


def test_is_started_as_any_other(site):
    """User, sandbox, limits, environment, group, descriptors: nothing tells it from a process that was not made beforehand."""
    start(site, edit=lambda text: text.replace("<resources", '<watch heartbeat="600000"/>\n<resources'))
    first = site.app()["pid"]
    fds = sorted(os.listdir(f"/proc/{first}/fd"))
    before = facts(first)
    waits = reserve(site)
    at_the_gate(waits)
    wait_until(lambda: os.stat(f"/proc/{waits}/environ").st_uid == 0, "no other process of its user can look into it")
    assert strike(site) == waits
    assert site.run()[1]
    assert facts(waits) == before
    assert sorted(os.listdir(f"/proc/{waits}/fd")) == fds
    assert f"WATCHDOG_PID={waits}".encode() in Path(f"/proc/{waits}/environ").read_bytes().split(b"\0")
    groups = [Path(f"/proc/{pid}/cgroup").read_text() for pid in (waits, reserve(site))]
    assert groups[0] != groups[1] or NAME not in groups[0], "each in a group of its own, where the gateway has groups"


def cut(text):
    return text.replace('processes="8"', 'processes="9"')


@pytest.mark.parametrize("action", ["restart-clean", "reinstall", "limits"])
def test_what_was_made_for_something_else_is_not_started(site, action):
    more = ["--parameter", "files=77"] if action == "limits" else []
    start(site, action, *more)
    waits = reserve(site)
    if action == "reinstall":
        site.add_bundle(residence="resident", version="2.0.0", edit=cut)
    assert strike(site) != waits
    wait_until(lambda: not os.path.exists(f"/proc/{waits}"), "it is gone")
    result, error = site.run()[1:]
    assert result, error
    if action == "reinstall":
        assert site.app()["version"] == "2.0.0"
        list_before = site.ask("status")["policy_version"]
        site.center("countermeasure", "set", "signal", "rollback", "--attempts", 100, "--backoff", 0)
    # The next one is made for what holds now.
    again = reserve(site, waits)
    at_the_gate(again)
    limits = Path(f"/proc/{again}/limits").read_text()
    assert re.search(r"^Max open files +(\d+)", limits, re.M)[1] == ("77" if action == "limits" else "32")
    if action != "reinstall":
        return
    wait_until(lambda: site.ask("status")["policy_version"] > list_before, "the list is here")
    assert strike(site) != again and site.app()["version"] == "1.0.0"
    wait_until(lambda: not os.path.exists(f"/proc/{again}"), "it is gone")
    assert site.run()[1]


def test_a_folder_that_was_exchanged_is_noticed(site):
    """Its working directory and its sandbox are of the folder that was there when it was made."""
    start(site)
    waits, folder = reserve(site), site.state / "data" / NAME
    folder.rename(folder.with_name("away"))
    folder.mkdir(0o700)
    os.chown(folder, *(folder.with_name("away").stat().st_uid,) * 2)
    pid = strike(site)
    assert pid != waits and os.readlink(f"/proc/{pid}/cwd") == str(folder)
    assert not os.path.exists(f"/proc/{waits}")


def test_ends_with_a_supervisor_that_is_killed(site):
    start(site)
    waits, pid = reserve(site), site.app()["pid"]
    at_the_gate(waits)
    time.sleep(0.2)     # events are committed within 50 ms
    site.end("gateway", signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{waits}"), "it has ended")
    site.start_gateway()
    assert site.app()["pid"] == pid, "the application goes on"
    again = reserve(site)
    sockets = len(list((site.folder / "run/notify").iterdir()))
    assert sockets == 2, "of the application and of what waits"
    assert strike(site) == again


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_ends_with_a_supervisor_that_ends(site, how):
    start(site)
    waits = reserve(site)
    if how == signal.SIGTERM:
        site.end("gateway")
        assert not waiting(site)
    else:
        site.processes["gateway"].send_signal(how)
        wait_until(lambda: not os.path.exists(f"/proc/{waits}"), "it is ended and reaped")
        wait_until(lambda: site.ctl("status").returncode == 0, "the next supervisor answers")
        again = reserve(site, waits)
        assert strike(site) == again


def test_that_it_is_killed_is_no_fault(site):
    start(site)
    waits, pid = reserve(site), site.app()["pid"]
    os.kill(waits, signal.SIGKILL)
    again = reserve(site, waits)
    assert not os.path.exists(f"/proc/{waits}")
    assert not site.ask("faults") and site.app()["pid"] == pid and site.app()["restarts"] == 0
    time.sleep(0.2)     # its record would have come by now
    assert not [e for e in site.ask("events", "-n", 500) if (e.get("data") or {}).get("pid") == waits], "nor an event"
    # One that dies and nobody has noticed yet: the application starts none the less.
    os.kill(site.processes["gateway"].pid, signal.SIGSTOP)
    os.kill(again, signal.SIGKILL)
    os.kill(pid, signal.SIGSEGV)
    os.kill(site.processes["gateway"].pid, signal.SIGCONT)
    wait_until(lambda: [f for f in site.ask("faults") if f.get("outcome")], "it is handled")
    assert site.app()["pid"] not in (pid, waits, again) and site.app()["state"] == "running"
    assert site.run()[1]


@pytest.mark.parametrize("how", ["once", "again"])
def test_that_it_is_stopped_holds_nobody_up(site, how):
    """As a process of the same user could do."""
    start(site)
    waits, pid = reserve(site), site.app()["pid"]
    os.kill(waits, signal.SIGSTOP)
    again = subprocess.Popen([sys.executable, "-c", "import os, signal, sys\nwhile True: os.kill(int(sys.argv[1]), signal.SIGSTOP)",
                              str(waits)], stderr=subprocess.DEVNULL) if how == "again" else None
    try:
        new = strike(site)
        assert new not in (0, pid) and site.app()["state"] == "running"
        assert new == waits or again
        assert site.ctl("status").returncode == 0
    finally:
        if again:
            again.kill()
            again.wait()
    if not again:
        assert site.run()[1]


def test_that_it_never_executes_holds_nobody_up_for_long(site):
    start(site)
    waits = reserve(site)
    path = re.search(r"^0::/(.*)$", Path(f"/proc/{waits}/cgroup").read_text(), re.M)[1]
    group = next((m for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") if NAME in path and (m := Path(root) / path / "cgroup.freeze").exists()),
                 None)
    if not group:
        pytest.skip("the gateway has no groups here")
    group.write_text("1")
    assert strike(site) != waits and site.app()["state"] == "running"
    assert not os.path.exists(f"/proc/{waits}")
    result, error = site.run()[1:]
    assert result, error


def test_a_program_that_is_gone_is_told_as_ever(site):
    start(site, "restart", "--then", "stop")
    reserve(site)
    (site.state / "applications" / NAME / "bin" / NAME).unlink()
    os.kill(site.app()["pid"], signal.SIGSEGV)
    fault = wait_until(lambda: [f for f in site.ask("faults") if f.get("outcome")], "it is handled")[0]
    assert fault["outcome"]["result"] == "failed" and site.app()["state"] == "halted"
    failed = [e for e in site.ask("events", "-n", 100) if e["name"] == "restoration.failed"]
    assert len(failed) == 1 and "cannot be started: execute" in failed[0]["text"]
    assert not waiting(site) and not site.app().get("reserve")


@pytest.mark.parametrize("off", ["data", "profile", "transient", "standby"])
def test_there_is_none(site, off):
    if off == "profile":
        site.profile = '<profile reserve="no"/>\n'
    attribute = {"data": 'reserve="no"', "standby": 'standby="yes"'}.get(off)
    start(site, residence="transient" if off == "transient" else "resident", edit=lambda text: text.replace(
        "</application>", f"<restoration {attribute}/></application>") if attribute else text)
    time.sleep(1.5)
    assert not waiting(site) and (off == "transient" or not site.app().get("reserve"))


def test_none_in_a_crash_loop(site):
    """One that falls again at once is started in the ordinary way, and no more is made for it."""
    start(site)
    reserve(site)
    pids = [strike(site) for _ in range(5)]
    assert len(set(pids)) == 5 and not site.app().get("reserve") and not waiting(site)
    reserve(site)


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_nothing_is_left_of_many(site):
    start(site)
    gateway = site.processes["gateway"].pid
    reserve(site)
    strike(site)
    waits = reserve(site)
    at_the_gate(waits)
    base = next((p for p in Path("/sys/fs/cgroup").glob(f"**/faultline-{site.name}.{gateway}")), None)

    def counted():
        return {"files": open_files(gateway), "children": len(children(gateway)), "sockets": len(os.listdir(site.folder / "run/notify")),
                "groups": len([p for p in base.iterdir() if p.is_dir()]) if base else 0, "waiting": len(waiting(site))}
    before = counted()
    for _ in range(8):
        assert strike(site) == waits
        strike(site)    # and one without
        waits = reserve(site, waits)
    assert wait_until(lambda: counted() == before, f"{counted()} is as {before}")


def test_costs_little(site):
    """docs/applications.md says how much."""
    start(site)
    waits = reserve(site)
    at_the_gate(waits)
    time.sleep(0.1)
    rollup = dict(re.findall(r"^(\w+):\s+(\d+) kB$", Path(f"/proc/{waits}/smaps_rollup").read_text(), re.M))
    assert int(rollup["Private_Dirty"]) + int(rollup["Private_Clean"]) <= 160
