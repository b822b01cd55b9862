#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Loads the module and gives every command of its YAML specification by the kernel's ynl command line. For a VM, as root.

    drive.py FAULTLINE_KO

The tools (cli.py, lib), the kernel's schema and the module's specification lie beside it.
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import cli

HERE = Path(__file__).resolve().parent
SCHEMA = HERE / "genetlink-legacy.yaml"
SPECIFICATION = HERE / "faultline.yaml"
COOKIE = 2**64 - 5      # does not fit a signed number
SETTINGS = ("capture", "hold-ms", "heartbeat-ms", "dstate-ms", "starved-ms", "spin-ms", "deadlock-ms", "work", "soft-memory",
            "soft-processes", "soft-files", "soft-cpu")


def ynl(*arguments):
    """Runs the command line in this process, as a new one takes long in an emulated machine: its status and output."""
    output, status = io.StringIO(), 0
    with mock.patch.object(sys, "argv", ["cli.py", "--spec", str(SPECIFICATION), *arguments]), \
            contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            cli.main()
        except SystemExit as end:
            status = end.code
    return status, output.getvalue()


def refused(*arguments):
    """What the command line prints for a request that the kernel refuses."""
    status, output = ynl("--no-schema", *arguments)
    assert status == 1, f"status {status}: {output}"
    return output


def ask(*arguments):
    status, output = ynl("--no-schema", "--output-json", *arguments)
    assert status == 0, f"status {status}: {output}"
    return json.loads(output)


def do(operation, **attributes):
    return ask("--do", operation, "--json", json.dumps(attributes))


def dump(operation, **attributes):
    return ask("--dump", operation, "--json", json.dumps(attributes))


def victim():
    """A process that waits to be told how to end."""
    return subprocess.Popen(["sleep", "1000"])


def watched(cookie=COOKIE, settings=None):
    process = victim()
    more = {"settings": settings} if settings else {}
    return process, do("watch-set", pid=process.pid, cookie=cookie, **more)["watch"]


def end(process, signo):
    process.send_signal(signo)
    process.wait()


def newest():
    return int(do("stats-get")["stats"]["seq"])


def test_specification():
    """the specification follows the kernel's schema, and names all commands"""
    status, output = ynl("--schema", str(SCHEMA), "--list-msgs")
    assert status == 0, f"status {status}: {output}"
    names = {line.split()[0] for line in output.splitlines()}
    assert names == {"watch-set", "watch-get", "watch-del", "event", "event-get", "event-ack", "stats-get",
                     "watch-change", "heartbeat", "release"}, names


def test_watch():
    """watch-set, watch-get and watch-del"""
    process, watch = watched()
    try:
        found = [w for w in dump("watch-get") if w["watch"] == watch]
        settings = found[0].pop("settings")
        assert found == [{"watch": watch, "cookie": COOKIE, "pid": process.pid, "processes": 1}], found
        assert settings == dict.fromkeys(SETTINGS, 0) | {"capture": 1}, settings
        assert do("stats-get")["stats"]["watches"] == 1
        do("watch-del", watch=watch)
        assert dump("watch-get") == []
    finally:
        end(process, signal.SIGKILL)


def test_watch_change():
    """watch-set takes settings, and watch-change changes those that are given"""
    process = victim()
    try:
        settings = {name: 10000 + place for place, name in enumerate(SETTINGS)} | {"capture": 0, "work": 1, "soft-cpu": 2**63}
        watch = do("watch-set", pid=process.pid, cookie=COOKIE, settings=settings)["watch"]
        assert [w["settings"] for w in dump("watch-get")] == [settings]
        do("watch-change", watch=watch, settings={"hold-ms": 0, "soft-cpu": 1})
        assert [w["settings"] for w in dump("watch-get")] == [settings | {"hold-ms": 0, "soft-cpu": 1}]
    finally:
        end(process, signal.SIGKILL)


def test_heartbeat():
    """heartbeat keeps a watch alive whose heart is to beat, and without it there is a hang"""
    before = newest()
    process, watch = watched(settings={"heartbeat-ms": 1000})
    try:
        do("heartbeat", watch=watch)
        for _ in range(600):
            records = [e["record"] for e in dump("event-get", since=before)]
            if records:
                break
            time.sleep(0.1)
        assert [(r["type"], r["code"], r["watch"]) for r in records] == [("hang", 5, watch)], records
        assert "blocks" in records[0]["flags"], records
    finally:
        end(process, signal.SIGKILL)


def test_event_get():
    """event-get gives a fault, its sender and its end; since leaves out what is known"""
    before = newest()
    process, watch = watched()
    end(process, signal.SIGSEGV)
    records = [e["record"] for e in dump("event-get", since=before)]
    assert [r["type"] for r in records] == ["fatal", "exit"], records
    fatal, last = records
    for record in records:
        assert (record["watch"], record["cookie"], record["tgid"]) == (watch, COOKIE, process.pid), record
        assert record["signo"] == signal.SIGSEGV
        assert bytes.fromhex(record["comm"]).rstrip(b"\0") == b"sleep", record["comm"]
    assert fatal["sender-tgid"] == os.getpid() and fatal["seq"] == before + 1, fatal
    assert {"capture", "sent", "main"} <= set(fatal["flags"]), fatal["flags"]
    assert {"last", "main"} <= set(last["flags"]), last["flags"]
    assert [e["record"]["seq"] for e in dump("event-get", since=before + 1)] == [before + 2]


def test_event():
    """event tells the group as it happens"""
    process, watch = watched()
    sleep = time.sleep

    def strike(_):
        end(process, signal.SIGABRT)
        sleep(1)

    # The command line sleeps after it has joined the group and before it reads.
    with mock.patch.object(cli.time, "sleep", strike):
        told = ask("--subscribe", "events", "--sleep", "1")
    assert told and {t["name"] for t in told} == {"event"}, told
    records = [t["msg"]["record"] for t in told]
    assert records[0]["type"] == "fatal" and records[0]["watch"] == watch, records


def test_event_ack():
    """event-ack, and the ledger of stats-get"""
    process, _ = watched()
    end(process, signal.SIGTERM)
    do("event-ack", seq=newest())
    stats = do("stats-get")["stats"]
    assert dump("event-get") == []
    assert stats["pending"] == 0 and stats["delivered"] == stats["emitted"] == stats["acked"], stats
    assert set(stats) == {"emitted", "delivered", "pending", "lost-no-slot", "seq", "acked", "captures",
                          "captures-missed", "watches", "processes", "unwatched", "blocks", "blocks-missed",
                          "threads", "threads-missed", "scans", "scan-ns", "limit-passes", "limit-ns", "refused",
                          "switched-off"}, stats


def test_refusals():
    """what the kernel refuses comes with its words"""
    assert "a watch needs a pid and a cookie" in refused("--do", "watch-set", "--json", '{"pid": 1}')
    assert "which settings?" in refused("--do", "watch-change", "--json", '{"watch": 4000000}')
    assert "no watch has this id" in refused("--do", "heartbeat", "--json", '{"watch": 4000000}')
    assert "no watch has this id" in refused("--do", "watch-del", "--json", '{"watch": 4000000}')
    assert "not been given yet" in refused("--do", "event-ack", "--json", '{"seq": 4000000}')


def main():
    tests = [(name, function) for name, function in globals().items() if name.startswith("test_")]
    subprocess.run(["insmod", sys.argv[1]], check=True)
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, (_, function) in enumerate(tests, 1):
        outcome = "ok"
        try:
            function()
        except Exception as error:
            outcome = "not ok"
            failed += 1
            for line in (str(error) or repr(error)).splitlines():
                print("#", line)
        print(f"{outcome} {number} - {function.__doc__}", flush=True)
    subprocess.run(["rmmod", "faultline"], check=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
